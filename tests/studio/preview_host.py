"""The preview list alone on a screen, with a speaker played by hand and files that are noise."""

import io
import threading
from collections.abc import Callable

import numpy as np
import soundfile
from hand_speaker import RATE, Bench
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

from core.run.events import PreviewEvent
from core.run.link import LinkError, RunInfo
from core.run.state import RunState
from distill_tui.app import STYLES
from distill_tui.hearing import Availability
from distill_tui.panels.previews import PreviewsPanel
from distill_tui.player import Player
from distill_tui.theme import Palette

INFO = RunInfo("bells", "/runs/my bells", {"preview": {"every": 5}}, True, "/runs/my bells")


def step(number: int, name: str = "bell") -> list[PreviewEvent]:
    """What one preview makes: original, reconstruction, sample."""

    def event(kind: str, path: str, pair: str, mrstft: float | None = None) -> PreviewEvent:
        return PreviewEvent(number // 10, path, RATE, number, kind, name, pair, 1.0, mrstft, (0.2, 1.0, 0.5))  # type: ignore[arg-type]

    pair = f"{number}:{name}"
    return [
        event("original", f"previews/original-{name}.wav", pair),
        event("reconstruction", f"previews/{number}-{name}.wav", pair, 1.42),
        event("sample", f"previews/{number}-sample.wav", ""),
    ]


class Files:
    """A session whose files are noise, each its own; `broken` ones cannot be had."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.broken: dict[str, str] = {}
        self.cut: set[str] = set()

    def samples(self, path: str) -> np.ndarray:
        seed = sum(path.encode())
        return np.random.default_rng(seed).integers(-9_000, 9_000, RATE).astype(np.int16)

    def fetch(self, path: str) -> bytes:
        assert threading.current_thread() is not threading.main_thread(), "fetched on the screen's thread"
        self.fetched.append(path)
        if path in self.broken:
            raise LinkError(self.broken[path])
        target = io.BytesIO()
        soundfile.write(target, self.samples(path), RATE, format="WAV", subtype="PCM_16")
        return target.getvalue()[: 1_000 if path in self.cut else None]


class Host(App[None]):
    """The panel alone, in its own style."""

    CSS_PATH = STYLES / "previews.tcss"

    def __init__(self, look: Availability = Availability(True)) -> None:  # noqa: B008 - frozen
        super().__init__()
        self.palette = Palette()
        self.session = Files()
        self.bench = Bench()
        self.look = look
        self.redrawn = 0

    def compose(self) -> ComposeResult:
        yield PreviewsPanel(Player(self.bench.open, lambda: self.look))

    @property
    def panel(self) -> PreviewsPanel:
        return self.query_one(PreviewsPanel)

    @property
    def notice(self) -> str:
        widget = self.panel.query_one("#preview-notice", Static)
        return str(widget.content) if widget.display else ""

    def action_redraw(self) -> None:
        self.redrawn += 1

    def give(self, *steps: int, **changes: str) -> None:
        previews = tuple(event for number in steps for event in step(number, **changes))
        self.panel.update_info(INFO)
        self.panel.update_state(RunState(previews=previews))

    def lines(self) -> list[str]:
        rows = self.panel.rows
        return [rows.render_line(y).text.rstrip() for y in range(rows.size.height)]


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    for _ in range(400):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it did not happen in 4 s")


async def playing(pilot: Pilot[None], host: Host) -> None:
    await until(pilot, lambda: host.panel._player.progress().state == "playing")
