"""Runs laid over the watched one: chosen, gone, and the baseline that is remembered."""

import shutil
from pathlib import Path

import pytest

from core.run import shelf
from distill_tui import overlay as overlay_module
from distill_tui.app import DistillApp, Watch
from distill_tui.overlay import Overlays
from tests.fakes import FakeLink
from tests.studio.test_home_screen import make_run
from tests.tui.conftest import Watched


def test_a_run_that_is_gone_is_said_once_and_no_longer_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay_module, "LOOK_AGAIN_SECONDS", 0.0)
    runs = [make_run(tmp_path, name).path for name in ("bells", "drums")]
    said: list[str] = []
    overlays = Overlays(said.append)
    overlays.choose([*runs, tmp_path / "none"], runs[1])
    assert len(said) == 1
    assert "none" in said[0]
    overlays.look()
    assert [(each.name, each.baseline, each.last_step) for each in overlays.shown] == [
        ("drums", True, 20), ("bells", False, 20)
    ]  # fmt: skip
    shutil.rmtree(runs[1])
    for _ in range(3):
        overlays.look()
    assert [each.name for each in overlays.shown] == ["bells"]
    assert said[1:] == [f"{runs[1]}: is gone, and no longer drawn"]
    overlays.close()


async def test_looking_at_the_choice_changes_no_baseline(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, name).path for name in ("bells", "drums")]
    shelf.set_baseline(tmp_path, runs[0])
    app = DistillApp(Watch(runs[0]), remember_theme=False)
    async with app.run_test(size=(120, 40)) as pilot:
        seen = Watched(app, pilot, FakeLink())
        await seen.until(lambda: seen.board.snapshot.info is not None)
        await seen.press("B")
        await seen.until(lambda: "drums" in seen.text and "B baseline" in seen.text)
        await seen.press("enter")
        await seen.until(lambda: app.screen is seen.board)
        assert shelf.baseline(tmp_path) == runs[0]
        await seen.press("B")
        await seen.until(lambda: "B baseline" in seen.text)
        await seen.press("B", "enter")
        await seen.until(lambda: shelf.baseline(tmp_path) == runs[1], "another was chosen")
