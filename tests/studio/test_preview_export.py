"""Saving a preview where a person wants it: the name, the place, the bytes, and what is there already."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hand_speaker import Bench
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input, Static

from core.run.events import PreviewEvent
from core.run.folder import RunFolder
from core.run.link import LinkError
from core.run.state import RunState
from distill_tui.app import STYLES
from distill_tui.hearing import Availability
from distill_tui.panels.preview_export import ExportError, default_name, export, files_of, target_of
from distill_tui.panels.previews import PreviewsPanel
from distill_tui.player import Player
from distill_tui.screens.export import ExportScreen, Replace
from distill_tui.theme import Palette

BYTES = b"RIFF\x00\xff exactly these"


def preview(kind: str = "reconstruction", name: str = "tabla na", score: str = "") -> PreviewEvent:
    return PreviewEvent(35, f"previews/{kind}.wav", 8_000, 9, kind, name, "9:p", 1.0, None, (), score)  # type: ignore[arg-type]


class Host(App[None]):
    """The panel alone, its files in memory."""

    CSS_PATH = STYLES / "previews.tcss"

    def __init__(self, *previews: PreviewEvent) -> None:
        super().__init__()
        self.palette = Palette()
        self.session = self
        self.broken = ""
        self._given = previews
        self.bench = Bench()

    def compose(self) -> ComposeResult:
        yield PreviewsPanel(Player(self.bench.open, lambda: Availability(True)))

    def on_mount(self) -> None:
        self.query_one(PreviewsPanel).update_state(RunState(previews=self._given))

    def fetch(self, path: str) -> bytes:
        assert threading.current_thread() is not threading.main_thread(), "fetched on the screen's thread"
        if self.broken:
            raise LinkError(self.broken)
        return BYTES + path.encode()

    @property
    def toasts(self) -> list[str]:
        return [notification.message for notification in self._notifications]


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    for _ in range(300):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it did not happen in 3 s")


async def ask(pilot: Pilot[None], host: Host, text: str | None = None) -> None:
    """Open the dialog and type a place."""
    host.query_one(PreviewsPanel).export()
    await until(pilot, lambda: isinstance(host.screen, ExportScreen))
    if text is not None:
        host.screen.query_one(Input).value = text
        await pilot.pause()


def problem(host: Host) -> str:
    widget = host.screen.query_one("#export-problem", Static)
    return str(widget.content) if widget.display else ""


def test_the_name_tells_sound_epoch_and_kind() -> None:
    assert default_name(preview()) == "tabla-na-epoch-35-reconstruction.wav"
    assert default_name(preview("sample", "fixed 7")) == "fixed-7-epoch-35-sample.wav"
    assert default_name(preview("original")) == "tabla-na-original.wav"
    assert default_name(preview(name="../\x1b[2J/..")) == "2J-epoch-35-reconstruction.wav"
    assert default_name(preview(name="///")) == "preview-epoch-35-reconstruction.wav"


def test_a_place_is_a_file_or_a_folder_and_home_is_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "music").mkdir()
    for text, wanted in (("~/a.wav", "a.wav"), ("~", "n.wav"), ("~/music", "music/n.wav"), ("~/music/", "music/n.wav"),
                         ("~/b", "b.wav"), ("~/b.take 2", "b.take 2.wav"), (" ~/c.WAV ", "c.WAV")):  # fmt: skip
        assert target_of(text, "n.wav") == tmp_path / wanted
    monkeypatch.chdir(tmp_path)
    assert target_of("here.wav", "n.wav") == tmp_path / "here.wav"
    run = RunFolder.create(tmp_path / "runs", "bells")
    run.config_path.touch()
    for place in (run.path, run.previews):
        with pytest.raises(ExportError, match="a run's own folder"):
            target_of(str(place), "n.wav")
    for text in (
        "",
        "  ",
        "~/not there/x.wav",
        "~/nowhere/",
        "~nobody-of-that-name/x",
        "a\0b",
        f"{tmp_path}/{'x' * 300}/y.wav",
    ):
        with pytest.raises(ExportError) as error:
            target_of(text, "n.wav")
        assert "\n" not in str(error.value)
        assert str(error.value)


def test_a_disk_that_refuses_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken.wav").mkdir()
    (tmp_path / "taken.wav" / "x").touch()
    with pytest.raises(ExportError, match=r"taken\.wav: "):
        export({tmp_path / "taken.wav": "p"}, lambda path: b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.wav"]


async def test_the_bytes_of_the_run_are_saved_where_the_person_said(tmp_path: Path) -> None:
    host = Host(preview())
    async with host.run_test(size=(100, 30)) as pilot:
        await ask(pilot, host)
        assert host.screen.query_one(Input).value == "~/tabla-na-epoch-35-reconstruction.wav"
        await pilot.press("escape")
        await ask(pilot, host, f"{tmp_path}/")
        await pilot.press("enter")
        target = tmp_path / "tabla-na-epoch-35-reconstruction.wav"
        await until(pilot, lambda: host.toasts)
        assert target.read_bytes() == BYTES + b"previews/reconstruction.wav"
        assert host.toasts == [f"Saved {target}"]
        assert [path.name for path in tmp_path.iterdir()] == [target.name]


async def test_of_a_tune_the_midi_file_is_saved_beside_it(tmp_path: Path) -> None:
    host = Host(preview(score="previews/r.mid"))
    async with host.run_test(size=(100, 30)) as pilot:
        await ask(pilot, host, f"{tmp_path}/reel")
        await pilot.press("enter")
        await until(pilot, lambda: host.toasts)
        assert (tmp_path / "reel.mid").read_bytes() == BYTES + b"previews/r.mid"
        assert (tmp_path / "reel.wav").exists()
        assert "reel.mid" in host.toasts[0]


@pytest.mark.parametrize("there", ["reel.wav", "reel.mid"])
async def test_what_is_there_already_stays_unless_a_person_says_otherwise(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    host = Host(preview(score="previews/r.mid"))
    async with host.run_test(size=(100, 30)) as pilot:
        await ask(pilot, host, f"{tmp_path}/reel.wav")
        for key in ("enter", "escape", "n"):
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(host.screen, Replace))
            await pilot.press(key)
            await until(pilot, lambda: isinstance(host.screen, ExportScreen))
        assert [path.name for path in tmp_path.iterdir()] == [there]
        assert (tmp_path / there).read_text() == "mine"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(host.screen, Replace))
        await pilot.press("r")
        await until(pilot, lambda: host.toasts)
        assert (tmp_path / there).read_bytes().startswith(BYTES)


async def test_a_place_that_is_not_there_is_told_in_the_dialog_and_can_be_mended(tmp_path: Path) -> None:
    host = Host(preview())
    async with host.run_test(size=(100, 30)) as pilot:
        await ask(pilot, host, f"{tmp_path}/[b]no/x.wav")
        await pilot.press("enter")
        await until(pilot, lambda: problem(host))
        assert problem(host) == f"{tmp_path}/[b]no: there is no such folder"
        host.screen.query_one(Input).value = f"{tmp_path}/x.wav"
        await until(pilot, lambda: not problem(host))
        await pilot.press("enter")
        await until(pilot, lambda: host.toasts)
        assert (tmp_path / "x.wav").exists()


async def test_a_preview_that_cannot_be_had_is_told_in_one_line(tmp_path: Path) -> None:
    host = Host(preview())
    host.broken = "previews/reconstruction.wav: [red]not\x1b[31m in this run"
    async with host.run_test(size=(100, 30)) as pilot:
        await ask(pilot, host, f"{tmp_path}/x.wav")
        await pilot.press("enter")
        await until(pilot, lambda: host.toasts)
        assert host.toasts == ["Not saved: previews/reconstruction.wav: [red]not[31m in this run"]
        assert list(tmp_path.iterdir()) == []


def test_files_are_named_after_the_sound(tmp_path: Path) -> None:
    assert files_of(preview(score="p.mid"), tmp_path / "a.WAV") == {
        tmp_path / "a.WAV": "previews/reconstruction.wav", tmp_path / "a.mid": "p.mid"}  # fmt: skip
