"""Pictures of the previews with the selected sound's spectrogram; look at them when they change."""

import io
import math
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from textual.widgets import Input

from core.run.events import PreviewEvent
from distill_tui.panels.previews import PreviewsPanel
from distill_tui.player import Player
from distill_tui.screens.export import ExportScreen
from tests.fakes import FakeLink
from tests.tui.conftest import Watched, pictured, settled, steady

Snap = Callable[..., bool]
RATE = 32_000


def bell(epoch: int | None) -> np.ndarray:
    """Partials that die away; the reconstruction of an early epoch lacks the high ones. None: the original."""
    times = np.arange(round(1.2 * RATE)) / RATE
    partials = (220, 523, 1_170, 2_310, 4_400, 9_100)
    known = len(partials) if epoch is None else min(len(partials), 1 + epoch // 7)
    return sum(
        np.sin(2 * np.pi * hz * times) * np.exp(-times * (2 + i)) * 0.3 / (1 + i / 2)
        for i, hz in enumerate(partials[:known])
    )


class BellLink(FakeLink):
    """A made-up run whose previews are bells that grow brighter."""

    def fetch(self, artifact: str) -> bytes:
        epoch = None if "original" in artifact else int(artifact.split("/")[1][:4])
        target = io.BytesIO()
        soundfile.write(target, bell(epoch), RATE, format="WAV", subtype="PCM_16")
        return target.getvalue()

    def _previews(self, epoch: int) -> None:
        peaks = tuple(math.exp(-i / 10) for i in range(32))
        for kind, pair, mrstft in (
            ("original", "bell", None),
            ("reconstruction", "bell", 1 + 5 / epoch),
            ("sample", "", None),
        ):
            name = "fixed 1" if kind == "sample" else "church bell"
            path = "previews/original.wav" if kind == "original" else f"previews/{epoch:04d}-{kind}.wav"
            self.emit(PreviewEvent(epoch, path, RATE, self.step, kind, name, pair, 1.2, mrstft, peaks))  # type: ignore[arg-type]


CASES: dict[str, tuple[tuple[int, int], str, bool, tuple[str, ...]]] = {
    "sounds_full_80x24_dark": ((80, 24), "distill-dark", True, ()),
    "sounds_full_120x40_light": ((120, 40), "distill-light", True, ("down",)),
    "sounds_full_120x40_terminal": ((120, 40), "distill-terminal", True, ()),
    "sounds_full_200x60_dark": ((200, 60), "distill-dark", True, ()),
    "sounds_200x60_dark": ((200, 60), "distill-dark", False, ()),
    "export_80x24_dark": ((80, 24), "distill-dark", True, ("export",)),
}


@pytest.mark.parametrize("case", CASES)
def test_picture(case: str, snap_compare: Snap, monkeypatch: pytest.MonkeyPatch) -> None:
    size, theme, full, keys = CASES[case]
    monkeypatch.setattr(Player, "look", lambda self: None)
    link = BellLink()

    async def then(seen: Watched) -> None:
        panel = seen.board.query_one(PreviewsPanel)
        if full:
            panel.rows.focus()
            await seen.pilot.press("enter")
            await seen.until(lambda: panel.pictures.sound._heat, "the sound is drawn")
        for key in keys:
            if key == "export":
                panel.export()
                await seen.until(lambda: isinstance(seen.app.screen, ExportScreen))
                seen.app.screen.query_one(Input).cursor_blink = False
            else:
                await seen.pilot.press(key)
        await settled(seen)
        await steady(seen)

    app, prepare = pictured(link, theme, then)
    assert snap_compare(app, terminal_size=size, run_before=prepare)
