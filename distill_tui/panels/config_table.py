"""The config full screen: a table of what differs, then every setting by its own name, in columns."""

from collections.abc import Sequence

from rich.cells import cell_len

from distill_tui.cells import Row, Run
from distill_tui.differences import THAN, Setting
from distill_tui.format import clean
from distill_tui.panels.config_summary import grouped
from distill_tui.panels.frame import fit, wrapped

NARROWEST_TABLE = 64  # cells below which a table is no better than the lines of the summary
BLOCK = 46  # cells of a column of settings
GAP = 3
SAME = "="


def table(settings: Sequence[Setting], width: int) -> list[Row]:
    """Key, value here, and the value in each thing that anything differs from; `=` where it is the same."""
    told = [setting for setting in settings if setting.others or setting.live]
    against = [than for than in THAN if any(setting.other(than) is not None for setting in told)]
    keys = min(max((cell_len(setting.key) for setting in told), default=0), width // 3) + 2
    texts = [[setting.value, *(setting.other(than) or SAME for than in against)] for setting in told]
    widths = [
        max(cell_len(clean(text)) for text in (title, *column)) + GAP
        for title, column in zip(("here", *against), zip(*texts, strict=True), strict=True)
    ]
    room = width - keys - 2
    while sum(widths) > room and max(widths) > 10:  # the widest gives way
        widths[widths.index(max(widths))] -= 1
    rows: list[Row] = _cells(["setting", "here", *against], [keys, *widths], ["muted"] * (len(widths) + 1), "  ")
    for setting, values in zip(told, texts, strict=True):
        name = clean(setting.key)
        name = name if len(name) < keys else f"…{name[len(name) - keys + 2 :]}"  # the end tells keys apart
        roles = ["text", "strong", *("muted" if value == SAME else "text" for value in values[1:])]
        rows += _cells([name, *values], [keys, *widths], roles, "⚙ " if setting.live else "  ")
    return rows


def columns(settings: Sequence[Setting], width: int) -> list[Row]:
    """Every setting under its group, in as many columns as there is room for."""
    amount = max(1, (width + GAP) // (BLOCK + GAP))
    size = (width - GAP * (amount - 1)) // amount
    blocks = [_block(group, members, size) for group, members in grouped(settings)]
    tall = max(*map(len, blocks), -(-sum(map(len, blocks)) // amount))
    filled: list[list[Row]] = [[]]
    for block in blocks:
        if filled[-1] and len(filled[-1]) + len(block) > tall + 2 and len(filled) < amount:
            filled.append([])
        filled[-1] += block
    rows: list[Row] = []
    for y in range(max(map(len, filled))):
        row: list[Run] = []
        for index, column in enumerate(filled):
            row += [Run(" " * GAP)] if index else []
            row += fit(column[y] if y < len(column) else (), size)
        rows.append(tuple(row))
    return rows


def _block(group: str, members: Sequence[Setting], width: int) -> list[Row]:
    """A group's name, and a line or more for each of its settings; the block ends with a blank line."""
    rows: list[Row] = [(Run(clean(group) or "run", "strong"),)]
    names = [clean(setting.key.rpartition(".")[2]) for setting in members]
    column = min(max(map(cell_len, names)), width // 2) + 2
    for name, setting in zip(names, members, strict=True):
        stands_out = bool(setting.others) or setting.live
        mark = Run("⚙ " if setting.live else "• " if setting.others else "  ", "accent")
        lines = wrapped(clean(setting.value), max(6, width - column - 2)) or [""]
        role = "strong" if stands_out else "text"
        rows.append((mark, *fit((Run(name, "muted"),), column - 1), Run(" "), Run(lines[0], role)))
        rows += [(Run(" " * (column + 2)), Run(line, role)) for line in lines[1:]]
    return [*rows, ()]


def _cells(texts: Sequence[str], widths: Sequence[int], roles: Sequence[str], mark: str) -> list[Row]:
    """One line of the table; several where a value is broken between its words."""
    broken = [wrapped(clean(text), size - 1) for text, size in zip(texts, widths, strict=True)]
    rows: list[Row] = []
    for line in range(max(map(len, broken))):
        row = [Run("  " if line else mark, "accent")]
        for lines, size, role in zip(broken, widths, roles, strict=True):
            row += [*fit((Run(lines[line] if line < len(lines) else "", role),), size - 1), Run(" ")]
        rows.append(tuple(row))
    return rows
