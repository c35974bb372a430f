"""The kinds of material that can be trained on: where their recipes live, and defaults that suit them. No torch."""

from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from core.folders import find_files
from core.training.survey import Survey

KindName = Literal["audio", "midi"]


@dataclass(frozen=True)
class Kind:
    """One kind of material. `noun` is what a file of it is called; the places are "module:name", loaded when needed.

    The rest are defaults that suit it, for what a person leaves open: KL weight, and weight and target in nats where
    the weight steers by the KL; free bits, dropout, epochs and rate (None: the preset's, or the config's), the largest
    batch, and from how many seconds of material on a discriminator plays.
    """

    name: KindName
    noun: str
    suffixes: frozenset[str]
    recipe: str
    voice: str
    survey: str
    kl_weight: float
    steered_kl: tuple[float, float] | None = None
    free_bits: float | None = None
    dropout: float | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    max_batch: int = 32
    adversarial_seconds: float = 0.0


KINDS: dict[KindName, Kind] = {
    "audio": Kind(
        "audio",
        "sound",
        frozenset({".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".aifc"}),
        recipe="core.audio.recipe:AudioRecipe",
        voice="core.audio.voice:AudioVoice",
        survey="core.audio.survey:survey",
        # A tenth of the specification's, which was set against losses many times as large. At the whole of it a model
        # forgets what its principal components began with (a vector every 21 ms: held-out MRSTFT 1.12 before training,
        # 1.13 after 100 CPU-seconds; at a tenth 1.10), and all of its 64 dimensions are in use at either.
        kl_weight=0.001,
        # At 0.001 the weight is too low to steer by: the demo's sounds stand at 208 nats without a KL, at 80 within 20
        # steps of weights up to 0.05.
        steered_kl=(0.05, 80.0),
        # No gain was measured on 63 sounds, at twice the cost of a step; those who report one train on an hour or more.
        adversarial_seconds=3600.0,
    ),
    "midi": Kind(
        "midi",
        "tune",
        frozenset({".mid", ".midi"}),
        recipe="core.midi.recipe:MidiRecipe",
        voice="core.midi.voice:MidiVoice",
        survey="core.midi.survey:survey",
        kl_weight=1.0,
        # A floor under each of the 128 dimensions: at weight 1 without it the decoder does with 5 of them.
        free_bits=0.2,
        dropout=0.1,
        epochs=30,
        learning_rate=1e-3,
        max_batch=16,
    ),
}


def kind_of(recipe: str, folder: Path) -> Kind:
    """The kind that a config's `recipe` names; for "auto" the one that most files in the folder are of.

    Raises DataError where the folder cannot be looked at or holds nothing of any kind.
    """
    if recipe != "auto":
        return KINDS[recipe]  # type: ignore[index]
    every = frozenset[str]().union(*(kind.suffixes for kind in KINDS.values()))
    suffixes = Counter(path.suffix.lower() for path in find_files(folder, every, "file"))
    return max(KINDS.values(), key=lambda kind: sum(suffixes[suffix] for suffix in kind.suffixes))


def load(place: str) -> Any:
    """What a "module:name" names."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def survey(kind: Kind, folder: Path, config: Any) -> Survey:
    """What the folder holds for training on it with `config`, from a quick look. Raises DataError."""
    found: Survey = load(kind.survey)(folder, config)
    return found
