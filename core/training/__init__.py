"""Training: config, loop, runner, checkpoints, previews. Names load on first use, so that the config stays cheap."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
