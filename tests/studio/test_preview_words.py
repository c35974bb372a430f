"""What the preview list says before there are any, where a sound is, and which rows begin a step."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.run.events import PreviewEvent
from core.run.link import RunInfo
from distill_tui.panels.preview_notice import empty_line, path_of
from distill_tui.panels.preview_order import firsts, listed

HERE = RunInfo("bells", "/runs/bells", {"preview": {"every": 5}}, True, "/runs/bells")
THERE = RunInfo("bells", "box:/runs/bells/", {}, True)


def sample(step: int, name: str = "one") -> PreviewEvent:
    return PreviewEvent(1, f"previews/{step}-{name}.wav", 8_000, step, "sample", name, "", 1.0)


@pytest.mark.parametrize("status", ["waiting", "loading", "training", "validating", "saving"])
def test_while_the_run_goes_on_the_first_preview_is_still_to_come(status: str) -> None:
    assert empty_line(status, HERE) == "The first preview comes after epoch 5.  p makes one now."
    for unknown in (None, THERE):
        assert empty_line(status, unknown) == "The first preview comes after a few epochs.  p makes one now."


@pytest.mark.parametrize("status", ["finished", "cancelled", "preempted", "failed"])
def test_a_run_that_has_ended_promises_nothing(status: str) -> None:
    assert empty_line(status, HERE) == "This run made no previews."


def test_a_path_is_what_a_person_would_type() -> None:
    assert path_of(sample(3), HERE) == "/runs/bells/previews/3-one.wav"
    assert path_of(sample(3), THERE) == "box:/runs/bells/previews/3-one.wav"
    assert path_of(sample(3), None) == "previews/3-one.wav"
    assert path_of(None, HERE) == ""
    assert path_of(replace(sample(3), audio_path="previews/\x1b[2J.wav"), HERE) == "/runs/bells/previews/[2J.wav"


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abc"))))
def test_each_step_has_one_first_row_and_it_is_the_highest(made: list[tuple[int, str]]) -> None:
    rows = listed(sample(step, name) for step, name in made)
    found = firsts(rows)
    steps = [preview.step for preview in rows.values()]
    assert sorted(rows[key].step for key in found) == sorted(set(steps))
    assert all(steps.index(rows[key].step) == list(rows).index(key) for key in found)
