"""The specification's tables, and histories that older versions wrote."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.training.config import TrainingConfig
from core.training.metrics import EpochMetrics, MetricsHistory, PreviewEvent, StepMetrics, TrainingCompleteEvent
from core.training.presets import (
    PRESETS,
    batch_size_for,
    get_adaptive_config,
    preset_for,
    resolve,
    steps_in_epoch,
    total_steps,
    validation_fraction,
)

TABLE = {
    "conservative": (0.4, 0.05, 15, 100, 5e-4, 0.5, 0.5),
    "balanced": (0.2, 0.01, 10, 200, 1e-3, 0.3, 1.0),
    "aggressive": (0.1, 0.001, 5, 500, 2e-3, 0.2, 5.0),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_preset_settles_every_value_of_its_column(name: str) -> None:
    config = resolve(TrainingConfig(preset=name), 63, 200, frozenset())  # type: ignore[arg-type]
    kept, kl = config.regularization, config.loss.kl
    assert TABLE[name] == (
        kept.dropout, kept.weight_decay, kept.augmentation_expansion, config.epochs, config.learning_rate,
        kl.warmup_fraction, kept.gradient_clip_norm,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("files", "preset", "share"),
    [(5, "conservative", 0.5), (9, "conservative", 0.5), (10, "conservative", 0.3), (49, "conservative", 0.3),
     (50, "balanced", 0.2), (199, "balanced", 0.2), (200, "aggressive", 0.1), (500, "aggressive", 0.1)],
)  # fmt: skip
def test_the_number_of_files_chooses_preset_and_split(files: int, preset: str, share: float) -> None:
    assert preset_for(files).name == preset
    assert validation_fraction(files) == share
    assert get_adaptive_config(files).preset == preset


@pytest.mark.parametrize(("chunks", "size"), [(1, 1), (4, 1), (40, 10), (128, 32), (5000, 32)])
def test_batch_size_is_a_quarter_of_the_chunks_up_to_32(chunks: int, size: int) -> None:
    assert batch_size_for(chunks) == size


@settings(max_examples=60)
@given(st.integers(2, 600), st.integers(1, 20_000), st.sampled_from(["auto", *PRESETS]), st.integers(0, 5000))
def test_resolving_settles_everything_once_and_keeps_what_was_given(
    files: int, chunks: int, preset: str, steps: int
) -> None:
    config = TrainingConfig(preset=preset, steps=steps)  # type: ignore[arg-type]
    first = resolve(config, files, chunks, frozenset())
    assert first.epochs > 0
    assert first.batch_size > 0
    assert first.learning_rate > 0
    assert first.warmup_steps >= 0
    assert first.data.validation_fraction is not None
    everything = {"regularization.dropout", "regularization.weight_decay", "regularization.augmentation_expansion",
                  "regularization.gradient_clip_norm", "loss.kl.warmup_fraction"}  # fmt: skip
    assert resolve(first, files, chunks, everything) == first
    per_epoch = steps_in_epoch(chunks, first.regularization.augmentation_expansion, first.batch_size)
    assert 1 <= total_steps(first, per_epoch) <= first.epochs * per_epoch


def test_what_the_person_set_is_never_replaced_by_a_preset() -> None:
    config = TrainingConfig(preset="conservative", epochs=7)
    resolved = resolve(config, 10, 20, frozenset({"regularization.dropout"}))
    assert resolved.epochs == 7
    assert resolved.regularization.dropout == config.regularization.dropout


def test_history_round_trip_through_strict_json() -> None:
    history = MetricsHistory()
    for event in (
        StepMetrics(1, 1, 10, math.nan, terms={"stft_loss": math.inf}),
        EpochMetrics(1, 2, 1.0, 2.0, val_terms={"a": 1.0}),
        PreviewEvent(1, "previews/a.wav", 48000, peaks=(0.5,)),
        TrainingCompleteEvent("cancelled", 1, 1),
    ):
        history(event)
    text = json.dumps(history.to_dict(), allow_nan=False)
    back = MetricsHistory.from_dict(json.loads(text))
    assert math.isnan(back.steps[0].train_loss)
    assert back.steps[0].terms["stft_loss"] == math.inf
    assert (back.epochs, back.previews, back.complete) == (history.epochs, history.previews, history.complete)


def test_older_records_take_defaults_and_broken_ones_are_named() -> None:
    older = {
        "steps": [{"epoch": 1, "step": 2, "total_steps": 3, "train_loss": 0.5, "recon_loss": 0.4, "kl_loss": 1,
                   "kl_weight": 0.1, "learning_rate": 0.001, "step_time_s": 0.01}],
        "epochs": [{"epoch": 1, "total_epochs": 5, "train_loss": 0.5, "val_loss": 0.6, "val_recon_loss": 0.4,
                    "val_kl_loss": 1.0, "kl_divergence": 1.0, "overfitting_gap": 0.2, "eta_seconds": 1.0,
                    "elapsed_seconds": 2.0}],
    }  # fmt: skip
    history = MetricsHistory.from_dict(older)
    assert history.steps[0].stft_loss == history.epochs[0].val_stft_loss == 0.0
    with pytest.raises(ValueError, match=r"steps\[0\].*StepMetrics"):
        MetricsHistory.from_dict({"steps": [{"epoch": 1}]})
