"""Sounds: finding, reading, splitting, cropping and augmenting them, and the spectrograms a model sees.

`files`, `split` and `demo` import without torch; the other modules need it.
"""
