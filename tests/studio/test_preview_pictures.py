"""A sound on the screen: when it is drawn, on which scale, what follows the ear, and what a slow line does."""

import io
import threading
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from hand_speaker import Bench
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from core.run.events import PreviewEvent
from core.run.link import LinkError, RunInfo
from core.run.state import RunState
from distill_tui.app import STYLES
from distill_tui.hearing import Availability
from distill_tui.panels.preview_picture import LABELS
from distill_tui.panels.previews import PreviewsPanel
from distill_tui.panels.spectrogram import SpectrogramPicture
from distill_tui.player import Player
from distill_tui.theme import Palette, available, load

RATE = 16_000
TONES = {"original": 2_000.0, "reconstruction": 500.0, "sample": 6_000.0}


def events(steps: tuple[int, ...] = (10,)) -> tuple[PreviewEvent, ...]:
    def event(step: int, kind: str) -> PreviewEvent:
        path = "previews/original.wav" if kind == "original" else f"previews/{step}-{kind}.wav"
        pair = "" if kind == "sample" else f"{step}:p"
        return PreviewEvent(step // 10, path, RATE, step, kind, "bell", pair, 2.0, None, (0.5,))  # type: ignore[arg-type]

    return tuple(event(step, kind) for step in steps for kind in TONES)


class Files:
    """A session whose sounds are a tone of their kind; the reconstruction is half as long and softer."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.gone: dict[str, str] = {}
        self.slow: dict[str, threading.Event] = {}

    def fetch(self, path: str) -> bytes:
        assert threading.current_thread() is not threading.main_thread(), "fetched on the screen's thread"
        self.fetched.append(path)
        if path in self.slow:
            self.slow[path].wait(4)
        if path in self.gone:
            raise LinkError(self.gone[path])
        kind = next(kind for kind in TONES if kind in path)
        seconds, level = (1.0, 0.05) if kind == "reconstruction" else (2.0, 0.5)
        times = np.arange(round(seconds * RATE)) / RATE
        target = io.BytesIO()
        wave = level * np.sin(2 * np.pi * TONES[kind] * times)
        soundfile.write(target, wave, RATE, format="WAV", subtype="PCM_16")
        return target.getvalue()


class Host(App[None]):
    """The panel alone, in its own style."""

    CSS_PATH = STYLES / "previews.tcss"

    def __init__(self, theme: str = "distill-dark", plain: bool = False) -> None:
        super().__init__()
        self.palette = load(available()[theme]).palette if theme else Palette()
        self.session = Files()
        self.bench = Bench()
        self.ascii_only = plain

    def compose(self) -> ComposeResult:
        yield PreviewsPanel(Player(self.bench.open, lambda: Availability(True)))

    @property
    def panel(self) -> PreviewsPanel:
        return self.query_one(PreviewsPanel)

    @property
    def sound(self) -> SpectrogramPicture:
        return self.panel.pictures.sound

    def give(self, *previews: PreviewEvent) -> None:
        self.panel.update_info(RunInfo("bells", "/runs/bells", {}, True, "/runs/bells"))
        self.panel.update_state(RunState(previews=previews or events()))

    def picture(self) -> list[str]:
        return [self.sound.render_line(y).text for y in range(self.sound.size.height)] or [""]

    def brightest(self) -> str:
        """The kind whose tone the picture shows."""
        spectrum = self.sound._spectrum
        if spectrum is None:
            return ""
        hz = 700 * (10 ** ((float(spectrum.power.mean(0).argmax()) + 0.5) / 256 * 2840 / 2595) - 1)
        return min(TONES, key=lambda kind: abs(np.log(TONES[kind] / max(hz, 1))))

    def heads(self) -> set[int]:
        """The columns with a playhead, as the lines of the waveform show it."""
        return {x for line in self.picture()[: len(self.sound._wave)] for x, c in enumerate(line) if c == "│"}


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    for _ in range(400):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it did not happen in 4 s")


async def test_the_selected_sound_is_seen_below_the_list_with_its_axes() -> None:
    host = Host()
    async with host.run_test(size=(80, 24)) as pilot:
        host.give()
        await until(pilot, host.brightest)
        picture = host.picture()
        assert host.brightest() == "reconstruction"
        assert host.panel.rows.size.height >= 3
        assert {line[: LABELS - 1].strip() for line in picture} >= {"0.1", "1", "4", "kHz"}
        assert "0 s" in picture[-1]
        assert "1.5" in picture[-1], "on the scale of the original, which is longer"
        assert all(cell_len(line) == host.sound.size.width for line in picture)
        assert any("\u2801" <= character <= "\u28ff" for character in picture[0] + picture[1])


async def test_original_and_reconstruction_are_seen_on_one_scale_and_the_switch_is_at_once() -> None:
    host = Host()
    async with host.run_test(size=(80, 24)) as pilot:
        host.give()
        await until(pilot, host.brightest)
        scale = host.sound._seconds, host.sound._loudest_db
        host.panel.compare()
        await pilot.pause()
        await until(pilot, lambda: host.brightest() == "original")
        assert (host.sound._seconds, host.sound._loudest_db) == scale
        assert host.session.fetched.count("previews/original.wav") == 1
        host.panel.compare()
        await until(pilot, lambda: host.brightest() == "sample")
        assert host.sound._loudest_db != scale[1]


@pytest.mark.parametrize("height", [5, 9, 12])
async def test_without_room_there_is_only_the_list_and_nothing_is_fetched(height: int) -> None:
    host = Host()
    async with host.run_test(size=(80, height)) as pilot:
        host.give()
        await pilot.pause(0.3)
        assert not host.sound.display
        assert host.session.fetched == []


async def test_running_down_the_list_brings_only_what_one_stops_at_and_never_shows_the_wrong_one() -> None:
    host = Host()
    async with host.run_test(size=(80, 24)) as pilot:
        host.give(*events((10, 20, 30)))
        await until(pilot, host.brightest)
        host.session.fetched.clear()
        host.session.slow["previews/20-sample.wav"] = threading.Event()
        for _ in range(5):
            host.panel.rows.action_row(1)
        await pilot.pause(0.3)
        assert host.session.fetched == ["previews/20-sample.wav"]
        host.panel.rows.action_row(-1)
        await until(pilot, lambda: host.brightest() == "original")
        host.session.slow["previews/20-sample.wav"].set()
        await pilot.pause(0.2)
        assert host.brightest() == "original"


async def test_the_playhead_goes_through_both_parts_and_only_its_columns_are_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = Host()
    async with host.run_test(size=(84, 24)) as pilot:
        host.give()
        await until(pilot, host.brightest)
        assert host.heads() == set()
        host.panel.play()
        await until(pilot, lambda: host.panel._player.progress().state == "playing")
        await until(pilot, lambda: host.heads() == {LABELS})
        drawn: list[Region] = []
        refresh = SpectrogramPicture.refresh

        def noted(self: SpectrogramPicture, *regions: Region, **options: bool) -> SpectrogramPicture:
            drawn.extend(regions or [Region(0, 0, 999, 999)])
            return refresh(self, *regions, **options)

        monkeypatch.setattr(SpectrogramPicture, "refresh", noted)
        host.bench.speaker.pull(RATE // 2)
        column = LABELS + int(0.25 * (host.sound.size.width - LABELS))
        await until(pilot, lambda: host.heads() == {column})
        assert {region.width for region in drawn} == {1}
        assert all(line[column] == "│" for line in host.picture()[:-1])
        drawn.clear()
        await pilot.pause(0.6)
        assert drawn == [], "a playhead that stands still costs nothing"
        host.panel.stop()
        await until(pilot, lambda: host.heads() == set())


async def test_a_sound_that_cannot_be_had_says_so_in_one_line() -> None:
    host = Host()
    async with host.run_test(size=(90, 24)) as pilot:
        host.session.gone["previews/10-reconstruction.wav"] = "previews/10-reconstruction.wav: [b]gone\x1b[2J"
        host.give()
        await until(pilot, lambda: "[b]gone[2J" in host.picture()[0])
        assert "".join(host.picture()[1:]).strip() == ""
        host.panel.rows.action_row(1)
        host.session.gone.clear()
        await until(pilot, lambda: host.brightest() == "original")


async def test_a_smaller_and_a_larger_screen_draw_it_anew() -> None:
    host = Host()
    async with host.run_test(size=(80, 24)) as pilot:
        host.give()
        await until(pilot, host.brightest)
        for size in ((120, 40), (60, 16), (80, 10), (200, 60)):
            await pilot.resize_terminal(*size)
            await pilot.pause(0.05)
            if host.sound.display:
                await until(pilot, lambda: "kHz" in host.picture()[-1])
                assert all(cell_len(line) == host.sound.size.width for line in host.picture())
        assert len(host.session.fetched) == 2


@pytest.mark.parametrize(("theme", "plain"), [("distill-terminal", False), ("distill-dark", True), ("", False)])
async def test_without_shades_it_is_drawn_in_characters(theme: str, plain: bool) -> None:
    host = Host(theme, plain)
    async with host.run_test(size=(80, 24)) as pilot:
        host.give()
        host.panel.rows.action_row(1)  # the original, which is loud
        await until(pilot, lambda: host.brightest() == "original")
        spectrogram = host.picture()[len(host.sound._wave) : -1]
        assert not any(character in "▀▄" for line in spectrogram for character in line)
        assert "█" in "".join(spectrogram)
        assert " " in "".join(line[LABELS:] for line in spectrogram)
