"""The painter writes little, and a terminal that reads it shows the same as one that was written whole."""

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from distill_tui.painter import Painter

RED, BLUE, LINK = (
    Style(color="#ff0000"),
    Style(color="#0000ff", bold=True),
    Style(color="#ff0000", meta={"@click": "x"}),
)
STYLES = [RED, BLUE, LINK, None]
console = Console(force_terminal=True, color_system="truecolor", _environ={})
segments = st.lists(
    st.tuples(st.text("ab─⣀太", min_size=1, max_size=6), st.sampled_from(STYLES)), min_size=1, max_size=5
)
WIDTH = 24


def strip(pieces: list[tuple[str, Style | None]]) -> Strip:
    return Strip([Segment(text, style) for text, style in pieces]).adjust_cell_length(WIDTH)


def whole(rows: list[Strip]) -> LayoutUpdate:
    return LayoutUpdate([[row] for row in rows], Region(0, 0, WIDTH, len(rows)))


class Terminal:
    """Just enough of one: moves, colours, text."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], tuple[str, str]] = {}

    def read(self, text: str) -> None:
        x = y = 0
        look = ""
        for code, arguments, kind, character in re.findall(r"(\x1b\[)([\d;]*)([A-Za-z])|(.)", text, re.DOTALL):
            if code and kind == "H":
                y, x = (int(part) - 1 for part in arguments.split(";"))
            elif code:
                assert kind == "m", kind
                look = "" if arguments == "0" else arguments
            elif character:
                self.cells[y, x] = character, look
                for extra in range(1, cell_len(character)):
                    self.cells[y, x + extra] = "", look
                x += cell_len(character)


@given(st.lists(st.lists(segments, min_size=3, max_size=3), min_size=1, max_size=6))
def test_differences_add_up_to_the_whole(frames: list[list[list[tuple[str, Style | None]]]]) -> None:
    painter, terminal = Painter(), Terminal()
    for frame in frames:
        rows = [strip(pieces) for pieces in frame]
        terminal.read(painter.difference(whole(rows)).render_segments(console))
        expected = Terminal()
        expected.read(Painter().difference(whole(rows)).render_segments(console))
        assert terminal.cells == expected.cells


def test_what_is_there_already_is_not_written() -> None:
    painter = Painter()
    rows = [strip([("loss ", RED), ("0.473", BLUE)])]
    assert "loss" in painter.difference(whole(rows)).render_segments(console)
    assert painter.difference(whole(rows)).render_segments(console) == ""
    update = painter.difference(whole([strip([("loss ", LINK), ("0.471", BLUE)])])).render_segments(console)
    assert re.sub(r"\x1b\[[\d;]*[Hm]", "", update) == "1"
    painter.forget()
    assert "loss" in painter.difference(whole(rows)).render_segments(console)


def test_an_update_that_is_never_written_changes_nothing() -> None:
    painter = Painter()
    painter.difference(whole([strip([("one", RED)])])).render_segments(console)
    painter.difference(whole([strip([("two", RED)])]))
    assert painter.difference(whole([strip([("one", RED)])])).render_segments(console) == ""


def test_partial_updates_are_placed_where_they_belong() -> None:
    painter, terminal = Painter(), Terminal()
    terminal.read(
        painter.difference(whole([strip([("abcdefgh", RED)]), strip([("ijklmnop", RED)])])).render_segments(console)
    )
    chops = [{0: None, 4: None}, {0: None, 4: Strip([Segment("MNOP", RED)])}]
    update = ChopsUpdate(chops, [(1, 4, 8)], [[4, 8], [4, 8]])
    terminal.read(painter.difference(update).render_segments(console))
    assert "".join(terminal.cells[1, x][0] for x in range(8)) == "ijklMNOP"
    assert "".join(terminal.cells[0, x][0] for x in range(8)) == "abcdefgh"
