"""Pictures of the screens at the three sizes; look at them when they change."""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core.run.commands import Mark, Save, Set
from core.run.events import SkippedFile
from distill_tui.app import DistillApp, Home
from distill_tui.player import Player
from tests.fakes import NOON, FakeLink, many_terms
from tests.studio.test_home_screen import make_run
from tests.tui.conftest import Watched, pictured, settled, steady, wear

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


def compared() -> FakeLink:
    """A run with what people do to it: values set, notes, a checkpoint asked for."""
    link = FakeLink()
    for command in (Set("learning_rate", 5e-4), Mark("quieter from here"), Save()):
        link.send(command)
        link.advance(40)
    return link


Case = tuple[Callable[[], FakeLink], tuple[int, int], str, tuple[str, ...]]
SIZES = {(80, 24): "distill-dark", (120, 40): "distill-light", (200, 60): "distill-ember"}
SCREENS: dict[str, tuple[str, ...]] = {
    "chart": ("1", "v", *["left"] * 9), "terms": ("2",), "previews": ("3",), "latent": ("4",), "balance": ("5",),
    "system": ("6",), "config": ("7",), "events": ("8",), "help": ("?",), "themes": ("t",), "set": ("=",),
    "note": ("N",), "cancel": ("c",),
}  # fmt: skip
CASES: dict[str, Case] = {
    f"{name}_{width}x{height}": (compared, (width, height), theme, keys)
    for (width, height), theme in SIZES.items()
    for name, keys in SCREENS.items()
} | {
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
    "thirty_terms_80x24_scope": (lambda: FakeLink(terms=many_terms(30), steps=300), (80, 24), "distill-scope", ()),
    "chart_log_smooth_120x40_frost": (FakeLink, (120, 40), "distill-frost", ("enter", "g", "m", "m")),
}


@pytest.mark.parametrize("case", CASES)
def test_picture(case: str, snap_compare: Snap, monkeypatch: pytest.MonkeyPatch) -> None:
    make, size, theme, keys = CASES[case]
    monkeypatch.setattr(Player, "look", lambda self: None)  # whether this machine has a sound device is not at issue
    link = make()

    async def then(seen: Watched) -> None:
        await seen.pilot.press(*keys)
        await settled(seen)
        await steady(seen)

    app, prepare = pictured(link, theme, then)
    assert snap_compare(app, terminal_size=size, run_before=prepare)


@pytest.mark.parametrize(("size", "theme"), list(SIZES.items()), ids=lambda value: value[0])
@pytest.mark.parametrize("runs", [("bells", "gongs", "drums"), ()], ids=["runs", "none"])
def test_picture_of_home(
    runs: tuple[str, ...], size: tuple[int, int], theme: str, snap_compare: Snap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOON)  # "last seen" is told from now
    place = Path(tempfile.gettempdir()) / "distill-tui-pictures"  # the same name every time, since it is seen
    shutil.rmtree(place, ignore_errors=True)
    for epochs, name in enumerate(runs, 3):
        make_run(place / "runs", name, epochs)
    app = DistillApp(Home(place / "runs"), remember_theme=False)

    async def prepare(pilot: Pilot[Any]) -> None:
        wear(app, theme)
        for _ in range(10):
            await pilot.pause(0.05)

    try:
        assert snap_compare(app, terminal_size=size, run_before=prepare)
    finally:
        shutil.rmtree(place, ignore_errors=True)
