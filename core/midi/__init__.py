"""Tunes: the token vocabulary, MIDI files, windows of tokens, their sound, and the recipe that trains on them."""
