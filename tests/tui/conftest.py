"""A monitor on a made-up run, in a clean environment and at a fixed local time."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from distill_tui import reader
from distill_tui.app import DistillApp, Watch
from distill_tui.reader import Reader
from distill_tui.screens import commanding
from distill_tui.screens.dashboard import Dashboard
from tests.fakes import FakeLink

PATIENCE_SECONDS = 20.0  # on two busy cores what takes a second may take ten
Monitor = Callable[..., AbstractAsyncContextManager["Watched"]]


class Watched:
    """The app under test, its pilot, and its dashboard."""

    def __init__(self, app: DistillApp, pilot: Pilot[int], link: FakeLink) -> None:
        self.app, self.pilot, self.link = app, pilot, link

    @property
    def board(self) -> Dashboard:
        board = self.app.dashboard
        assert board is not None
        return board

    @property
    def text(self) -> str:
        """Everything on the screen, as text."""
        _, height = self.app.size
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in lines[:height])

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until it holds; what takes longer than this on a busy machine hangs."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            await self.pilot.pause(0.02)
            if condition():
                return
        raise AssertionError(f"still not so after {PATIENCE_SECONDS} s: {what or condition}\n{self.text}")


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("DISTILL_ASCII", "0")
    for name in ("NO_COLOR", "COLORFGBG", "SSH_CONNECTION", "PULSE_SERVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(commanding, "Reader", partial(Reader, interval=0.05))
    monkeypatch.setattr(reader, "INFO_INTERVAL", 0.2)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def monitor() -> Monitor:
    """`async with monitor(link, size=(120, 40)) as seen`: ready when the run has been read and drawn."""

    @asynccontextmanager
    async def open_monitor(
        link: FakeLink | None = None, size: tuple[int, int] = (120, 40), theme: str = "distill-dark"
    ) -> AsyncIterator[Watched]:
        link = link or FakeLink()
        app = DistillApp(Watch(link), remember_theme=False)
        async with app.run_test(size=size) as pilot:
            seen = Watched(app, pilot, link)
            if theme != app.theme:
                wear(app, theme)
            await seen.until(lambda: seen.board.snapshot.info is not None, "the run is read")
            await settled(seen)
            yield seen

    return open_monitor


async def settled(seen: Watched) -> None:
    """Every wanted curve has been read and drawn."""
    await seen.until(lambda: seen.board.reader._wanted <= set(seen.board.snapshot.series), "the curves are read")
    await asyncio.sleep(0)
    await seen.pilot.pause()


Prepare = Callable[[Pilot[Any]], Awaitable[None]]


def pictured(link: FakeLink, theme: str, then: Callable[[Watched], Awaitable[None]]) -> tuple[DistillApp, Prepare]:
    """A monitor on `link` and what to do before its picture is taken: `then`, once the run has been read and drawn."""
    app = DistillApp(Watch(link), remember_theme=False)

    async def prepare(pilot: Pilot[Any]) -> None:
        seen = Watched(app, pilot, link)
        if theme != app.theme:
            wear(app, theme)
        await seen.until(lambda: seen.board.snapshot.info is not None)
        await settled(seen)
        await then(seen)

    return app, prepare


async def steady(seen: Watched) -> None:
    """Nothing on the screen moves any more."""
    same, before = 0, ""
    for _ in range(60):
        await seen.pilot.pause(0.06)
        now = f"{seen.app.focused}{seen.text}"
        same, before = (same + 1 if now == before else 0), now
        if same == 3:
            return


def wear(app: DistillApp, theme: str) -> None:
    """Change the theme without the word that says so."""
    app._load_theme(theme)
    app.theme = theme
