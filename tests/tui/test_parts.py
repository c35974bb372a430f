"""Numbers, foreign text, frames, the layout, ASCII, and the list of keys."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.geometry import Region

from distill_tui.ascii import Ascii, to_ascii, wanted
from distill_tui.cells import Run
from distill_tui.differences import Setting
from distill_tui.format import clean, clock, count, duration, gigabytes, number, percent, plural
from distill_tui.keys import KEYS, bindings, footer, markdown_table, scoped
from distill_tui.panels.config_summary import summary
from distill_tui.panels.frame import fit, framed, joined, spread, width_of, wrapped
from distill_tui.screens.layout import neighbour, plan
from distill_tui.screens.stage import CHART_ROWS, FEWEST_TUNE_ROWS, LINES_BESIDE_TUNES, spare_rows


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.4731, "0.473"), (1.2345, "1.23"), (14.23, "14.2"), (812.4, "812"), (8.1e-4, "8.1e-4"), (0, "0"), (None, "–"),
     (math.nan, "NaN"), (math.inf, "inf"), (12_345.0, "12.3k"), (2.1e6, "2.1M"), (-0.5, "-0.500"), (0.99999, "1.00"),
     (1e-3, "0.001"), (5e-9, "5e-9")],
)  # fmt: skip
def test_numbers_have_three_digits(value: float | None, shown: str) -> None:
    assert number(value) == shown


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_no_number_is_wider_than_its_place(value: float) -> None:
    assert len(number(value)) <= 9


def test_times_and_amounts() -> None:
    assert [duration(s) for s in (0, 45, 720, 12_000, 187_200, math.inf)] == [
        "0 s", "45 s", "12 min", "3 h 20 min", "2 d 4 h", "–"]  # fmt: skip
    assert percent(0.999) == "99 %"
    assert percent(1) == "100 %"
    assert count(1184) == "1,184"
    assert plural(1, "file") == "1 file"
    assert plural(3, "file") == "3 files"
    assert gigabytes(3.1e9) == "3.1 GB"
    assert gigabytes(2e7) == "20 MB"
    assert clock(1_760_000_400) == "09:00:00"


@given(st.text())
def test_cleaned_text_cannot_steer_a_terminal(text: str) -> None:
    shown = clean(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", shown)
    assert clean(shown) == shown


def test_cleaning_keeps_what_can_be_read() -> None:
    assert clean("trømme 太鼓 [b].wav") == "trømme 太鼓 [b].wav"
    assert clean("a\nb\x1b[31mc") == "a b[31mc"


@given(st.lists(st.text(max_size=8), max_size=5), st.integers(1, 30))
def test_fitted_rows_have_exactly_their_width(texts: list[str], width: int) -> None:
    row = [Run(clean(text)) for text in texts]
    assert width_of(fit(row, width)) == width


@given(st.text("ab 太é", max_size=30), st.text("xy", max_size=9), st.integers(4, 40), st.integers(2, 6), st.booleans())
def test_frames_close_whatever_stands_in_them(title: str, corner: str, width: int, height: int, focused: bool) -> None:
    words = (Run(corner),)
    rows = framed([words], width, height, title=(Run(title),), corner=words, foot=words, focused=focused)
    assert len(rows) == height
    texts = ["".join(run.text for run in row) for row in rows]
    assert all(cell_len(text) == width for text in texts), texts
    assert texts[0][0] + texts[0][-1] + texts[-1][0] + texts[-1][-1] == "╭╮╰╯"
    assert ("▸" in texts[0]) == focused, "focus can be seen without colour"


def test_what_matters_least_gives_way() -> None:
    items = [(0, (Run("name"),)), (2, (Run("recipe"),)), (1, (Run("state"),))]
    assert "".join(run.text for run in joined(items, 40)) == "name · recipe · state"
    assert "".join(run.text for run in joined(items, 14)) == "name · state"
    assert "".join(run.text for run in joined(items, 5)) == "name"
    assert "".join(run.text for run in spread((Run("left"),), (Run("right"),), 12)) == "left   right"
    assert "".join(run.text for run in spread((Run("left"),), (Run("right"),), 8)) == "left    "
    assert wrapped("one two three", 7) == ["one two", "three"]


@given(st.integers(20, 300), st.integers(4, 120), st.integers(1, 40))
def test_the_bands_fill_the_screen(width: int, height: int, terms: int) -> None:
    shares = plan(width, height, terms)
    assert min(shares.upper, shares.terms, shares.lower) >= 1
    assert shares.side == 0 or shares.side < width / 2
    if height >= 18:
        assert shares.upper + shares.terms + shares.lower == height


@pytest.mark.parametrize("size", [(120, 36), (120, 37), (200, 57)])
def test_with_thirty_terms_there_is_room_to_see_a_tune(size: tuple[int, int]) -> None:
    shares = plan(*size, 31, LINES_BESIDE_TUNES)
    spared = spare_rows(shares, tunes=True)
    assert shares.lower + spared >= FEWEST_TUNE_ROWS + 3
    assert shares.upper - spared >= CHART_ROWS
    assert shares.upper + shares.terms + shares.lower == size[1]


def test_the_neighbour_is_the_one_that_faces_most() -> None:
    regions = {"previews": Region(0, 30, 80, 10), "events": Region(80, 30, 40, 10), "chart": Region(0, 0, 80, 20)}
    terms = Region(0, 20, 120, 10)
    assert neighbour(terms, regions, "down") == "previews"
    assert neighbour(terms, regions, "up") == "chart"
    assert neighbour(terms, regions, "left") is None
    assert neighbour(regions["previews"], {"events": regions["events"]}, "right") == "events"


@given(st.text())
def test_ascii_has_the_same_width(text: str) -> None:
    plain = to_ascii(clean(text))
    assert plain.isascii()
    assert len(plain) == cell_len(clean(text))


def test_ascii_keeps_the_shape_of_things() -> None:
    assert to_ascii("╭─ stft ↓ ─╮") == "+- stft v -+"
    assert to_ascii("⠉⠒⠤⣀ ⡇") == "'~-. |"
    assert to_ascii("● ◆ ♪ ▲ ✓ ✗ ■") == "* s p ! + x #"
    assert to_ascii("太") == "??"
    for together in ("↓↑→▸▾✓✗■●○▲⚲", "●◉·♪◆▲▽↺⚙✓✗✎■", "◆♪▲✎⚙◉▴▾×↺", "○◌●◐◆✓■✗", "•●◉", "▶★↓↑↻"):
        assert len(set(to_ascii(together))) == len(together), together  # they stand beside each other
    assert [s.text for s in Ascii().apply([Segment("━━╸")], Color(0, 0, 0))] == ["==-"]


@pytest.mark.parametrize(
    ("environ", "encoding", "plain"),
    [({"TERM": "xterm-256color"}, "utf-8", False), ({"TERM": "vt100"}, "utf-8", True),
     ({"TERM": "linux"}, "UTF-8", True), ({"TERM": "xterm"}, "iso8859-1", True),
     ({"TERM": "xterm", "DISTILL_ASCII": "1"}, "utf-8", True),
     ({"TERM": "linux", "DISTILL_ASCII": "0"}, "utf-8", False)],
)  # fmt: skip
def test_ascii_is_chosen_by_terminal_encoding_or_wish(environ: dict[str, str], encoding: str, plain: bool) -> None:
    assert wanted(environ, encoding) == plain


def test_no_key_does_two_things_in_one_place() -> None:
    for scopes in (("app", "run", "chart"), ("app", "home")):
        taken: dict[str, str] = {}
        for key in scoped(*scopes):  # type: ignore[arg-type]
            for name in key.keys:
                assert taken.setdefault(name, key.id) == key.id
    assert len({key.id for key in KEYS}) == len(KEYS)


def test_bindings_footer_and_table_come_from_the_list() -> None:
    assert {binding.id for binding in bindings("run", "chart")} == {key.id for key in scoped("run", "chart")}  # type: ignore[union-attr]
    order = [key.id for key in footer(scoped("run")) if not key.id.startswith("replay")]
    assert order[:4] == ["back", "play", "compare", "epochs"]
    table = markdown_table()
    assert all(f"| `{key.shown}` |" in table for key in KEYS if key.listed)


def test_what_is_switched_off_takes_one_word_in_the_config() -> None:
    def told(mode: str) -> list[str]:
        values = {"mode": mode, "weight": "0.5", "start": "0.25"}
        ((group, items),) = summary(Setting(f"adversarial.{name}", value) for name, value in values.items())
        assert group == "adversarial"
        return ["".join(run.text for run in item).strip() for item in items]

    assert told("off") == ["off"]
    assert told("on") == ["on", "0.5", "start 0.25"]
