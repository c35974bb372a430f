"""One setting, trained by the project's own recipe and trainer until its compute is spent, heard on held-out sounds."""

import io
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import soundfile
import torch
from budget import trained
from sound_measures import RATE, at_48k, compare, means, spread
from torch.nn import functional

from core.audio.files import read_sound
from core.audio.recipe import AudioRecipe
from core.audio.remake import Place, Remaker
from core.audio.voice import AudioVoice
from core.losses.kl import ACTIVE_NATS
from core.models.conv_vae import ConvVAE
from core.training.optimize import unwrapped
from core.training.state import TrainingState
from core.training.validation import validate

COUNT = 16  # of the samples, and of the real sounds that their variety is compared with


@dataclass
class Order:
    """What to train: `train` and `held_out` are paths below `data`; `seconds` are of CPU time, or of a GPU's clock."""

    name: str
    data: str
    train: list[str]
    held_out: list[str]
    seconds: float
    overrides: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    renders: str = ""


def heard(order: Order, data: Path, recipe: AudioRecipe, state: TrainingState) -> dict[str, Any]:
    """The row of a trained setting: the latest averaged weights, through the code of the `reconstruct` command."""
    model = unwrapped(state.average).eval()
    assert isinstance(model, ConvVAE)
    recipe.fit_density(model)
    validation = validate(recipe, state, 0.0, lambda: False)
    assert validation is not None
    remaker = Remaker(model.cpu(), recipe.config)
    voice = AudioVoice(remaker)
    rows, seconds, spent = [], 0.0, 0.0
    for name in order.held_out:
        began = time.process_time()
        rendering = voice.reconstruct(data / name)
        spent += time.process_time() - began
        seconds += rendering.seconds
        samples, rate = soundfile.read(io.BytesIO(rendering.data), dtype="float32")
        rows.append(compare(read_sound(data / name, RATE)[0], at_48k(torch.from_numpy(samples), rate)))
        if order.renders:
            path = Path(order.renders) / order.name / f"{Path(name).stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(rendering.data)
    active = sum(kl > ACTIVE_NATS for kl in validation.kl_per_dimension)
    return {
        **means(rows),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "steps": state.step,
        "audio s/s": seconds / spent,
        "active": f"{active}/{len(validation.kl_per_dimension)}",
        "variety": variety(order, data, remaker),
    }


def variety(order: Order, data: Path, remaker: Remaker) -> float:
    """The spread of 16 samples against that of 16 real sounds, each from its beginning: 1 is as varied."""
    rate, length = remaker.sample_rate, remaker.chunk_samples
    names = sorted([*order.train, *order.held_out])
    chosen = sorted({number * len(names) // COUNT for number in range(COUNT)})
    sounds = [read_sound(data / names[number], rate)[0][:length] for number in chosen]
    real = [functional.pad(sound, (0, length - len(sound))) for sound in sounds]
    drawn = [remaker.sound_of(Place(remaker.drawn(seed, length), length)) for seed in range(COUNT)]
    return spread([at_48k(sound, rate) for sound in drawn]) / spread([at_48k(sound, rate) for sound in real])


def row_of(order: Order) -> dict[str, Any]:
    """Train and listen. The sounds are linked into a folder that holds nothing else, and stay where they are."""
    with tempfile.TemporaryDirectory() as place:
        data = Path(place) / "sounds"
        for name in [*order.train, *order.held_out]:
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            (data / name).symlink_to(Path(order.data).absolute() / name)
        overrides = {"recipe": "audio", **order.overrides, "data.path": str(data)}
        held_out = frozenset(order.held_out)
        recipe, state, spent = trained(
            order.name, overrides, held_out, order.seconds, order.device, Path(place) / "runs"
        )
        assert isinstance(recipe, AudioRecipe)
        row = {"what": order.name, **heard(order, data, recipe, state), "CPU s": round(spent, 1)}
        recipe.close()
    return row
