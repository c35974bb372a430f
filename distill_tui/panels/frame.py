"""Rows put together: cut, padded, side by side, and in a frame."""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size

from distill_tui.cells import Row, Run, merged

BLANK: Row = ()


def width_of(row: Iterable[Run]) -> int:
    """Terminal cells that the row takes."""
    return sum(cell_len(run.text) for run in row)


def fit(row: Sequence[Run], width: int, role: str = "text") -> Row:
    """The row in exactly `width` cells: cut with an ellipsis, or padded."""
    room = max(0, width)
    length = width_of(row)
    if length <= room:
        return (*row, Run(" " * (room - length), role)) if length < room else tuple(row)
    kept: list[Run] = []
    room -= 1
    for run in row:
        size = cell_len(run.text)
        if size > room:
            kept.append(run._replace(text=set_cell_size(run.text, room).rstrip() + "…"))
            break
        kept.append(run)
        room -= size
    return fit(kept, width, role) if width > 0 else BLANK


def spread(left: Sequence[Run], right: Sequence[Run], width: int, fill: str = " ", role: str = "text") -> Row:
    """`left` and `right` at the ends of `width` cells; `right` gives way, then `left` is cut."""
    room = width - width_of(left)
    if room < width_of(right) + (1 if right else 0):
        right = ()
    if room <= 0:
        return fit(left, width, role)
    return (*left, Run(fill * (room - width_of(right)), role), *right)


def joined(items: Iterable[tuple[int, Row]], width: int, separator: str = " · ") -> Row:
    """Rows in order with a separator between; those of the lowest priority (highest number) go until all fit."""
    kept = [(priority, row) for priority, row in items if row]
    while len(kept) > 1 and sum(width_of(row) for _, row in kept) + cell_len(separator) * (len(kept) - 1) > width:
        worst = max(range(len(kept)), key=lambda index: kept[index][0])
        del kept[worst]
    row: list[Run] = []
    for index, (_, part) in enumerate(kept):
        row += [Run(separator, "faint"), *part] if index else part
    return tuple(row)


def framed(
    content: Sequence[Row],
    width: int,
    height: int,
    *,
    title: Sequence[Run] = (),
    corner: Sequence[Run] = (),
    foot: Sequence[Run] = (),
    foot_corner: Sequence[Run] = (),
    bottom: Row | None = None,
    focused: bool = False,
    border: str = "border",
) -> tuple[Row, ...]:
    """`height` rows of `width` cells: the content in a frame, which a mark as well as its colour says is focused.

    `title` and `corner` stand in the top line, `foot` and `foot_corner` in the bottom one unless `bottom` replaces it.
    """
    inner = width - 2
    role = "focus" if focused else border
    mark = Run("▸" if focused else "─", role)
    top = spread(_spaced(title), (*_spaced(corner), Run("─", role)) if corner else (), inner - 1, "─", role)
    if bottom is None:
        low = spread(
            _spaced(foot), (*_spaced(foot_corner), Run("─", role)) if foot_corner else (), inner - 1, "─", role
        )
        bottom = (Run("─", role), *low)
    body = [*content, *[BLANK] * height][: max(0, height - 2)]
    side = Run("│", role)
    rows: list[Row] = [(Run("╭", role), mark, *top, Run("╮", role))]
    rows += [merged((side, *fit(row, inner), side)) for row in body]
    rows.append((Run("╰", role), *fit(bottom, inner, role), Run("╯", role)))
    return tuple(merged(row) for row in rows)


def beside(blocks: Sequence[Sequence[Row]]) -> list[Row]:
    """Blocks of equally many rows next to each other."""
    return [merged([run for row in rows for run in row]) for rows in zip(*blocks, strict=True)]


def wrapped(text: str, width: int) -> list[str]:
    """Words in lines of at most `width` cells."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and cell_len(line) + 1 + cell_len(word) > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
    return [*lines, line] if line else lines


def _spaced(row: Sequence[Run]) -> Row:
    return (Run(" ", "text"), *row, Run(" ", "text")) if row else ()
