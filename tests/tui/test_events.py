"""The events list: what a person did stands in it once, in words."""

from dataclasses import replace

from core.run.events import CommandAnswered, ConfigDifference, Event, NoteAdded, RunStarted, Stored, ValueSet
from core.run.state import RunState, fold
from distill_tui.cells import Row
from distill_tui.panels.events import EventsPanel
from distill_tui.reader import Snapshot
from tests.fakes import NOON, FakeLink


def rows(*events: Event, whole: bool = False) -> list[Row]:
    """The lines of the panel after these events, newest first, without its frame."""
    panel = EventsPanel()
    panel.set_class(whole, "-maximized")
    stored = [Stored(number, NOON, event) for number, event in enumerate(events, start=1)]
    panel.snapshot = Snapshot(state=fold(RunState(), stored))
    return [row for row in panel.rows(80, 20)[1:-1] if "".join(run.text for run in row).strip("│ ")]


def told(*events: Event, whole: bool = False) -> list[str]:
    texts = ["".join(run.text for run in row).strip("│ ") for row in rows(*events, whole=whole)]
    return [text[10:] if text[:2].isdigit() else text for text in texts]


def test_a_value_that_was_set_is_told_once_with_both_values() -> None:
    change = ValueSet(8, "learning_rate", 0.001, 0.0005)
    answer = CommandAnswered(1, "set", True, "learning_rate is 0.0005 from step 9 on", 8)
    assert told(change, answer) == ["⚙ learning rate 0.001 → 0.0005"]
    assert told(change, answer, whole=True)[1] == "learning_rate, from step 9 on"


def test_a_value_that_was_refused_or_is_so_already_is_told_too() -> None:
    refused = CommandAnswered(1, "set", False, "learning_rate = 7: expected above 0, at most 1", 8)
    already = CommandAnswered(2, "set", True, "learning_rate is 0.001 already", 8)
    assert told(refused, already) == [
        "✓ set: learning_rate is 0.001 already", "✗ set: learning_rate = 7: expected above 0, at most 1",
    ]  # fmt: skip


def test_a_note_is_told_once_and_stands_out() -> None:
    events = NoteAdded(8, "listen [b]here[/b]"), CommandAnswered(1, "mark", True, "noted", 8)
    assert told(*events) == ["✎ listen [b]here[/b]"]
    assert next(run.role for row in rows(*events) for run in row if "listen" in run.text) == "strong"


def test_settings_that_were_edited_since_the_checkpoint_are_told_at_the_resume() -> None:
    begun = FakeLink(steps=0).stored[0].event
    assert isinstance(begun, RunStarted)
    edits = tuple(ConfigDifference(key, "2", "1", than) for key, than in (  # type: ignore[arg-type]
        ("loss.stft.weight", "checkpoint"), ("seed", "checkpoint"), ("epochs", "preset")))  # fmt: skip
    event = replace(begun, resumed_from="step-00000640.pt", differences=edits, skipped=())
    assert told(event) == ["● resumed from step-00000640.pt on cuda:0; 2 settings changed since"]
    assert "loss.stft.weight: 2 (checkpoint 1)" in told(event, whole=True)
