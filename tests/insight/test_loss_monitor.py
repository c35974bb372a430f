"""Losses are followed, grouped, judged by statistics that odd values do not move, and handed out in every form."""

import csv
import io
import json
import math
import random
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from core.insight import LossMonitor
from core.insight.loss_groups import group_of
from core.insight.robust import outliers, trend
from tests.fakes import AUDIO_TERMS, FakeLink


def monitor(steps: int = 300, slope: float = 0.0, noise: float = 0.02, seed: int = 0) -> LossMonitor:
    chance = random.Random(seed)
    made = LossMonitor()
    for step in range(1, steps + 1):
        made.update({"stft_loss": 2.0 + slope * step + noise * chance.gauss(0, 1), "kl_loss": 1.0}, step)
    return made


def test_floats_and_tensors_of_one_element() -> None:
    made = LossMonitor()
    made.update({"total_loss": torch.tensor(2.0, requires_grad=True), "kl_loss": torch.ones(1), "lr": 3})
    made.update({"total_loss": 1.0})

    assert made.history("total_loss") == ([1, 2], [2.0, 1.0])
    assert made.history("kl_loss") == ([1], [1.0])
    with pytest.raises(ValueError, match=r"stft_loss: expected one number, got a Tensor of shape \(3,\)"):
        made.update({"total_loss": 0.5, "stft_loss": torch.ones(3)})
    assert made.history("total_loss") == ([1, 2], [2.0, 1.0])  # nothing of that step was taken


def test_it_keeps_the_newest_thousand() -> None:
    steps, values = monitor(1500).history("stft_loss")
    assert (len(steps), steps[0], steps[-1], len(values)) == (1000, 501, 1500, 1000)


@pytest.mark.parametrize(("slope", "way"), [(-0.002, "falls"), (0.002, "rises"), (0.0, "level")])
def test_the_trend_in_per_cent_of_a_hundred_steps(slope: float, way: str) -> None:
    known = monitor(slope=slope).statistics()["stft_loss"]
    assert known.way == way
    assert known.trend.percent == pytest.approx(100 * 100 * slope / known.median, abs=0.5)
    assert known.trend.noise == pytest.approx(1.0, rel=0.4)


def test_odd_values_are_named_and_move_nothing() -> None:
    made = monitor()
    before = made.statistics()["stft_loss"].trend.per_step
    made.update({"stft_loss": 1e6}, 301)
    made.update({"stft_loss": math.nan}, 302)
    known = made.statistics()["stft_loss"]

    assert {step for step, _ in known.outliers} >= {301, 302}
    assert len(known.outliers) < 8
    assert known.nonfinite == 1
    assert known.trend.per_step == pytest.approx(before, abs=1e-4)


@given(st.lists(st.floats(), max_size=80))
def test_any_values_at_all(values: list[float]) -> None:
    made = LossMonitor()
    for value in values:
        made.update({"loss": value})
    json.loads(made.to_json())
    assert "loss" in made.summary() or not values


@pytest.mark.parametrize("form", [trend, lambda steps, values: outliers(values)])
@pytest.mark.parametrize("values", [[], [1.0], [math.nan] * 5, [1.0] * 50])
def test_too_little_to_tell(form: object, values: list[float]) -> None:
    assert callable(form)
    found = form(range(len(values)), values)
    assert not getattr(found, "percent", 0)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("total_loss", "total"), ("stft_loss", "reconstruction"), ("mag_recon_loss", "reconstruction"),
        ("if_recon_loss", "reconstruction"), ("kl_loss", "kl"), ("kl_raw", "kl"), ("gen_adversarial", "adversarial"),
        ("disc_accuracy", "adversarial"), ("constraint_rhythm_constraint", "constraints"),
        ("weight_reconstruction", "weights"), ("perplexity", "metrics"), ("entropy", "other"),
    ],
)  # fmt: skip
def test_groups_by_name(name: str, group: str) -> None:
    assert group_of(name) == group


def test_a_recipe_decides_the_groups_of_its_own_terms() -> None:
    made = LossMonitor(AUDIO_TERMS)
    made.update({"kl_loss": 1.0, "if_recon_loss": 1.0, "total_loss": 3.0, "disc_loss": 1.0})
    assert made.groups == {
        "total": ["total_loss"], "reconstruction": ["if_recon_loss"], "kl": ["kl_loss"], "adversarial": ["disc_loss"],
    }  # fmt: skip


def test_a_run_is_read_back() -> None:
    link = FakeLink(steps=3000)
    whole, recent = LossMonitor.of(link), LossMonitor.of(link, last=500)

    assert set(whole.names) == {term.name for term in AUDIO_TERMS}
    steps, values = whole.history("stft_loss")
    assert 500 <= len(steps) <= 1000
    assert steps[0] < 5
    assert steps[-1] > 2990
    steps, values = recent.history("stft_loss")
    assert steps == list(range(2501, 3001))
    assert all(math.isfinite(value) for value in values)
    assert whole.statistics()["stft_loss"].way == "falls"


def test_tables_and_json_hold_every_step() -> None:
    made = LossMonitor()
    made.update({"a": 1.0, "b": math.inf})
    made.update({"a": 2.0})
    rows = list(csv.reader(io.StringIO(made.to_csv())))
    assert rows == [["step", "a", "b"], ["1", "1.0", "inf"], ["2", "2.0", ""]]
    plain = json.loads(made.to_json())
    assert plain["losses"]["b"]["values"] == [{"$float": "inf"}]
    assert plain["losses"]["a"]["steps"] == [1, 2]


@pytest.mark.parametrize("look", ["light", "dark"])
def test_figures_are_drawn_without_a_display(tmp_path: Path, look: str) -> None:
    made = LossMonitor.of(FakeLink(steps=600))
    png = made.plot(tmp_path / "losses.png", look, title="bells $1 \\alpha")  # type: ignore[arg-type]
    svg = made.plot(str(tmp_path / "losses.svg"), look)  # type: ignore[arg-type]
    assert png.read_bytes().startswith(b"\x89PNG")
    text = svg.read_bytes()
    assert b"<svg" in text
    assert b"reconstruction" in text
    made.plot(svg, look)  # type: ignore[arg-type]
    assert svg.read_bytes() == text
    with pytest.raises(UsageError, match=r"\.png or \.svg"):
        made.plot(tmp_path / "losses.bmp")


def test_nothing_is_a_figure_too(tmp_path: Path) -> None:
    made = LossMonitor()
    made.update({"loss": math.nan})
    assert made.plot(tmp_path / "nan.png").exists()
    assert LossMonitor().plot(tmp_path / "none.png").exists()
