"""The loss landscape in the monitor: drawn at any size, read from wherever the run lies, and asked for by a command."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from core.insight.landscape_record import (
    FARTHEST,
    HIGHEST,
    Curvature,
    EpsilonSharpness,
    Landscape,
    Line,
    Surface,
    decode,
    encode,
)  # fmt: skip
from core.insight.landscape_scale import Scale
from core.run.link import LinkError, RunInfo
from distill_tui.panels.frame import width_of
from distill_tui.panels.landscape import LandscapePanel, command
from distill_tui.panels.landscape_drawing import HERE, LOWEST, THERE, line_rows, lowest, surface_rows
from distill_tui.report.landscape import landscape_view
from distill_tui.screens import landscape as landscape_screen
from distill_tui.screens.landscape import ARTIFACT, LandscapeScreen
from tests.fakes import FakeLink
from tests.tui.conftest import Monitor, pictured, steady
from tests.tui.panel_alone import alone

SIZES = [(20, 6), (40, 12), (76, 23), (115, 38), (150, 57)]
POSITIONS = tuple(number / 10 for number in range(-10, 11))
GONE = LinkError(f"{ARTIFACT!r}: not a file of this run (gone)")


def bowl(x: float, y: float) -> float:
    """Its floor lies beside the checkpoint, its rim is steep."""
    return 0.4 + 0.3 * (x - 0.2) ** 2 + 0.9 * (y + 0.1) ** 2 + 0.6 * (x * x + y * y) ** 3


def made(loss: Callable[[float, float], float] = bowl, **changes: object) -> Landscape:
    surface = Surface(POSITIONS, tuple(tuple(loss(x, y) for x in POSITIONS) for y in POSITIONS))
    given: dict[str, object] = {
        "surface": surface, "curvature": Curvature(214.0, 0.03, 12, True),
        "epsilon": EpsilonSharpness(0.05, 0.42, 0.48, 2.0, 60.0),
    } | changes  # fmt: skip
    return Landscape(
        "bells", "best.pt", 1184, 37, "total_loss", "total", loss(0, 0), 6, 0,
        **given,  # type: ignore[arg-type]
    )  # fmt: skip


def way() -> Landscape:
    positions = tuple(number / 20 for number in range(-5, 26))
    losses = tuple(0.4 + 0.2 * math.sin(math.pi * x) ** 2 + 0.05 * x for x in positions)
    return made(surface=None, path=Line(positions, losses), other="step-00002368.pt")


def text_of(rows: object) -> str:
    return "\n".join("".join(run.text for run in row) for row in rows)  # type: ignore[attr-defined]


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_whatever_can_be_read_can_be_drawn(data: st.DataObject) -> None:
    ends = sorted(data.draw(st.lists(st.floats(5e-324, FARTHEST), min_size=2, max_size=2, unique=True)))
    positions = (-ends[1], -ends[0], 0.0, *ends)
    loss = st.one_of(st.floats(-HIGHEST, HIGHEST), st.sampled_from([math.nan, math.inf, -math.inf, 1.0]))
    row = st.tuples(*[loss] * 5)
    surface, line = Surface(positions, data.draw(st.tuples(*[row] * 5))), Line(positions, data.draw(row))
    way = Line(tuple(sorted({*positions, 1.0})), data.draw(st.tuples(*[loss] * len({*positions, 1.0}))))
    for found in (made(surface=surface), made(surface=None, line=line), made(surface=None, path=way, other="b.pt")):
        landscape = decode(encode(found), "here")
        if landscape.surface is not None:
            rows = surface_rows(landscape.surface, 60, 20, 8)
        else:
            drawn = landscape.line or landscape.path
            assert drawn is not None
            rows = line_rows(drawn, 60, 20, two_ends=landscape.path is not None)
        assert all(width_of(each) <= 60 for each in rows)
        assert landscape_view(_Only(encode(found))) is not None


class _Only(FakeLink):
    """A run of which there is a landscape."""

    def __init__(self, data: bytes) -> None:
        super().__init__(steps=0)
        self._data = data

    def fetch(self, artifact: str) -> bytes:
        return self._data


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shades", [0, 16])
def test_a_surface_is_square_and_has_the_checkpoint_in_its_middle(size: tuple[int, int], shades: int) -> None:
    surface = made().surface
    assert surface is not None
    width, height = size
    rows = surface_rows(surface, width, height, shades)
    assert len(rows) <= height
    assert {width_of(row) for row in rows} == {width_of(rows[0])}
    assert width_of(rows[0]) <= width
    lines = text_of(rows).splitlines()[:-1]
    found = [(y, line.index(HERE)) for y, line in enumerate(lines) if HERE in line]
    columns = width_of(rows[0]) - 6
    assert found == [(len(lines) // 2, 6 + columns // 2)]
    if width >= 40:
        assert abs(columns - 2 * len(lines)) <= 1


def test_higher_losses_have_higher_shades_and_up_is_up() -> None:
    surface = made(lambda x, y: 1 + y + 1.0).surface
    assert surface is not None
    rows = surface_rows(surface, 40, 18, 16)
    shades = [int(row[1].role.split(":")[1]) for row in rows[:-1]]
    assert shades == sorted(shades, reverse=True)
    assert (shades[0], shades[-1]) == (15, 0)
    assert lowest(surface) == (0, 0)
    assert text_of(rows).splitlines()[-2].count(LOWEST) == 1


def test_places_that_are_not_finite_are_blank_and_said() -> None:
    landscape = made(lambda x, y: math.inf if x > 0.55 else bowl(x, y))
    surface = landscape.surface
    assert surface is not None
    middle = text_of(surface_rows(surface, 60, 20, 16)).splitlines()[8]
    assert middle.endswith("      ")
    assert not middle[10:30].isspace()


def test_a_scale_gives_back_what_it_was_given_and_spreads_a_bursting_rim() -> None:
    scale = Scale.of([1.0, 1.1, 1.2, 1.4, 2.0, 900.0, math.inf, math.nan])
    for loss in (1.0, 1.1, 2.0, 900.0):
        assert scale.loss(scale.height(loss)) == pytest.approx(loss)
    assert scale.height(2.0) > 0.15
    assert math.isnan(scale.height(math.inf))
    assert Scale.of([]).height(1.0) == Scale.of([2.0, 2.0]).height(2.0) == 0.0


def test_a_way_shows_both_checkpoints_and_what_is_not_finite() -> None:
    path = way().path
    assert path is not None
    broken = Line(path.positions, (math.nan, *path.losses[1:]))
    text = text_of(line_rows(broken, 60, 15, two_ends=True))
    assert [text.count(mark) for mark in (HERE, THERE, "×")] == [1, 1, 1]
    assert text_of(line_rows(Line((-1.0, 0.0, 1.0), (math.nan,) * 3), 30, 8, two_ends=False)).count("×") == 3


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("landscape", [made(), way()], ids=["surface", "way"])
async def test_the_panel_fits_its_room(landscape: Landscape, size: tuple[int, int]) -> None:
    panel = LandscapePanel()
    async with alone(panel, FakeLink(), size) as shown:
        for said in (panel.show_missing, lambda: panel.show_landscape(landscape)):
            said()
            rows = panel.rows(*size)
            assert len(rows) == size[1]
            assert {cell_len(line) for line in shown.lines} == {size[0]}


async def test_the_words_say_what_it_means_and_can_be_copied() -> None:
    panel = LandscapePanel()
    async with alone(panel, FakeLink(), (115, 38)) as shown:
        panel.show_landscape(made())
        assert shown.role_of("Gentle at random, steep uphill") == "strong"
        for words in ("weights", "0.42", "+14 %", "214", "6 held-out chunks", "best.pt", "100 % is"):
            assert words in shown.text
        assert "curvature: 214" in panel.copied()
        panel.show_landscape(made(lambda x, y: 0.4 + 0.02 * (x * x + y * y)))
        assert shown.role_of("Weights hardly count yet") == "strong"
        panel.show_landscape(way())
        assert shown.role_of("Two valleys") == "warning"


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (None, "distill-tui landscape RUN"),
        (RunInfo("bells", "my bells", local_folder="/x/my bells"), "distill-tui landscape '/x/my bells'"),
        (RunInfo("bells", "me@box:runs/bells"), "ssh -t me@box 'distill-tui landscape runs/bells'"),
    ],
)
def test_the_command_is_the_one_for_the_host_it_lies_on(info: RunInfo | None, expected: str) -> None:
    assert command(info) == expected


async def test_it_waits_for_one_to_be_made_and_keeps_it_while_the_line_is_down(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landscape_screen, "LOOKED_EVERY_SECONDS", 0.05)
    answer: list[bytes | Exception] = [GONE]
    asked: list[str] = []

    def fetch(path: str) -> bytes:
        asked.append(path)
        if isinstance(answer[0], Exception):
            raise answer[0]
        return answer[0]

    async with monitor() as seen:
        screen = LandscapeScreen(fetch, RunInfo("bells", "box:runs/bells"))
        await seen.app.push_screen(screen)
        await seen.until(lambda: "ssh -t box 'distill-tui landscape runs/bells'" in seen.text)
        answer[0] = encode(made())
        await seen.until(lambda: "Gentle" in seen.text)
        assert set(asked) == {ARTIFACT}
        answer[0] = LinkError("box: reconnecting; try again when the line is back")
        await seen.press("r")
        await seen.until(lambda: "reconnecting" in seen.text)
        assert "Gentle" in seen.text
        answer[0] = encode(way())
        await seen.press("r")
        await seen.until(lambda: "Two valleys" in seen.text)
        assert "reconnecting" not in seen.text
        await seen.press("y")
        assert "barrier" in seen.app.clipboard
        await seen.press("question_mark")
        await seen.until(lambda: "What good looks like" in seen.text)
        await seen.press("escape", "escape")
        await seen.until(lambda: seen.app.screen is not screen)


async def test_what_is_no_landscape_is_said_as_text(monitor: Monitor) -> None:
    async with monitor() as seen:
        await seen.app.push_screen(LandscapeScreen(lambda path: b"[red]RIFF", None))
        await seen.until(lambda: "make it anew" in seen.text)


SIZED = {(80, 24): "distill-dark", (120, 40): "distill-light", (200, 60): "distill-ember"}
CASES = {
    f"{name}_{width}x{height}": (landscape, (width, height), theme)
    for (width, height), theme in SIZED.items()
    for name, landscape in (("surface", made()), ("way", way()), ("none", None))
} | {"surface_120x40_terminal": (made(), (120, 40), "distill-terminal")}


@pytest.mark.parametrize("case", CASES)
def test_picture(case: str, snap_compare: Callable[..., bool]) -> None:
    landscape, size, theme = CASES[case]

    def fetch(path: str) -> bytes:
        if landscape is None:
            raise GONE
        return encode(landscape)

    async def then(seen: object) -> None:
        await seen.app.push_screen(LandscapeScreen(fetch, RunInfo("bells", "box:runs/bells")))  # type: ignore[attr-defined]
        await steady(seen)  # type: ignore[arg-type]

    app, prepare = pictured(FakeLink(), theme, then)
    assert snap_compare(app, terminal_size=size, run_before=prepare)
