"""What the run is made of: the data it found, then every setting."""

from typing import Any

from rich.cells import cell_len

from core.run.events import RunStarted
from distill_tui.cells import Row, Run
from distill_tui.format import clean, count, duration, number, plural
from distill_tui.panels.frame import fit, framed, wrapped
from distill_tui.panels.panel import ScrollPanel

LABELS = 15  # "reconstruction" and one of air
FIRST = ("loss", "model", "spectrogram", "regularization", "augment")


class ConfigPanel(ScrollPanel):
    """A summary that needs no knowledge of the recipe: one line a group of settings, weights first."""

    DEFAULT_CSS = "ConfigPanel { height: 1fr; width: 1fr; }"

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """The lines that fit; the rest is below."""
        lines = self.lines(width - 4)
        shown = [(Run(" ", "text"), *line) for line in self.window(lines, height - 2)]
        more = self.more(height - 2)
        foot: Row = (Run(more, "muted"),) if more else ()
        title: Row = (Run("Config", "strong"),)
        return framed(shown, width, height, title=title, foot_corner=foot, focused=self.has_focus)

    def lines(self, width: int) -> list[Row]:
        """Everything, wrapped to `width`."""
        started, info = self.snapshot.state.started, self.snapshot.info
        config = info.config if info else {}
        if not config and started is None:
            return [(Run("The settings, once the data has been read.", "muted"),)]
        entries = [*(_facts(started, config) if started else []), *_settings(config)]
        return [row for label, values in entries for row in _entry(label, values, width)]

    def copied(self) -> str:
        """All lines as text."""
        return "\n".join("".join(run.text for run in line) for line in self.lines(100))


def _facts(started: RunStarted, config: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """What was found and what follows from it."""
    files = plural(started.train_files + started.val_files, "file")
    facts = [
        ("preset", [started.preset, files] if started.preset else [files]),
        ("split", [f"{started.train_files} train", f"{started.val_files} validation"]),
        ("source", [*_from(config), f"{duration(started.train_seconds)} to train on"]),
        ("plan", [f"{count(started.total_epochs)} epochs of {plural(started.steps_per_epoch, 'step')}"]),
        ("size", [f"{number(float(started.parameters))} parameters"]),
    ]
    if started.skipped:
        facts.insert(3, ("skipped", [f"{plural(len(started.skipped), 'file')}, e says why"]))
    if started.resumed_from:
        facts.append(("resumed", [f"from {started.resumed_from}"]))
    return facts


def _from(config: dict[str, Any]) -> list[str]:
    data = config.get("data")
    path = data.get("path") if isinstance(data, dict) else None
    return [str(path)] if path else []


def _settings(config: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """(group, its values) for every group of the config; values that stand alone come as one group."""
    groups: dict[str, dict[str, Any]] = {}
    _collect(config, "", groups)
    groups.get("data", {}).pop("path", None)
    order = sorted(
        groups, key=lambda name: next((i for i, first in enumerate(FIRST) if name.startswith(first)), len(FIRST))
    )
    return [(name or "run", _values(groups[name])) for name in order if groups[name]]


def _collect(tree: dict[str, Any], path: str, groups: dict[str, dict[str, Any]]) -> None:
    own = {key: value for key, value in tree.items() if not isinstance(value, dict)}
    if own:
        groups[path] = own
    for key, value in tree.items():
        if isinstance(value, dict):
            _collect(value, f"{path}.{key}" if path else key, groups)


def _values(values: dict[str, Any]) -> list[str]:
    if values.get("mode") == "off":
        return ["off"]
    weights = [key for key in values if key == "weight" or key.startswith("weight_max")]
    rest = [key for key in values if key not in weights and values[key] not in ("", [], ())]
    return [_value(values[key]) for key in weights] + [f"{_shortened(key)} {_value(values[key])}" for key in rest]


def _shortened(key: str) -> str:
    for suffix in ("_weight", "_sizes", "_lengths"):
        key = key.removesuffix(suffix)
    return key.replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return " ".join(_value(item) for item in value)
    return str(value)


def _entry(label: str, values: list[str], width: int) -> list[Row]:
    """Label and values, broken between values where that is possible."""
    short = label if len(label) < LABELS else label.rpartition(".")[2]
    lines = _flowed([clean(value) for value in values], max(8, width - LABELS)) or [""]
    name = clean(short.replace("_", " "))
    first: Row = (*fit((Run(name, "muted"),), LABELS - 1), Run(" ", "text"), Run(lines[0], "text"))
    return [first] + [(Run(" " * LABELS + line, "text"),) for line in lines[1:]]


def _flowed(values: list[str], width: int) -> list[str]:
    lines: list[str] = []
    for value in values:
        if lines and cell_len(f"{lines[-1]} · {value}") <= width:
            lines[-1] += f" · {value}"
        else:
            lines += wrapped(value, width)
    return lines
