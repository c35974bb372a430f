"""A checkpoint's decoder, of whichever kind of material, ready to be written for others to run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from core.export.density import drawing
from core.export.port import Decoder
from core.export.trained import Trained

if TYPE_CHECKING:
    from core.export.sound_decoder import SoundDecoder
    from core.export.token_decoder import TokenDecoder


@dataclass(frozen=True, eq=False)
class Ready:
    """A decoder as a module in evaluation mode, and what its sidecar says of it as JSON-ready values."""

    module: nn.Module
    decoder: Decoder
    about: dict[str, Any]


def ready(trained: Trained, *, complex_numbers: bool) -> Ready:
    """The decoder of a checkpoint. `complex_numbers`: whether the format knows them. Raises CheckpointError."""
    module: SoundDecoder | TokenDecoder
    module = _sound(trained, complex_numbers) if trained.config.recipe == "audio" else _tokens(trained)
    about = {
        **trained.about(),
        "inputs": [port.described() for port in module.inputs],
        "outputs": [module.output.described()],
        **module.about,
        "density": drawing(trained.weights),
    }
    return Ready(module.eval().requires_grad_(False), module, about)


def _sound(trained: Trained, complex_numbers: bool) -> "SoundDecoder":
    from core.audio.building import build_model
    from core.export.sound_decoder import SoundDecoder

    model = build_model(trained.config)
    trained.into(model)
    return SoundDecoder(model, trained.config, complex_numbers=complex_numbers)


def _tokens(trained: Trained) -> "TokenDecoder":
    from core.export.token_decoder import TokenDecoder
    from core.midi.recipe import build_model

    model = build_model(trained.config)
    trained.into(model)
    return TokenDecoder(model, trained.config.tunes.window_tokens)
