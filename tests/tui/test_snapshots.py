"""Pictures of the screens at the three sizes; look at them when they change."""

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from core.run.events import SkippedFile
from distill_tui.app import DistillApp, Watch
from distill_tui.player import Player
from tests.fakes import FakeLink, many_terms
from tests.tui.conftest import Watched, settled, steady, wear

Snap = Callable[..., bool]


def stormy(term: int, step: int) -> float:
    """A curve with a spike and a NaN."""
    if step == 700:
        return float("nan")
    return 90.0 if step == 500 else 1 / (1 + step / 100) + 0.1 * term


def sick() -> FakeLink:
    link = FakeLink(curve=stormy, skipped=tuple(SkippedFile(f"old/{i}.wav", "silent") for i in range(3)))
    link.warn()
    link.warn("danger", id="nan-1")
    return link


def ended() -> FakeLink:
    link = FakeLink(steps=3200, total_epochs=100)
    link.complete("finished")
    return link


def waiting() -> FakeLink:
    link = FakeLink(steps=0)
    del link.stored[1:]
    return link


CASES: dict[str, tuple[Callable[[], FakeLink], tuple[int, int], str, tuple[str, ...]]] = {
    "training_80x24_dark": (FakeLink, (80, 24), "distill-dark", ()),
    "training_120x40_dark": (FakeLink, (120, 40), "distill-dark", ()),
    "training_200x60_dark": (FakeLink, (200, 60), "distill-dark", ()),
    "training_120x40_light": (FakeLink, (120, 40), "distill-light", ()),
    "training_80x24_contrast": (FakeLink, (80, 24), "distill-contrast", ()),
    "training_120x40_terminal": (FakeLink, (120, 40), "distill-terminal", ()),
    "warnings_120x40_light": (sick, (120, 40), "distill-light", ()),
    "finished_80x24_light": (ended, (80, 24), "distill-light", ()),
    "waiting_120x40_dark": (waiting, (120, 40), "distill-dark", ()),
    "thirty_terms_200x60_dark": (lambda: FakeLink(terms=many_terms(30), steps=300), (200, 60), "distill-dark", ()),
    "chart_log_smooth_120x40_dark": (FakeLink, (120, 40), "distill-dark", ("enter", "g", "m", "m")),
    "events_80x24_dark": (sick, (80, 24), "distill-dark", ("e",)),
    "help_120x40_dark": (FakeLink, (120, 40), "distill-dark", ("?",)),
}


@pytest.mark.parametrize("case", CASES)
def test_picture(case: str, snap_compare: Snap, monkeypatch: pytest.MonkeyPatch) -> None:
    make, size, theme, keys = CASES[case]
    monkeypatch.setattr(Player, "look", lambda self: None)  # whether this machine has a sound device is not at issue
    link = make()
    app = DistillApp(Watch(link), remember_theme=False)

    async def prepare(pilot: Pilot[Any]) -> None:
        seen = Watched(app, pilot, link)
        if theme != app.theme:
            wear(app, theme)
        await seen.until(lambda: seen.board.snapshot.info is not None)
        await settled(seen)
        await pilot.press(*keys)
        await settled(seen)
        await steady(seen)

    assert snap_compare(app, terminal_size=size, run_before=prepare)
