"""Every setting of the watched run as it is in force now, beside what it would be elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.run.events import RunStarted, ValueSet
from core.training.differences import OF_THE_PLACE, difference, leaves, shown
from distill_tui.format import clean
from distill_tui.overlay import Overlay
from distill_tui.reader import Snapshot

THAN = ("preset", "checkpoint", "baseline")
_SPELLED = {"stft": "STFT", "fft": "FFT", "kl": "KL", "if": "IF", "snr": "SNR", "db": "dB", "mb": "MB"}


@dataclass(frozen=True)
class Setting:
    """One setting. `others` holds its value in "preset", "checkpoint" and "baseline" where that is another one.

    `live` says that a person set it while the run trained.
    """

    key: str
    value: str
    others: tuple[tuple[str, str], ...] = ()
    live: bool = False

    def other(self, than: str) -> str | None:
        """The value there; None where it is the same or not known."""
        return dict(self.others).get(than)


def settings(snapshot: Snapshot) -> tuple[Setting, ...]:
    """All settings, in the config's own order; none while the config is not known."""
    kept, now = _live(snapshot)
    config = config_in_force(snapshot)
    others = _of_the_start(snapshot.state.started, now)
    baseline = baseline_of(snapshot)
    if baseline is not None:
        there = dict(leaves(baseline.config))
        for key, _, other in difference(config, baseline.config):
            if key in there and key not in OF_THE_PLACE:
                others.setdefault(key, {})["baseline"] = shown(other)
    found = []
    for key, value in leaves(config):
        text, told = shown(value), others.get(key, {})
        differing = tuple((than, told[than]) for than in THAN if than in told and told[than] != text)
        found.append(Setting(key, text, differing, key in now or key in kept))
    return tuple(found)


def config_in_force(snapshot: Snapshot) -> dict[str, Any]:
    """The run's config as nested plain values, with what has been set live since it was read."""
    config = dict(snapshot.info.config) if snapshot.info else {}
    for key, events in _live(snapshot)[1].items():
        config = _with(config, key.split("."), events[-1].after)
    return config


def baseline_of(snapshot: Snapshot) -> Overlay | None:
    """The run that this one is compared with, if one is chosen and its config is known."""
    return next((overlay for overlay in snapshot.overlays if overlay.baseline and overlay.config), None)


def spelled(key: str) -> str:
    """A key, or a part of one, as words: `learning rate`, `STFT weight` for loss.stft.weight."""
    words = clean(" ".join(key.split(".")[-2:])).replace("_", " ").split()
    return " ".join(_SPELLED.get(word, word) for word in words)


def _live(snapshot: Snapshot) -> tuple[frozenset[str], dict[str, list[ValueSet]]]:
    """The keys that were set live in earlier sessions and have kept that value; what was set in this one, by key."""
    written = dict(leaves(snapshot.info.config)) if snapshot.info else {}
    earlier: dict[str, float] = {}
    now: dict[str, list[ValueSet]] = {}
    for stored in snapshot.state.log:
        event = stored.event
        if isinstance(event, RunStarted):  # the trainer has read the config anew, and a person may have edited it
            earlier.update((key, events[-1].after) for key, events in now.items())
            now = {}
        elif isinstance(event, ValueSet) and event.key in written:
            now.setdefault(event.key, []).append(event)
    return frozenset(key for key, after in earlier.items() if written.get(key) == after), now


def _of_the_start(started: RunStarted | None, now: Mapping[str, list[ValueSet]]) -> dict[str, dict[str, str]]:
    """By key what the trainer said of preset and checkpoint as it began.

    It says nothing of a value that is as the preset has it: so what a value that was set live was before is the
    preset's, unless it was said to be another.
    """
    others: dict[str, dict[str, str]] = {}
    for told in started.differences if started else ():
        others.setdefault(told.key, {})[told.than] = told.there
    for key, events in now.items():
        others.setdefault(key, {}).setdefault("preset", shown(events[0].before))
    return others


def _with(tree: Mapping[str, Any], path: list[str], value: float) -> dict[str, Any]:
    head, *rest = path
    former = tree.get(head)
    below = former if isinstance(former, Mapping) else {}
    whole = isinstance(former, int) and value == int(value)
    return {**tree, head: _with(below, rest, value) if rest else int(value) if whole else value}
