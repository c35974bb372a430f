"""The filter language: what it finds, what it says of a slip, and that no text at all can break it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.run.folder import RunSummary
from core.run.query import Order, QueryError, keys_of, parse, value_of

NOW = 1_000_000.0
DAY = 86400.0


def run(name: str, best: float | None = None, **fields: Any) -> RunSummary:
    fields.setdefault("status", "finished")
    fields.setdefault("updated", NOW - DAY)
    return RunSummary(name, Path("/runs") / name, best_val_loss=best, **fields)


def config(stft: float, **more: Any) -> dict[str, Any]:
    return {"epochs": 100, "preset": "balanced", "loss": {"stft": {"weight": stft, "fft_sizes": [512, 1024]}}, **more}


RUNS = (
    run("bells-01", 0.30, config=config(1.0), data="/sounds/bells", epoch=20),
    run("bells-02", 0.45, config=config(0.2, preset="aggressive"), note="Too bright", epoch=5, updated=NOW - 3 * DAY),
    run("drums", 0.38, config=config(0.7, epochs=20), status="training", live=True, epoch=7),
    run("old", None, config={}, status="failed", archived=True, updated=NOW - 90 * DAY),
)


def found(text: str, runs: Sequence[RunSummary] = RUNS) -> list[str]:
    query = parse(text)
    query.check(keys_of(runs))
    return [run.name for run in runs if query.matches(run, NOW)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["bells-01", "bells-02", "drums", "old"]),
        ("loss.stft.weight > 0.5", ["bells-01", "drums"]),
        ("loss.stft.weight>=0.7", ["bells-01", "drums"]),
        ("best < 0.4 and status = finished", ["bells-01"]),
        ("not live", ["bells-01", "bells-02", "old"]),
        ("!live", ["bells-01", "bells-02", "old"]),
        ("not not live", ["drums"]),
        ("name ~ BELLS", ["bells-01", "bells-02"]),
        ("name !~ bells", ["drums", "old"]),
        ("preset = balanced or epochs >= 100", ["bells-01", "bells-02", "drums"]),
        ("Best == 3.8e-1", ["drums"]),
        ("best != 0.38", ["bells-01", "bells-02"]),  # "old" has no best
        ("bells", ["bells-01", "bells-02"]),
        ("bells bright", ["bells-02"]),  # two words: both
        ('"too bright"', ["bells-02"]),
        ("/sounds", ["bells-01"]),
        ("age < 2d", ["bells-01", "drums"]),
        ("age > 48h not archived", ["bells-02"]),
        ("archived", ["old"]),
        ("loss.stft.fft_sizes = 512 and epoch > 6", ["bells-01", "drums"]),
        ("status=failed OR bells AND epoch<10", ["bells-02", "old"]),  # and binds before or
        ("(status=failed OR bells) AND not (epoch>10)", ["bells-02", "old"]),
        ("name < c", ["bells-01", "bells-02"]),
        ("live = yes", ["drums"]),
        ("preset > 3", ["bells-01", "bells-02", "drums"]),  # as text
        ("epochs = many", []),
    ],
)
def test_what_a_filter_finds(text: str, names: list[str]) -> None:
    assert found(text) == names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("best <", "something to compare best with after <"),
        ("best < 0.4 and", "expected a condition after and, such as best < 0.4"),
        ("or x", "expected a condition, not or"),
        ("best", "such as best < 0.4"),
        ("best < little", "expected a number to compare best with, not little"),
        ("(best < 0.4", "expected a )"),
        ("best < 0.4)", "without its ("),
        ("< 3", "expected a condition, not <"),
        ("'a' = 3", "not text in quotes"),
        ('name = "bells', 'expected another "'),
        ("age < 3", "such as 30min, 12h or 3d"),
        ("status = finishd", "did you mean finished?"),
        ("loss.stft.weigth > 1", "no run has loss.stft.weigth; did you mean loss.stft.weight?"),
        ("weight > 1", "did you mean loss.stft.weight?"),
        ("loss.stft = 1", "did you mean loss.stft.weight or loss.stft.fft_sizes?"),
        ("loss.stft.weight", "such as loss.stft.weight > 0"),
        ("zzz = 1", "expected a result such as best, or a setting's name"),
        ("(" * 60 + "x" + ")" * 60, "brackets"),
        ("x " * 600, "characters"),
    ],
)
def test_what_is_said_of_a_slip(text: str, words: str) -> None:
    with pytest.raises(QueryError) as caught:
        found(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_run_without_the_key_is_left_out_either_way() -> None:
    assert "old" not in found("loss.stft.weight > 0.5") + found("loss.stft.weight <= 0.5")


WORDS = "best < >= != ~ = and or not ! ( ) ' \" 0.4 age 3d live status loss.stft.weight nan 1e999 bells \x1b \ud800"
PIECES = st.sampled_from(WORDS.split(" "))
TEXTS = (
    st.text(max_size=1200) | st.lists(PIECES, max_size=40).map(" ".join) | st.lists(PIECES, max_size=20).map("".join)
)


@given(TEXTS)
@example("best < ''")
def test_any_text_is_a_filter_or_a_query_error(text: str) -> None:
    message = ""
    try:
        query = parse(text)
        query.check(keys_of(RUNS))
    except QueryError as error:
        message = str(error)
    else:
        assert all(query.matches(run, NOW) in (True, False) for run in RUNS)
    assert message == " ".join(message.split())


@given(st.sampled_from(["best < 0.4", "live", "bells", "age > 2d", "loss.stft.weight > 0.5"]),
       st.sampled_from(["epoch > 6", "archived", "preset = balanced"]))  # fmt: skip
def test_and_or_and_not_are_those_of_logic(left: str, right: str) -> None:
    one, other, every = set(found(left)), set(found(right)), {run.name for run in RUNS}
    assert set(found(f"{left} and {right}")) == one & other
    assert set(found(f"{left} or {right}")) == one | other
    assert set(found(f"not ({left} or {right})")) == every - (one | other)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("age", ["drums", "bells-01", "bells-02", "old"]),
        ("best", ["bells-01", "drums", "bells-02", "old"]),
        ("-best", ["bells-02", "drums", "bells-01", "old"]),  # what has none stays last
        ("name", ["bells-01", "bells-02", "drums", "old"]),
        ("epoch", ["bells-01", "drums", "bells-02", "old"]),
        ("loss.stft.weight", ["bells-02", "drums", "bells-01", "old"]),
    ],
)
def test_orders(text: str, names: list[str]) -> None:
    assert [run.name for run in Order.parse(text, keys_of(RUNS)).sorted(RUNS, NOW)] == names


def test_an_order_by_something_else_is_told() -> None:
    with pytest.raises(QueryError, match="did you mean best"):
        Order.parse("bst", keys_of(RUNS))
    with pytest.raises(QueryError, match="expected what to sort by"):
        Order.parse(" - ", keys_of(RUNS))


@given(st.lists(st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.booleans() | st.lists(st.integers()),
                max_size=8))  # fmt: skip
def test_values_of_any_kinds_can_be_sorted(values: list[Any]) -> None:
    runs = [run(f"r{index}", config={"x": value}) for index, value in enumerate(values)]
    for turned in (False, True):
        assert set(Order("x", turned).sorted(runs, NOW)) == set(runs)


def test_a_value_by_its_dotted_name() -> None:
    assert value_of(RUNS[0], "loss.stft.weight", NOW) == 1.0
    assert value_of(RUNS[0], "loss.stft", NOW) is None
    assert value_of(RUNS[0], "loss.stft.weight.deeper", NOW) is None
    assert value_of(RUNS[2], "age", NOW) == 0
