"""The latent turned by keys: what is drawn at any size, and what is heard, from a real model in its own process."""

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, redirect_stdout
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.widgets import Input

from core.run.link import RunInfo
from distill_tui.cli import main
from distill_tui.hearing import Availability
from distill_tui.panels.frame import width_of
from distill_tui.panels.traverse import TraversePanel
from distill_tui.panels.traverse_drawing import KNOB, columns, line, slider, with_playhead
from distill_tui.panels.traverse_point import Turned
from distill_tui.player import Player
from distill_tui.points import Answer, Dimension, Ended, Points
from distill_tui.screens.traverse import TraverseScreen
from distill_tui.spectrogram import spectrum
from distill_tui.wav import Sound, read_wav
from tests.fakes import FakeLink
from tests.studio.hand_speaker import Bench
from tests.training.conftest import TINY, write_tones
from tests.tui.conftest import Monitor, Watched, pictured, steady
from tests.tui.panel_alone import alone

SIZES = [(30, 8), (50, 12), (76, 23), (115, 38), (150, 57)]
ORDER = tuple(Dimension(number, 1.0, 2.0 / number, number < 5) for number in (3, 1, 2, *range(4, 41)))


def bell(hz: float) -> Sound:
    time = np.arange(8000) / 8000
    wave = 9000 * np.exp(-4 * time) * np.sin(2 * np.pi * hz * time)
    return Sound(wave.astype(np.int16)[:, None], 8000)


@given(st.floats(-9, 9), st.integers(3, 60))
def test_a_slider_has_one_knob_on_its_side(place: float, width: int) -> None:
    text = "".join(run.text for run in slider(place, width, selected=True, active=True))
    assert len(text) == width
    assert text.count(KNOB) == 1
    assert (text.index(KNOB) - width // 2) * place >= 0
    if abs(place) >= 3:
        assert text.index(KNOB) in (0, width - 1)


@pytest.mark.parametrize("width", [26, 34, 60, 99])
def test_a_line_has_room_for_all_its_columns(width: int) -> None:
    row = line(ORDER[0], -1.26, width, 2, selected=True)
    text = "".join(run.text for run in row)
    assert len(text) == width
    assert "-1.3" in text
    assert ("0.667" in text) == (width > 26)
    assert "…" not in text
    assert columns(width, 2) % 2 == 1  # the middle is a cell


def test_a_playhead_takes_one_cell_whatever_it_crosses() -> None:
    row = line(ORDER[0], 1.0, 40, 2, selected=False)
    before = "".join(run.text for run in row)
    for at in (0, 7, 39):
        text = "".join(run.text for run in with_playhead(row, at))
        assert text == before[:at] + "│" + before[at + 1 :]


def test_turning_goes_to_the_ends_and_back_and_is_told_in_words() -> None:
    turned = Turned(ORDER)
    assert turned.words() == "The middle of the material"
    assert all(turned.turn(0.5) for _ in range(6))
    assert not turned.turn(0.5)
    assert turned.to == {2: 3.0}
    assert turned.choose(2)
    assert turned.turn(-0.1)
    assert turned.words() == "The middle of the material, dimensions 3 at +3.0, 2 at -0.1"
    assert turned.back()
    assert turned.to == {2: 3.0}
    assert not turned.choose(0)
    turned.choose(-9)
    assert turned.selected == 0
    turned.leave(7)
    turned.standing = (0.2, -1.0, 4.0)
    assert turned.place(ORDER[0]) == 4.0
    assert turned.turn(-0.5)  # a sample beyond the end is moved by a step, not torn back
    assert turned.to == {2: 3.5}
    assert turned.back()
    assert turned.to == {2: 0.0}  # the middle is not where the sample lies
    assert turned.words() == "Sample of seed 7, dimension 3 at 0"
    assert turned.as_preview("bells", 4, True).name == "bells-seed-7-dimension-3-up-0.0"
    assert not Turned().turn(1)


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (None, "distill-tui generate RUN --traverse 3 --seed 2 -o traversal"),
        (RunInfo("bells", "my bells", local_folder="/x/my bells"),
         "distill-tui generate '/x/my bells' --traverse 3 --seed 2 -o traversal"),
        (RunInfo("bells", "me@box:runs/bells"),
         "ssh -t me@box 'distill-tui generate runs/bells --traverse 3 --seed 2 -o traversal'"),
    ],
)  # fmt: skip
def test_the_command_is_the_one_for_the_host_it_lies_on(info: RunInfo | None, expected: str) -> None:
    assert Turned(ORDER, seed=2).command(info) == expected


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["distill-light", "distill-terminal"])
async def test_the_panel_fits_its_room(size: tuple[int, int], theme: str) -> None:
    turned = Turned(ORDER, selected=30)
    panel = TraversePanel(turned)
    async with alone(panel, FakeLink(), size, theme) as shown:
        for step in range(4):
            if step == 1:
                panel.say("A long line that says what is the matter, " * 5, "a command --with words")
            if step == 2:
                panel.say("")
                panel.note("no sound device", "best · epoch 7")
            if step == 3:
                panel.show_sound("middle", spectrum(bell(300)))
                panel.show_sound("point", spectrum(bell(900)))
                panel.move(("point", 0.4), making=True)
            rows = panel.rows(*size)
            assert len(rows) == size[1]
            assert {cell_len(text) for text in shown.lines} == {size[0]}
            assert {width_of(row) for row in rows} == {size[0]}
        assert "▸" in shown.text  # the selected one is in view
        if size[0] >= 76:
            assert "making it" in shown.text
            assert "this point" in shown.text
            assert "the middle" in shown.text


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny run of two epochs on real tones."""
    folder = tmp_path_factory.mktemp("traverse")
    words = [f"--set={key}={value}" for key, value in TINY.items() if key != "epochs"]
    with redirect_stdout(io.StringIO()):
        data = write_tones(folder / "tones")
        assert main(["train", str(data), "--headless", "--epochs=2", f"--runs={folder}", "--name=run", *words]) == 0
    return folder / "run"


@asynccontextmanager
async def opened(seen: Watched, run: Path) -> AsyncIterator[tuple[TraverseScreen, Bench]]:
    bench = Bench()
    player = Player(bench.open, lambda: Availability(True))
    screen = TraverseScreen(RunInfo("bells", str(run), local_folder=str(run)), player)
    await seen.app.push_screen(screen)
    await seen.until(lambda: "Loading the model" in seen.text)
    for _ in range(5):  # loading torch takes its time where much else runs
        try:
            await seen.until(lambda: screen._point is not None)
            break
        except AssertionError:
            assert "Loading" in seen.text
    yield screen, bench
    player.close()


def heard(bench: Bench, frames: int = 2000) -> np.ndarray:
    block: np.ndarray = bench.speaker.pull(frames)
    return block[:, 0]


async def test_turning_a_dimension_is_heard_and_seen_and_can_be_kept(
    monitor: Monitor, trained: Path, tmp_path: Path
) -> None:
    async with monitor(size=(80, 24)) as seen, opened(seen, trained) as (screen, bench):
        await seen.until(lambda: "the middle" in seen.text)
        assert "best · epoch" in seen.text
        assert not bench.speakers  # nothing is played unasked
        middle = screen._sounds["middle"]

        await seen.press("right", "right", "right")
        await seen.until(lambda: bench.speakers and screen._sounds["point"] is not middle)
        await seen.until(lambda: screen._player.progress().state == "playing")
        first = screen._turned.order[0].number
        assert f"dimension {first} at +1.5" in seen.text
        turned = screen._sounds["point"]
        np.testing.assert_array_equal(heard(bench, 500), turned.samples[:500, 0])
        await seen.press("a")
        await seen.until(lambda: screen._side == "middle")
        await seen.press("space")
        await seen.until(lambda: heard(bench) is not None and screen._player.progress().sound is None)

        await seen.press("shift+left")
        await seen.until(lambda: f"{first} at +1.4" in seen.text)
        await seen.press("0")
        await seen.until(lambda: np.array_equal(screen._sounds["point"].samples, middle.samples))
        await seen.press("r")
        await seen.until(lambda: screen._turned.standing and any(screen._turned.standing))
        assert "Sample of seed 0" in seen.text
        drawn = screen._point
        assert drawn is not None
        await seen.press("y")
        assert seen.app.clipboard.endswith(f"--traverse {first} --seed 0 -o traversal")

        await seen.press("enter")
        await seen.until(lambda: "where on this machine?" in seen.text)
        seen.app.screen.query_one(Input).value = str(tmp_path / "mine")
        await seen.press("enter")
        await seen.until((tmp_path / "mine.wav").exists)
        assert (tmp_path / "mine.wav").read_bytes() == drawn.wav
        np.testing.assert_array_equal(read_wav(drawn.wav).samples, drawn.sound.samples)
        process = screen._points._process  # type: ignore[union-attr]
        await seen.press("escape")
        await seen.until(lambda: seen.app.screen is not screen)
        await seen.until(lambda: process.poll() is not None, "the model's process ends with the screen")


async def test_who_turns_on_hears_only_where_they_stop(monitor: Monitor, trained: Path) -> None:
    async with monitor(size=(120, 40)) as seen, opened(seen, trained) as (screen, bench):
        before = screen._points.newest  # type: ignore[union-attr]
        await seen.press(*["right", "left"] * 6, "right", "down", "left")
        await seen.until(lambda: screen._settling is None and screen._asked_at is None and bench.speakers)
        assert screen._points is not None
        assert screen._point is not None
        assert screen._point.number == screen._points.newest
        assert screen._points.newest - before < 8
        two = [each.number for each in screen._turned.order[:2]]
        assert f"dimensions {two[0]} at +0.5, {two[1]} at -0.5" in seen.text


async def test_keys_before_it_is_ready_lose_no_middle(monitor: Monitor, trained: Path) -> None:
    async with monitor(size=(80, 24)) as seen:
        bench = Bench()
        run = RunInfo("bells", str(trained), local_folder=str(trained))
        screen = TraverseScreen(run, Player(bench.open, lambda: Availability(True)))
        await seen.app.push_screen(screen)
        await seen.press("r", "right", "enter", "a", "space")
        for _ in range(300):
            if screen._ready is not None:
                break
            await seen.pilot.pause(0.1)
        screen.action_turn(1.0)  # while the middle is on its way
        screen._ask()
        await seen.until(lambda: bench.speakers and screen._point is not None and screen._point.number == 2)
        assert not np.array_equal(screen._sounds["middle"].samples, screen._sounds["point"].samples)
        assert screen._turned.seed is None
        await seen.press("0")
        await seen.until(lambda: np.array_equal(screen._sounds["middle"].samples, screen._sounds["point"].samples))


async def test_another_host_s_run_has_a_command_instead(monitor: Monitor) -> None:
    async with monitor(size=(80, 24)) as seen:
        await seen.app.push_screen(TraverseScreen(RunInfo("bells", "box:runs/bells")))
        await seen.until(lambda: "ssh -t box 'distill-tui generate runs/bells --traverse top -o" in seen.text)
        await seen.press("right", "r", "0", "a", "space", "enter", "y")
        assert seen.app.clipboard.startswith("ssh -t box")
        await seen.press("question_mark")
        await seen.until(lambda: "What good looks like" in seen.text)
        await seen.press("end")
        await seen.until(lambda: "A random point" in seen.text, "the keys are listed too")


async def test_a_run_that_cannot_be_heard_yet_says_so(monitor: Monitor, tmp_path: Path) -> None:
    async with monitor(size=(80, 24)) as seen:
        await seen.app.push_screen(TraverseScreen(RunInfo("bells", str(tmp_path), local_folder=str(tmp_path))))
        await seen.until(lambda: "not a run folder" in seen.text.replace("\n", " ") or "run folder" in seen.text)
        assert "esc close" in seen.text


def test_a_process_that_dies_is_told_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distill_tui.points.MODULE", "no.such.module")
    told: SimpleQueue[Answer] = SimpleQueue()
    Points(str(tmp_path), told.put)
    ended = told.get(timeout=20)
    assert isinstance(ended, Ended)
    assert "No module named" in ended.reason


SIZED = {(80, 24): "distill-dark", (120, 40): "distill-light", (200, 60): "distill-terminal"}


@pytest.mark.parametrize("size", SIZED, ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture(size: tuple[int, int], snap_compare: Callable[..., bool]) -> None:
    async def then(seen: Watched) -> None:
        screen = TraverseScreen(RunInfo("bells", "box:bells"))
        await seen.app.push_screen(screen)
        screen._turned.order = ORDER
        screen._turned.standing = tuple(round(2 * np.sin(number), 1) for number in range(40))
        screen._turned.leave(3)
        screen._turned.choose(4)
        screen._turned.turn(1.5)
        screen.panel.say("")
        screen.panel.note(corner="best · epoch 31")
        screen.panel.show_sound("middle", spectrum(bell(300)))
        screen.panel.show_sound("point", spectrum(bell(900)))
        screen.panel.move(("point", 0.4))
        await steady(seen)

    app, prepare = pictured(FakeLink(), SIZED[size], then)
    assert snap_compare(app, terminal_size=size, run_before=prepare)
