"""What the use of the latent means in words: a summary, and what helps when most of it says nothing."""

import math
from collections.abc import Mapping
from typing import Any

from core.run.events import EpochMetrics
from core.run.state import RunState
from distill_tui.format import number

EARLY_STEPS = 200  # until then the encoder has learned too little for its KL to mean anything (core.insight)
FLOOR = 0.5  # nats, the usual loss.kl.free_bits


def summary(epoch: EpochMetrics) -> str:
    """One line: how many dimensions are active, and what they say together."""
    line = (
        f"epoch {epoch.epoch}: {epoch.active_dimensions} of {epoch.latent_dimensions} dimensions active, "
        f"KL {number(epoch.kl_divergence)} nats"
    )
    if epoch.active_units >= 0:
        line += f", {epoch.active_units} active units"
    if math.isfinite(epoch.mutual_information):
        line += f", mutual information {number(epoch.mutual_information)} nats"
    return line


def measures(state: RunState, config: Mapping[str, Any]) -> tuple[str, ...]:
    """How many dimensions differ over the validation material, and how much of it the latent tells apart.

    The latter is e to the mutual information: so many items could be known by their latents alone, and one that could
    be any is none. Of a sequence the items are moments. Empty for a run of an older version, which did not measure it.
    """
    epoch = state.epoch
    if epoch is None:
        return ()
    what, total = _items(state, config)
    words = []
    if epoch.active_units >= 0:
        words.append(f"{epoch.active_units or 'none'} differ from {what} to {what}")
    if math.isfinite(epoch.mutual_information):
        apart = round(math.exp(epoch.mutual_information))
        of = f" of {total}" if total else ""
        told = (min(apart, total) if total else apart) if apart > 1 else "none" if total else "no"
        words.append(f"tells {told}{of} {what}s apart")
    return tuple(words)


def suggestion(state: RunState, config: Mapping[str, Any]) -> tuple[str, str] | None:
    """(in a few words, in full with the keys that help) when more than half of the dimensions are inactive.

    Specification 5, open question 1. None in the first 200 steps and as long as the KL weighs nothing: the latent of
    a healthy run says little then.
    """
    epoch = state.epoch
    if epoch is None or 2 * epoch.active_dimensions >= epoch.latent_dimensions or epoch.step < EARLY_STEPS:
        return None
    if state.step is not None and state.step.kl_weight == 0:
        return None
    inactive = epoch.latent_dimensions - epoch.active_dimensions
    kl = _table(config, "loss", "kl")
    ways = []
    size = 1 << max(0, 2 * epoch.active_dimensions - 1).bit_length()
    if epoch.active_dimensions and size < epoch.latent_dimensions:
        tunes = state.started is not None and state.started.recipe == "midi"
        ways.append(f"a smaller latent ({'token_model' if tunes else 'model'}.latent_dim={size})")
    weight = kl.get("weight_max")
    if isinstance(weight, int | float) and weight > 0:
        ways.append(f"a weaker prior (loss.kl.weight_max={weight / 10:.2g})")
    floor = kl.get("free_bits")
    if isinstance(floor, int | float) and floor < FLOOR:
        ways.append(f"a floor under each dimension (loss.kl.free_bits={FLOOR:g})")
    helps = f" Train again with {' or '.join(ways)}." if ways else ""
    return "more than half say nothing: see ?", f"{inactive} dimensions say nothing.{helps}"


def _items(state: RunState, config: Mapping[str, Any]) -> tuple[str, int]:
    """What the latent is measured on, and how many of it there are where that is known."""
    tunes = state.started is not None and state.started.recipe == "midi"
    if not tunes and _table(config, "model").get("latent") == "sequence":
        return "moment", 0
    names = state.latent_map.names if state.latent_map is not None else ()
    return ("part" if len(names) > len(set(names)) else "tune" if tunes else "sound"), len(names)


def _table(config: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The table at a path of a config that may be of another version."""
    for name in path:
        inner = config.get(name)
        config = inner if isinstance(inner, Mapping) else {}
    return config
