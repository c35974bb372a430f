"""Text in roles: the runs and rows that everything on the screen is made of."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size


class Run(NamedTuple):
    """Text in one style. `click` is the action that a mouse click on it runs."""

    text: str
    role: str = "text"
    click: str = ""


Row = tuple[Run, ...]


def merged(runs: Sequence[Run]) -> Row:
    """The same cells in as few runs as can be."""
    result: list[Run] = []
    for run in runs:
        if result and result[-1].role == run.role and result[-1].click == run.click:
            result[-1] = Run(result[-1].text + run.text, run.role, run.click)
        elif run.text:
            result.append(run)
    return tuple(result)


def cell(text: str, width: int, *, right: bool = False) -> str:
    """`text` in exactly `width` terminal cells, an ellipsis where it had to be cut."""
    if cell_len(text) > width:
        return set_cell_size(set_cell_size(text, max(0, width - 1)).rstrip() + "…", width)
    return " " * (width - cell_len(text)) + text if right else set_cell_size(text, width)
