"""What happened is seen at its step, the most important of what shares a cell, and told in words."""

from core.run.events import CheckpointSaved, NoteAdded, RolledBack, ValueSet
from core.run.state import RunState, fold
from distill_tui.axes import Steps, axis_row
from distill_tui.chart_marks import MarkCells, in_cells, marks_of, marks_row, words_at
from tests.fakes import FakeLink

AXIS = Steps(0, 100, 100)


def eventful() -> FakeLink:
    """Everything that can happen, all at step 50."""
    link = FakeLink(steps=50, steps_per_epoch=10)
    link.emit(CheckpointSaved(50, 5, "checkpoints/x.pt", "requested"))
    link.emit(ValueSet(50, "learning_rate", 0.001, 0.0005))
    link.emit(NoteAdded(50, "louder\ndrums \x1b[31m"))
    link.warn("warning")
    link.emit(RolledBack(50, 40, 0.5, "not finite"))
    link.warn("danger", id="nan-1")
    return link


def state_of(link: FakeLink) -> RunState:
    return fold(RunState(), link.read())


def text(row: object) -> str:
    return "".join(run.text for run in row)  # type: ignore[attr-defined]


def test_of_marks_in_one_cell_the_most_important_is_seen() -> None:
    marks = marks_of(state_of(eventful()))
    expected = "▲↺▲✎⚙◆♪"
    seen = []
    while marks:
        seen.append(marks[0].run)
        assert text(marks_row(in_cells(marks, AXIS), 50))[25] == marks[0].character
        marks = tuple(mark for mark in marks if mark.rank > marks[0].rank)
    assert "".join(run.text for run in seen) == expected
    assert [run.role for run in seen[:3]] == ["danger", "danger", "warning"]


def test_each_says_what_it_is_in_plain_words() -> None:
    words = text(words_at(in_cells(marks_of(state_of(eventful())), AXIS), 25))
    for part in (
        "▲ Overfitting since epoch 5", "↺ back to step 40", "✎ louder drums", "⚙ learning_rate 0.001 → 0.0005",
        "◆ checkpoint (requested)", "♪ previews of epoch 5",
    ):  # fmt: skip
        assert part in words
    assert "\x1b" not in words


def test_the_pointer_finds_the_mark_beside_it_and_no_farther() -> None:
    cells = in_cells(marks_of(state_of(eventful())), AXIS)
    assert text(words_at(cells, 26)).startswith("▲")
    assert words_at(cells, 27) == ()
    assert words_at(cells, 26, reach=0) == ()


def test_what_is_out_of_view_is_not_drawn() -> None:
    cells = in_cells(marks_of(state_of(eventful())), Steps(60, 40, 100))
    assert cells == {}
    assert text(marks_row(cells, 50)) == " " * 50


def test_several_previews_of_an_epoch_are_one_mark() -> None:
    marks = marks_of(state_of(FakeLink(steps=100, steps_per_epoch=10)))
    assert [mark.character for mark in marks] == ["◆", "♪", "♪"]


def test_where_there_is_no_line_for_them_marks_stand_beside_the_numbers_of_the_axis() -> None:
    cells = in_cells(marks_of(state_of(eventful())), AXIS)
    row = text(axis_row(AXIS, 50, 10, {cell: marks[0].run for cell, marks in cells.items()}))
    assert len(row) == 50
    assert row.count("▲") == 1
    assert " 4 " in row
    assert " 6 " in row


def test_marks_are_worked_out_again_only_when_there_is_a_new_one() -> None:
    link, known = eventful(), MarkCells()
    state = state_of(link)
    first = known(state, AXIS)
    link.advance(1)
    state = fold(state, link.read(state.seq))
    assert known(state, AXIS) is first
    link.emit(NoteAdded(51, "softer"))
    assert any(mark.words == "softer" for mark in known(fold(state, link.read(state.seq)), AXIS)[25])
