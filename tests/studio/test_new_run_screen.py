"""The form for a new run, on real folders of sounds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, Static

from distill_tui.plans import config_from, make_plan, next_run_name
from distill_tui.screens.fields import FolderInput, Pick, complete_folder
from distill_tui.screens.new_run import NewRunScreen
from distill_tui.session import Train
from distill_tui.theme import Palette

PENDING = object()


class Host(App[None]):
    """Shows the form and keeps its answer."""

    def __init__(self, runs_dir: Path, folder: str = "") -> None:
        super().__init__()
        self.palette = Palette()
        self.form = NewRunScreen(runs_dir, folder)
        self.answer: object = PENDING

    def on_mount(self) -> None:
        self.push_screen(self.form, lambda answer: setattr(self, "answer", answer))

    @property
    def ready(self) -> bool:
        return not self.form.query_one("#new-start").disabled

    def words(self, name: str) -> str:
        return str(self.form.query_one(f"#new-{name}-words", Static).content)


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """Six readable sounds of half a second at two rates, one empty file, one that is text, and one that is no sound."""
    folder = tmp_path / "my bells"
    folder.mkdir()
    for number in range(6):
        rate = 44_100 if number < 4 else 48_000
        noise = np.random.default_rng(number).uniform(-0.5, 0.5, rate // 2)
        soundfile.write(folder / f"bell-{number}.wav", noise, rate)
    (folder / "empty.wav").touch()
    (folder / "text.flac").write_text("not audio")
    (folder / "notes.txt").write_text("left alone")
    return folder


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    for _ in range(400):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it did not happen in 4 s")


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_folder_is_looked_at_and_what_follows_is_told(
    tmp_path: Path, sounds: Path, size: tuple[int, int]
) -> None:
    host = Host(tmp_path / "runs", str(sounds))
    async with host.run_test(size=size) as pilot:
        await until(pilot, lambda: host.ready)
        found, settings = host.words("found"), host.words("settings")
        assert found.startswith("6 sounds, 3 s in all, 44.1 kHz and 48 kHz")
        assert "2 files cannot be read" in found
        assert "empty.wav: empty file" in found
        assert "conservative for 6 sounds" in settings
        assert "3 train · 3 validation" in settings
        assert "100, about" in settings
        assert host.form.query_one("#new-start").region.bottom <= size[1]


async def test_start_answers_with_what_was_chosen(tmp_path: Path, sounds: Path) -> None:
    host = Host(tmp_path / "runs", str(sounds))
    async with host.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: host.ready)
        await pilot.press("enter", *"second", "enter")
        assert host.focused is not None
        host.form.query_one("#new-preset", Pick).focus()
        await pilot.press("right", "right")
        await until(pilot, lambda: host.ready and "balanced" in host.words("settings"))
        host.form.query_one("#new-start").focus()
        await pilot.press("enter")
        start = host.answer
        assert isinstance(start, Train)
        assert start.config.data.path == str(sounds)
        assert (start.config.name, start.config.preset) == ("second", "balanced")
        assert start.given == {"data.path", "recipe", "preset", "name"}
        assert start.runs_dir == tmp_path / "runs"


async def test_start_waits_until_there_is_something_to_train_on(tmp_path: Path, sounds: Path) -> None:
    one = tmp_path / "one"
    one.mkdir()
    (one / "a.wav").write_bytes((sounds / "bell-0.wav").read_bytes())
    (tmp_path / "empty").mkdir()
    host = Host(tmp_path / "runs")
    async with host.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        assert "5 to 500" in host.words("found")
        field = host.form.query_one("#new-folder", Input)
        for text, problem in (
            (str(tmp_path / "nowhere"), "no such folder"),
            (str(tmp_path / "empty"), "no files"),
            (str(one), "at least 2"),
            ("~nobody-of-this-name/x", "nobody-of-this-name"),
        ):
            field.value = text
            await until(pilot, lambda problem=problem: problem in host.words("found"))
            assert not host.ready
            assert host.words("settings") == ""
        field.value = str(sounds)
        await until(pilot, lambda: host.ready)
        field.value = str(sounds / "nowhere")
        await pilot.pause()
        assert not host.ready, "what was found in one folder must not start another"


async def test_escape_and_back_leave_without_a_run(tmp_path: Path) -> None:
    for leave in ("escape", "#new-back"):
        host = Host(tmp_path)
        async with host.run_test(size=(100, 30)) as pilot:
            await pilot.pause()
            await (pilot.press(leave) if leave == "escape" else pilot.click(leave))
            await pilot.pause()
            assert host.answer is None


async def test_tab_completes_a_folder_and_then_moves_on(tmp_path: Path, sounds: Path) -> None:
    host = Host(tmp_path)
    async with host.run_test(size=(100, 30)) as pilot:
        field = host.form.query_one("#new-folder", FolderInput)
        field.value = str(tmp_path / "my")
        field.cursor_position = len(field.value)
        await pilot.press("tab")
        await until(pilot, lambda: field.value == f"{sounds}/")
        assert host.focused is field
        await pilot.press("tab")
        await until(pilot, lambda: host.focused is host.form.query_one("#new-name"))


async def test_a_click_chooses_a_preset(tmp_path: Path) -> None:
    host = Host(tmp_path)
    async with host.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        pick = host.form.query_one("#new-preset", Pick)
        for at, word in ((2, "auto"), (12, "conservative"), (30, "balanced"), (42, "aggressive")):
            await pilot.click(pick, offset=(at, 0))
            assert pick.value == word


def test_a_folder_completes_by_its_beginning_and_hidden_ones_only_when_asked(tmp_path: Path) -> None:
    for name in ("bells", "beats", ".cache"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    assert complete_folder(f"{tmp_path}/b") == f"{tmp_path}/beats/"
    assert complete_folder(f"{tmp_path}/bel") == f"{tmp_path}/bells/"
    assert complete_folder(f"{tmp_path}/.c") == f"{tmp_path}/.cache/"
    assert complete_folder(f"{tmp_path}/") == f"{tmp_path}/beats/"
    assert complete_folder(f"{tmp_path}/f") is None
    assert complete_folder(f"{tmp_path}/none/x") is None
    assert complete_folder("") is None


@given(st.text(max_size=20))
def test_no_typing_breaks_the_completion(text: str) -> None:
    completed = complete_folder(text)
    assert completed is None or completed.startswith(text)


def test_the_plan_names_the_run_as_it_will_be_named(tmp_path: Path, sounds: Path) -> None:
    runs = tmp_path / "runs"
    for taken in ("bells", "bells-02"):
        (runs / taken).mkdir(parents=True)
    assert next_run_name(runs, "bells") == "bells-03"
    assert next_run_name(tmp_path / "none", "bells") == "bells"
    config, given_keys = config_from(sounds, "bells", "audio", "auto")
    assert make_plan(config, given_keys, runs).run_name == "bells-03"
