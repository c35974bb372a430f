"""The dialogs: what each key and click answers, at the smallest screen."""

from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.widgets import Static

from core.run.events import AlertStarted
from core.run.state import RunState
from distill_tui.panels.choices import Choices
from distill_tui.resuming import CheckpointFacts, ResumeFacts
from distill_tui.screens.advice import AdviceDialog
from distill_tui.screens.dialog import Dialog
from distill_tui.screens.dialogs import Confirm, QuitDialog, ResumeSummary
from distill_tui.theme import Palette

PENDING = object()
ALERT = AlertStarted(
    "over", "overfitting", "warning", "Overfitting [b]", "It learns by heart.", "Add sounds.", 1_100, 33
)
FACTS = ResumeFacts(
    name="bells",
    path=Path("runs/bells"),
    config_path=Path("runs/bells/config.toml"),
    status="cancelled",
    epoch=37,
    total_epochs=200,
    step=1_184,
    total_steps=6_400,
    best_val_loss=0.412,
    best_epoch=31,
    elapsed_seconds=740.0,
    ended_seconds_ago=7_300.0,
    latest=CheckpointFacts(Path("step-00001184.pt"), 1_184, 37),
    best=CheckpointFacts(Path("best.pt"), 992, 31),
)


class Host(App[None]):
    """Shows one dialog and keeps its answer."""

    def __init__(self, dialog: Dialog[Any]) -> None:
        super().__init__()
        self.palette = Palette()
        self.dialog = dialog
        self.answer: object = PENDING

    def on_mount(self) -> None:
        self.push_screen(self.dialog, lambda answer: setattr(self, "answer", answer))

    @property
    def text(self) -> str:
        return str(self.dialog.query_one("#dialog-text", Static).content)

    @property
    def choices(self) -> list[str]:
        rows = self.dialog.query_one(Choices)
        return [rows.render_line(y).text.strip("┃ ") for y in range(rows.size.height)]


async def answer(dialog: Dialog[Any], *keys: str) -> object:
    host = Host(dialog)
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.press(*keys)
        await pilot.pause()
        return host.answer


@pytest.mark.parametrize(
    ("keys", "expected"),
    [(("enter",), "keep"), (("k",), "keep"), (("s",), "stop"), (("y",), "stop"), (("escape",), "stay"),
     (("n",), "stay"), (("down", "enter"), "stop"), (("j", "up", "enter"), "keep"), (("ctrl+c",), "stay"),
     (("x",), PENDING), (("q",), PENDING)],
)  # fmt: skip
async def test_quitting_a_live_run(keys: tuple[str, ...], expected: object) -> None:
    assert await answer(QuitDialog("bells", 1_184, 37), *keys) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [(("y",), True), (("enter",), True), (("n",), False), (("escape",), False), (("down", "enter"), False)],
)
async def test_confirming(keys: tuple[str, ...], expected: bool) -> None:
    assert await answer(Confirm.cancel_training("bells", 1_184), *keys) is expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [(("enter",), "latest"), (("b",), "best"), (("down", "enter"), "best"), (("escape",), None), (("n",), None)],
)
async def test_resuming(keys: tuple[str, ...], expected: str | None) -> None:
    assert await answer(ResumeSummary(FACTS), *keys) == expected


async def test_what_cannot_be_resumed_offers_only_the_way_back() -> None:
    facts = ResumeFacts("bells", Path("b"), Path("b/config.toml"), problem="It has no checkpoint yet.")
    host = Host(ResumeSummary(facts))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert host.choices == ["esc Back"]
        assert "It has no checkpoint yet." in host.text
        await pilot.press("enter")
        assert host.answer is None


async def test_the_summary_says_where_the_run_stands() -> None:
    host = Host(ResumeSummary(FACTS))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        for part in ("cancelled, 2 h 02 min ago", "37 of 200", "1,184 of 6,400", "0.412 at epoch 31",
                     "12 min, about 54 min to go", "runs/bells/config.toml"):  # fmt: skip
            assert part in host.text
        assert [" ".join(line.split()) for line in host.choices] == [
            "l Continue from the newest checkpoint step 1,184",
            "b Continue from the best one step 992",
            "esc Back",
        ]


@pytest.mark.parametrize("row", [0, 1, 2])
async def test_one_click_decides(row: int) -> None:
    host = Host(QuitDialog("bells"))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.click(Choices, offset=(8, row))
        await pilot.pause()
        assert host.answer == ("keep", "stop", "stay")[row]


async def test_advice_explains_and_closes() -> None:
    host = Host(AdviceDialog(ALERT, RunState(), {}, live=False))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "It learns by heart." in host.text
        assert "Add sounds." in host.text
        assert any("─ Overfitting [b] ─" in strip.text for strip in host.screen._compositor.render_strips())
        await pilot.press("escape")
        assert host.answer is None


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (40, 12)])
async def test_the_choices_are_always_in_sight_however_long_the_words(size: tuple[int, int]) -> None:
    host = Host(
        AdviceDialog(
            AlertStarted("a", "k", "danger", "T", "word " * 400, "act " * 40, 1, 1), RunState(), {}, live=False
        )
    )
    async with host.run_test(size=size) as pilot:
        await pilot.pause()
        region = host.dialog.query_one(Choices).region
        assert region.height == 1
        assert host.screen.region.contains_region(region)
        await pilot.press("pagedown", "enter")
        assert host.answer is None
