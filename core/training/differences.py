"""Where two configs differ, and where a run's differs from its preset's and from its checkpoint's. No torch.

Importing this is cheap: the config tree itself is loaded by the functions that need it.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from core.run.events import ConfigDifference

if TYPE_CHECKING:
    from core.training.config import TrainingConfig

# What says where or under which name a run trains, and nothing of what it learns.
OF_THE_PLACE = frozenset({"name", "device", "threads", "data.memory_mb"})
# What no preset has a say in.
OF_NO_PRESET = OF_THE_PLACE | {"recipe", "preset", "seed", "data.path", "tunes.soundfont"}


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of nested plain values, in order."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def difference(here: Mapping[str, Any], there: Mapping[str, Any]) -> tuple[tuple[str, Any, Any], ...]:
    """(dotted key, here, there) of every value that differs between two nested configs; None where there is none.

    In the order of `here`, then what only `there` has. A list and a tuple of the same values are the same.
    """
    own, other = dict(leaves(here)), dict(leaves(there))
    keys = [*own, *(key for key in other if key not in own)]
    pairs = ((key, own.get(key), other.get(key)) for key in keys)
    return tuple((key, mine, others) for key, mine, others in pairs if _plain(mine) != _plain(others))


def from_preset(config: "TrainingConfig", file_count: int, train_chunks: int) -> tuple[ConfigDifference, ...]:
    """What a person set otherwise in a resolved config than its preset would have it for such data.

    `file_count` and `train_chunks` are those that `core.training.presets.resolve` was given. Each value is held
    against what it would have been with all others as they are: what only follows from another setting (the warm-up
    from the epochs, the batch from the length of the chunks) is not told again.
    """
    from core.training.config import TrainingConfig, to_dict
    from core.training.live import value_of, with_value
    from core.training.presets import SETTLED, resolve

    usual = TrainingConfig(recipe=config.recipe)
    defaults, given = dict(leaves(to_dict(usual))), frozenset(key for key, _ in leaves(to_dict(config)))
    found = []
    for key, value in leaves(to_dict(config)):
        if key in OF_NO_PRESET:
            continue
        there = defaults.get(key)
        if key in SETTLED:
            opened = with_value(config, key, value_of(usual, key))
            there = value_of(resolve(opened, file_count, train_chunks, given - {key}), key)
        if _plain(value) != _plain(there):
            found.append(ConfigDifference(key, shown(value), shown(there), "preset"))
    return tuple(found)


def from_checkpoint(config: "TrainingConfig", checkpoint_config: Mapping[str, Any]) -> tuple[ConfigDifference, ...]:
    """What differs from the config (nested plain values) that stands in the checkpoint gone on from.

    What one of the two leaves out, since another version of the program wrote it, counts as its default.
    """
    from core.training.config import TrainingConfig, to_dict

    defaults = dict(leaves(to_dict(TrainingConfig(recipe=config.recipe))))
    here, there = defaults | dict(leaves(to_dict(config))), defaults | dict(leaves(checkpoint_config))
    return tuple(
        ConfigDifference(key, shown(mine), shown(others), "checkpoint")
        for key, mine, others in difference(here, there)
        if key in defaults and key not in OF_THE_PLACE
    )


def shown(value: Any) -> str:
    """A setting as a person reads it: 0.001, 1e-5, yes, 512 1024 2048; a dash for one that is not there."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        short = f"{value:g}"
        return (short if float(short) == value else repr(value)).replace("e-0", "e-").replace("e+0", "e")
    if isinstance(value, list | tuple):
        return " ".join(shown(item) for item in value) or "none"
    return str(value) or "none"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
