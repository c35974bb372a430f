"""Runs on the home screen: filter, sort, mark, compare, archive, delete, notes, baseline; by key and by mouse."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from test_home_screen import Monitor, make_run, until
from textual.pilot import Pilot
from textual.widgets import Input

from core.run import shelf
from core.run.folder import RunFolder
from distill_tui.screens.ask_text import AskText
from distill_tui.screens.run_filter import FilterLine
from distill_tui.screens.run_keeping import DeleteRuns
from distill_tui.screens.run_row import Columns
from distill_tui.session import Watch


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    """bells, drums, gamelan: more epochs each, so a better best each; stft weights 1, 0.2 and 0.7."""
    for epochs, (name, weight) in enumerate((("bells", 1.0), ("drums", 0.2), ("gamelan", 0.7)), 2):
        folder = make_run(tmp_path / "runs", name, epochs=epochs)
        text = folder.config_path.read_text() + f"[loss.stft]\nweight = {weight}\n"
        folder.config_path.write_text(text)
    return tmp_path / "runs"


class Seen:
    def __init__(self, app: Monitor, pilot: Pilot[int]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def names(self) -> list[str]:
        return [Path(key).name for key in self.app.rows.keys]

    @property
    def text(self) -> str:
        return self.app.seen()

    @property
    def said(self) -> str:
        return " ".join(note.message for note in self.app._notifications)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        self.app.screen.query_one(Input).value = text
        await self.pilot.pause()

    async def until(self, condition: object) -> None:
        await until(self.pilot, condition)  # type: ignore[arg-type]


@asynccontextmanager
async def home(runs_dir: Path, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Seen]:
    app = Monitor(runs_dir)
    async with app.run_test(size=size) as pilot:
        seen = Seen(app, pilot)
        await seen.until(lambda: app.rows.keys)
        await pilot.pause()
        yield seen


async def test_a_filter_works_while_it_is_typed_and_shows_what_it_names(runs_dir: Path) -> None:
    async with home(runs_dir) as seen:
        assert not seen.app.home.query_one(FilterLine).display
        await seen.press("/")
        await seen.type("loss.stft.weight > 0.5")
        assert seen.names == ["gamelan", "bells"]
        assert "2 of 3 runs" in seen.text
        assert "stft.weight" in seen.text
        assert "0.700" in seen.text
        await seen.press("enter")
        assert seen.app.focused is seen.app.rows
        assert seen.app.home.query_one(FilterLine).display
        assert "loss.stft.weight 0.700" in seen.text  # in the box below
        await seen.press("escape")
        assert seen.names == ["gamelan", "drums", "bells"]
        assert not seen.app.home.query_one(FilterLine).display


async def test_a_slip_is_told_and_leaves_the_list_and_the_text_alone(runs_dir: Path) -> None:
    async with home(runs_dir, (80, 24)) as seen:
        await seen.press("/")
        await seen.type("drums")
        await seen.type("best <")
        assert len(seen.names) == 3, "as before anything was typed"
        assert "something to compare best with" in seen.text
        await seen.type("loss.stft.weigth > 1")
        await seen.press("enter")
        assert "did you mean loss.stft.weight?" in seen.text
        assert isinstance(seen.app.focused, Input)
        assert seen.app.focused.value == "loss.stft.weigth > 1"
        await seen.type("loss.stft.wei")
        assert len(seen.names) == 3, "half a name empties nothing"
        await seen.type("best < < 3")
        assert len(seen.names) == 3, "no earlier piece of it filters"
        await seen.type("nothing like it")
        assert "No run is like that. esc shows all." in seen.text
        await seen.press("escape")
        assert len(seen.names) == 3


async def test_typing_a_filter_does_not_lose_the_selected_run(runs_dir: Path) -> None:
    async with home(runs_dir) as seen:
        await seen.press("j", "/", *"gam")
        assert seen.names == ["gamelan"]
        await seen.press(*["backspace"] * 3, *"s", "enter")
        assert seen.app.home.selected is not None
        assert seen.app.home.selected.name == "drums"


async def test_a_name_is_completed(runs_dir: Path) -> None:
    async with home(runs_dir) as seen:
        await seen.press("/", *"not", "space", *"loss", "full_stop", "s")
        await seen.pilot.pause(0.1)
        await seen.press("right")
        assert seen.app.screen.query_one(Input).value == "not loss.stft.weight"


async def test_o_sorts_by_the_next_thing_and_the_header_shows_it(runs_dir: Path) -> None:
    async with home(runs_dir) as seen:
        assert "last seen ↓" in seen.text
        await seen.press("j", "o")
        assert seen.names == ["gamelan", "drums", "bells"]
        assert "best ↑" in seen.text
        assert seen.app.home.selected is not None
        assert seen.app.home.selected.name == "drums", "the selection stays"
        await seen.press("o")
        assert seen.names == ["bells", "drums", "gamelan"]
        await seen.press("o")
        assert "epoch ↓" in seen.text
        await seen.press("o")
        assert "last seen ↓" in seen.text
        await seen.press("/")
        await seen.type("loss.stft.weight > 0")
        await seen.press("enter", "o", "o", "o", "o")
        assert seen.names == ["drums", "gamelan", "bells"], "what the filter names is one of them"


async def test_a_click_on_a_heading_sorts_and_turns_round(runs_dir: Path) -> None:
    async with home(runs_dir) as seen:
        header = seen.app.home.query_one(".run-header")
        line = header.render_line(0).text
        await seen.pilot.click(header, offset=(line.index("run") + 1, 0))
        assert seen.names == ["bells", "drums", "gamelan"]
        await seen.pilot.click(header, offset=(line.index("run") + 1, 0))
        assert seen.names == ["gamelan", "drums", "bells"]


async def test_any_setting_can_be_sorted_by(runs_dir: Path) -> None:
    async with home(runs_dir) as seen:
        await seen.app.run_action("ask_order", seen.app.home)
        await seen.until(lambda: isinstance(seen.app.screen, AskText))
        await seen.type("loss.stft.weigh")
        await seen.press("enter")
        assert "did you mean loss.stft.weight?" in seen.text
        await seen.type("-loss.stft.weight")
        await seen.press("enter")
        await seen.until(lambda: seen.names == ["bells", "gamelan", "drums"])
        assert "stft.weight ↓" in seen.text


async def test_the_palette_sorts_by_a_setting(runs_dir: Path) -> None:
    async with home(runs_dir) as seen:
        await seen.press("ctrl+p", *"sort", "space", *"by", "space", *"loss")
        await seen.pilot.pause(0.5)
        await seen.press("enter")
        await seen.until(lambda: "stft.weight ↑" in seen.text)


async def test_marked_runs_are_compared_in_the_lists_order(runs_dir: Path) -> None:
    async with home(runs_dir) as seen:
        await seen.press("j", "space", "j", "space")
        assert "2 marked" in seen.text
        assert seen.app.rows.render_line(1).text.startswith(" ✓ drums")
        await seen.press("c")
        assert seen.app.begun == [Watch(runs_dir / "drums")]
        assert seen.app.overlays == [runs_dir / "bells"]
        await seen.press("escape")
        assert "2 marked" not in seen.text


async def test_one_alone_is_compared_with_the_baseline(runs_dir: Path) -> None:
    async with home(runs_dir) as seen:
        await seen.press("c")
        assert "make one the baseline with B" in seen.said
        await seen.press("B")
        await seen.until(lambda: "⚑ gamelan" in seen.text)
        assert shelf.baseline(runs_dir) == runs_dir / "gamelan"
        await seen.press("j", "c")
        assert (seen.app.begun, seen.app.overlays) == ([Watch(runs_dir / "drums")], [runs_dir / "gamelan"])
        await seen.press("k", "space", "c")
        assert len(seen.app.begun) == 1, "the baseline is not compared with itself"
        await seen.press("j", "space", "c")
        assert seen.app.begun[1:] == [Watch(runs_dir / "drums")], "the baseline lies over the other"
        await seen.press("k", "B")
        await seen.until(lambda: shelf.baseline(runs_dir) is None)


async def test_archived_runs_go_out_of_sight_and_come_back(runs_dir: Path) -> None:
    async with home(runs_dir) as seen:
        await seen.press("space", "j", "space", "a")
        await seen.until(lambda: seen.names == ["bells"])
        assert "2 archived" in seen.text
        assert shelf.is_archived(runs_dir / "drums")
        await seen.press("a")
        await seen.until(lambda: "All runs here are archived. A shows them." in seen.text)
        await seen.press("A")
        assert len(seen.names) == 3
        seen.app.rows.select(str(runs_dir / "drums"))
        await seen.press("a")
        await seen.until(lambda: "drums brought back" in seen.said)
        await seen.press("A")
        await seen.until(lambda: seen.names == ["drums"])


async def test_delete_asks_first_and_enter_keeps(runs_dir: Path) -> None:
    async with home(runs_dir, (80, 24)) as seen:
        for answer in ("enter", "escape", "n"):
            await seen.press("X")
            await seen.until(lambda: isinstance(seen.app.screen, DeleteRuns))
            for words in ("gamelan", "kB on the disk", "cannot be undone"):
                assert words in seen.text
            await seen.press(answer)
            assert (runs_dir / "gamelan").exists()
        await seen.press("X")
        await seen.until(lambda: isinstance(seen.app.screen, DeleteRuns))
        await seen.press("y")
        await seen.until(lambda: seen.names == ["drums", "bells"])
        await seen.until(lambda: not (runs_dir / "gamelan").exists())
        assert "gamelan deleted" in seen.said


async def test_a_live_run_is_not_deleted_and_says_why(runs_dir: Path) -> None:
    with RunFolder(runs_dir / "drums").lock():
        async with home(runs_dir) as seen:
            assert seen.names[0] == "drums"
            await seen.press("X")
            await seen.until(lambda: "being trained now" in seen.said)
            await seen.press("space", "j", "space", "X")
            await seen.until(lambda: isinstance(seen.app.screen, DeleteRuns))
            assert "Delete the run" in seen.text
            await seen.press("y")
            await seen.until(lambda: len(seen.names) == 2)
            assert "drums" in seen.names


async def test_what_cannot_be_deleted_is_told(runs_dir: Path) -> None:
    (runs_dir / "gamelan" / "mine.wav").touch()
    async with home(runs_dir) as seen:
        await seen.press("X")
        await seen.until(lambda: isinstance(seen.app.screen, DeleteRuns))
        await seen.press("y")
        await seen.until(lambda: "mine.wav" in seen.said)
        assert len(seen.names) == 3


async def test_a_note_is_written_shown_found_and_removed(runs_dir: Path) -> None:
    async with home(runs_dir) as seen:
        await seen.press("N")
        await seen.until(lambda: isinstance(seen.app.screen, AskText))
        await seen.type("x" * 5000)
        await seen.press("enter")
        assert "too long" in seen.text
        await seen.type("warm [b]bass[/b]")
        await seen.press("enter")
        await seen.until(lambda: seen.text.count("warm [b]bass[/b]") == 2)  # in the row and in the box
        await seen.press("/")
        await seen.type("warm")
        await seen.press("enter")
        assert seen.names == ["gamelan"]
        await seen.press("N")
        await seen.until(lambda: isinstance(seen.app.screen, AskText))
        assert seen.app.screen.query_one(Input).value == "warm [b]bass[/b]"
        await seen.type("")
        await seen.press("enter")
        await seen.until(lambda: shelf.note(runs_dir / "gamelan") == "")


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (200, 60)])
async def test_strange_runs_among_them_are_only_text(runs_dir: Path, size: tuple[int, int]) -> None:
    (runs_dir / "bells").rename(runs_dir / "[red]\x1b[2Jbells")
    (runs_dir / "drums").rename(runs_dir / ("x" * 250))
    (runs_dir / "gamelan" / "run.sqlite").write_bytes(b"no database" * 100)
    (runs_dir / "empty").mkdir()
    (runs_dir / "empty" / "config.toml").write_text("")
    (runs_dir / "empty" / "note.txt").write_text("two\nlines\x1b[31m")
    async with home(runs_dir, size) as seen:
        assert len(seen.names) == 4
        for keys in (
            ("o",),
            ("o",),
            ("/", *"live", "enter"),
            ("escape",),
            ("space", "j", "space", "j", "space"),
            ("c",),
        ):
            await seen.press(*keys)
        assert "\x1b" not in seen.text
        assert "[red][2Jbells" in seen.text
        assert "✗ broken" in seen.text


@pytest.mark.parametrize("width", [98, 118, 138, 198])
def test_names_get_their_room_before_where_the_sounds_are(width: int) -> None:
    for longest in (4, 22, 30, 36, 80):
        columns = Columns.within(width, longest=longest)
        assert columns.name >= min(longest, 36), longest
        assert not columns.data or columns.name == max(16, min(longest, 36)), "the rest goes to the data"


async def test_a_name_is_not_cut_while_there_is_room(runs_dir: Path) -> None:
    name = "bells-with-a-long-decay-and-reverb"
    make_run(runs_dir, name)
    async with home(runs_dir, (118, 40)) as seen:
        assert name in seen.text
