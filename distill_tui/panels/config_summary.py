"""The config in a few lines: what differs, what was found in the data, then every group of settings."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from core.run.events import RunStarted
from distill_tui.cells import Row, Run
from distill_tui.differences import THAN, Setting, spelled
from distill_tui.format import clean, count, duration, number, plural, shortened
from distill_tui.panels.frame import fit, width_of, wrapped

LABELS = 15  # "reconstruction" and one of air
FIRST = ("loss", "", "model", "token_model", "spectrogram", "tunes", "regularization", "augment")
Entry = tuple[str, list[Row]]  # a label and the items beside it


def headline(settings: Sequence[Setting], baseline: str, width: int) -> list[Row]:
    """How much differs from what, in a line or two; nothing to say is nothing. `baseline` is its name, or ""."""
    items: list[Row] = []
    for than in THAN:
        amount = sum(setting.other(than) is not None for setting in settings)
        name = f"baseline {clean(baseline)}" if than == "baseline" else f"the {than}"
        if items and (amount or (than == "baseline" and baseline)):
            items.append((Run(f"{amount or 'none'} from {name}"),))
        elif amount:
            items.append((Run(f"{plural(amount, 'setting')} {'differs' if amount == 1 else 'differ'} from {name}"),))
    if baseline and not items:
        items.append((Run(f"The same settings as baseline {clean(baseline)}"),))
    return flowed(items, width)


def differing(settings: Sequence[Setting], width: int) -> list[Row]:
    """What differs from anything, or was set live: `learning rate  0.0005  (preset 0.001)`.

    In columns where every one fits on a line; else what it differs from goes below it where it must.
    """
    names = names_of(settings)
    told = [setting for setting in settings if setting.others or setting.live]
    column = max((cell_len(names[setting.key]) for setting in told), default=0)
    values = max((cell_len(clean(setting.value)) for setting in told), default=0)
    aside = max((cell_len(_others(setting)) for setting in told), default=0)
    if column + values + aside + 6 > width:
        column = values = 0
    rows: list[Row] = []
    for setting in told:
        name, value, others = names[setting.key], clean(setting.value), _others(setting)
        mark = Run("⚙ " if setting.live else "  ", "accent")
        row = (mark, Run(f"{name:<{column}}  "), Run(f"{value:<{values}}", "strong"))
        if width_of(row) > width:
            rows += [(mark, *fit((Run(name),), width - 2)), *_below(value, "strong", width)]
        else:
            rows.append(row)
        if others and width_of(rows[-1]) + 2 + cell_len(others) <= width:
            rows[-1] = (*rows[-1], Run("  "), Run(others, "muted"))
        elif others:
            rows += _below(others, "muted", width)
    return rows


def names_of(settings: Sequence[Setting]) -> dict[str, str]:
    """By key what the list of differences calls it: `learning rate`, but `STFT weight`, as there are other weights."""
    last = Counter(setting.key.rpartition(".")[2] for setting in settings)
    names = {}
    for key in (setting.key for setting in settings):
        *groups, leaf = key.split(".")
        plain = not groups or (last[leaf] == 1 and "_" in leaf)
        names[key] = spelled(leaf if plain else f"{groups[-1]} {leaf}")
    return names


def _others(setting: Setting) -> str:
    """`(preset, baseline 32 · checkpoint 16)`, or "" where there are none."""
    values: dict[str, list[str]] = {}
    for than, value in setting.others:
        values.setdefault(clean(value), []).append(than)
    told = " · ".join(f"{', '.join(thans)} {value}" for value, thans in values.items())
    return f"({told})" if told else ""


def _below(text: str, role: str, width: int) -> list[Row]:
    return [(Run("    "), Run(line, role)) for line in wrapped(text, max(8, width - 4))]


def facts(started: RunStarted, source: str, width: int) -> list[Entry]:
    """What was found and what follows from it. `source` is the data folder."""
    files = plural(started.train_files + started.val_files, "file")
    trained = f"{duration(started.train_seconds)} to train on"
    entries: list[tuple[str, list[str]]] = [
        ("preset", [started.preset, files] if started.preset else [files]),
        ("split", [f"{started.train_files} train", f"{started.val_files} validation"]),
        ("source", [shortened(source, width - LABELS), trained] if source else [trained]),
        ("plan", [f"{count(started.total_epochs)} epochs of {plural(started.steps_per_epoch, 'step')}"]),
        ("size", [f"{number(float(started.parameters))} parameters"]),
    ]
    if started.skipped:
        entries.insert(3, ("skipped", [f"{plural(len(started.skipped), 'file')}, e says why"]))
    if started.resumed_from:
        entries.append(("resumed", [f"from {started.resumed_from}"]))
    return [(label, [(Run(clean(text), "text"),) for text in texts]) for label, texts in entries]


def grouped(settings: Iterable[Setting]) -> list[tuple[str, list[Setting]]]:
    """(group, its settings), loss weights first; settings that stand alone are the group ""."""
    groups: dict[str, list[Setting]] = {}
    for setting in settings:
        groups.setdefault(setting.key.rpartition(".")[0], []).append(setting)

    def place(group: str) -> int:
        return next((i for i, first in enumerate(FIRST) if group.partition(".")[0] == first), len(FIRST))

    return [(group, groups[group]) for group in sorted(groups, key=place)]


def summary(settings: Iterable[Setting]) -> list[Entry]:
    """One entry a group: its weight, then the rest by name; what differs or was set live stands out."""
    shown = (setting for setting in settings if setting.key != "data.path")
    return [(group or "run", items) for group, members in grouped(shown) if (items := _items(members))]


def laid_out(entries: Iterable[Entry], width: int) -> list[Row]:
    """Labels and items, broken between items where that is possible."""
    rows: list[Row] = []
    for label, items in entries:
        short = label if len(label) < LABELS else label.rpartition(".")[2]
        name = spelled(short) if "." not in short else clean(short)
        lines = flowed(items, max(8, width - LABELS)) or [()]
        rows.append((*fit((Run(name, "muted"),), LABELS - 1), Run(" "), *lines[0]))
        rows += [(Run(" " * LABELS), *line) for line in lines[1:]]
    return rows


def flowed(items: Iterable[Row], width: int, separator: str = " · ") -> list[Row]:
    """Items in lines of `width` cells; one that is longer than a line is broken between its words."""
    lines: list[Row] = []
    for item in items:
        if lines and width_of(lines[-1]) + cell_len(separator) + width_of(item) <= width:
            lines[-1] = (*lines[-1], Run(separator, "muted"), *item)
        else:
            lines += _broken(item, width)
    return lines


def _broken(item: Row, width: int) -> list[Row]:
    if width_of(item) <= width:
        return [item]
    lines: list[Row] = [()]
    for run in item:
        for word in run.text.split():
            space = Run(" ", run.role) if lines[-1] else Run("", run.role)
            if lines[-1] and width_of(lines[-1]) + 1 + cell_len(word) > width:
                lines.append((run._replace(text=word),))
            else:
                lines[-1] = (*lines[-1], space, run._replace(text=word))
    return lines


def _items(members: Sequence[Setting]) -> list[Row]:
    names = {setting: setting.key.rpartition(".")[2] for setting in members}
    if any(name == "mode" and setting.value == "off" for setting, name in names.items()):
        members = [setting for setting in members if names[setting] == "mode" or setting.others]
    weights = [setting for setting in members if names[setting] in ("weight", "weight_max", "mode")]
    rest = [setting for setting in members if setting not in weights and setting.value != "none"]
    return [(_value(setting),) for setting in weights] + [
        (Run(f"{_shortened(names[setting])} ", "text"), _value(setting)) for setting in rest
    ]


def _value(setting: Setting) -> Run:
    return Run(clean(setting.value), "strong" if setting.others or setting.live else "text")


def _shortened(name: str) -> str:
    for suffix in ("_weight", "_sizes", "_lengths"):
        name = name.removesuffix(suffix)
    return spelled(name)
