"""Loss terms: each a function or module from tensors to named scalars, weighted once, in one place."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
