"""Events and commands survive the store, other versions of the program, and everything that JSON has no word for."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.run import commands, event_json
from core.run.events import CheckpointSaved, EpochMetrics, PhaseChanged, SkippedFile, StepMetrics

floats = st.floats(allow_nan=True, allow_infinity=True)
whole = st.integers(-(2**53), 2**53)
terms = st.dictionaries(st.text(max_size=8), floats, max_size=3)


def any_of(kind: type) -> st.SearchStrategy[Any]:
    """Any value of a dataclass, its optional fields included."""
    known = {int: whole, float: floats, Mapping[str, float]: terms}
    hints = get_type_hints(kind)
    return st.builds(
        kind, **{name: known[hint] if hint in known else st.from_type(hint) for name, hint in hints.items()}
    )


def same(left: object, right: object) -> bool:
    """Equality under which NaN is itself, and true is not 1."""
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and type(left) is type(right):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


@pytest.mark.parametrize("kind", event_json.KINDS)
@settings(deadline=None)
@given(data=st.data())
def test_every_event_comes_back_as_it_was(kind: str, data: st.DataObject) -> None:
    event = data.draw(any_of(event_json.KINDS[kind]))
    body = event_json.encode(event)
    json.loads(body, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    back = event_json.decode(event_json.kind_of(event), body)
    assert type(back) is type(event)
    assert same(asdict(back), asdict(event))


@pytest.mark.parametrize("kind", event_json.KINDS)
@settings(deadline=None)
@given(data=st.data())
def test_fields_of_a_newer_version_are_passed_over(kind: str, data: st.DataObject) -> None:
    event = data.draw(any_of(event_json.KINDS[kind]))
    newer = {**event_json.to_plain(event), "a_field_of_tomorrow": {"deep": [1, None]}}
    back = event_json.from_plain(kind, newer)
    assert back is not None
    assert same(asdict(back), asdict(event))


@settings(deadline=None)
@given(kind=st.text(max_size=12), body=st.binary(max_size=40))
def test_what_cannot_be_read_is_passed_over(kind: str, body: bytes) -> None:
    assert event_json.decode("a kind of tomorrow", b"{}") is None
    event = event_json.decode(kind, body)
    assert event is None or event_json.kind_of(event) == kind


@pytest.mark.parametrize("kind", event_json.KINDS)
@settings(deadline=None)
@given(body=st.recursive(st.none() | st.booleans() | floats | st.text(max_size=5), lambda x: st.lists(x, max_size=3)))
def test_a_body_of_another_shape_is_passed_over(kind: str, body: object) -> None:
    assert event_json.decode(kind, json.dumps(body).encode()) is None


def test_an_older_record_takes_the_defaults() -> None:
    old = {"epoch": 3, "step": 40, "total_steps": 100, "train_loss": 0.5}
    assert event_json.from_plain("step", old) == StepMetrics(3, 40, 100, 0.5)
    assert event_json.from_plain("phase", {"phase": "a phase of tomorrow"}) is None
    assert event_json.from_plain("phase", {"phase": "saving"}) == PhaseChanged("saving")
    assert event_json.from_plain("checkpoint", {"step": 1}) is None, "nothing to put in its place"


def test_a_whole_number_may_stand_for_a_float() -> None:
    assert event_json.decode("epoch", b'{"epoch":1,"total_epochs":2,"train_loss":1,"val_loss":2}') == EpochMetrics(
        1, 2, 1, 2
    )


def test_a_file_name_that_is_no_text_is_still_told() -> None:
    """The system hands such names over with lone surrogates, which no JSON encoder takes."""
    event = CheckpointSaved(1, 1, "checkpoints/caf\udce9.pt", "best")
    back = event_json.decode("checkpoint", event_json.encode(event))
    assert isinstance(back, CheckpointSaved)
    assert back.path == "checkpoints/caf\\udce9.pt"
    assert event_json.to_plain(SkippedFile("\udc80", "a reason")) == {"path": "\\udc80", "reason": "a reason"}  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", commands.KINDS)
@settings(deadline=None)
@given(data=st.data())
def test_every_command_comes_back_as_it_was(kind: str, data: st.DataObject) -> None:
    command = data.draw(any_of(commands.KINDS[kind]))
    back = commands.decode(commands.kind_of(command), commands.encode(command))
    assert type(back) is type(command)
    assert same(asdict(back), asdict(command))


def test_a_command_of_another_version_is_none() -> None:
    assert commands.decode("fly", b"{}") is None
    assert commands.decode("set", b'{"key": 1}') is None
    assert commands.decode("mark", b"not json") is None
