"""The config on the page: what differs from the preset or was set live, then all of it as a file to train from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distill_tui.differences import Setting, config_in_force, settings
from distill_tui.format import clean
from distill_tui.reader import Snapshot
from distill_tui.report.record import Record


@dataclass(frozen=True)
class ConfigView:
    """`differing` stand out; `than` names what they are compared with; `toml` is the whole config, "" for none."""

    differing: tuple[Setting, ...]
    than: tuple[str, ...]
    amount: int
    toml: str


def config_view(record: Record) -> ConfigView:
    """The config of a run with what was set live."""
    snapshot = Snapshot(state=record.state, info=record.info)
    found = settings(snapshot)
    differing = tuple(setting for setting in found if setting.others or setting.live)
    than = tuple(name for name in ("preset", "checkpoint") if any(each.other(name) is not None for each in differing))
    return ConfigView(differing, than, len(found), _toml(config_in_force(snapshot)))


def _toml(config: Mapping[str, Any]) -> str:
    if not config:
        return ""
    import tomli_w

    text = tomli_w.dumps(_without_none(config))
    return "\n".join(clean(line) for line in text.splitlines()) + "\n"


def _without_none(tree: Mapping[str, Any]) -> dict[str, Any]:
    """TOML has no word for a value that is not there."""
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in tree.items()
        if value is not None
    }
