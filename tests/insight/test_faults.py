"""Faults planted in real small trainings are named within a few hundred steps; healthy ones are left in peace."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.insight import TrainingStabilityMonitor
from core.run.events import Event, StepMetrics
from core.run.folder import RunFolder
from core.run.reader import RunReader
from core.training.checkpoint_files import find_checkpoint, read_summary
from core.training.checkpoints import load_checkpoint, save_checkpoint
from tests.insight.conftest import Trained, alerts
from tests.training.conftest import write_tones

PLAYS = {
    "adversarial.mode": "on", "adversarial.start": 0.0, "adversarial.warmup_steps": 10, "adversarial.channels": 4,
    "adversarial.fft_sizes": [64, 128], "adversarial.segment_seconds": 0.1,
}  # fmt: skip


def test_a_rate_a_hundred_times_too_high(trained: Trained, tones: Path) -> None:
    """Within 60 steps, although the rate is still warming up; a tenth of the base rate would still be far too high."""
    events = trained(tones, steps=60, learning_rate=0.05, warmup_steps=50)
    found = alerts(events)
    (alert,) = [found[kind] for kind in ("divergence", "updates", "gradient") if kind in found][:1]
    assert any(remedy.kind == "set" and remedy.value == 0.002 for remedy in alert.remedies)


def test_units_that_a_great_step_has_killed(trained: Trained, tones: Path, run_folder: RunFolder) -> None:
    trained(tones, steps=10)
    checkpoint = find_checkpoint(run_folder, "latest")
    contents = load_checkpoint(checkpoint)
    for name, weights in contents["model"].items():
        if "encoder.blocks" in name and name.endswith("norm.bias"):
            weights.fill_(-100)  # before every activation: none speaks again
    save_checkpoint(checkpoint, contents, read_summary(checkpoint))
    alert = alerts(trained(tones, "latest", steps=60))["dead"]

    assert alert.title == "Dead units: 100% of the encoder's blocks"
    assert [remedy.kind for remedy in alert.remedies] == ["back", "set"]
    report = TrainingStabilityMonitor.of(RunReader(run_folder.store_path)).get_stability_report()
    assert report.status == "warning"
    assert "Dead units" in str(report)


def test_files_with_nothing_in_them(trained: Trained, tmp_path: Path) -> None:
    folder = tmp_path / "blips"
    folder.mkdir()
    for number in range(6):
        wave = np.zeros(6 * 8000, np.float32)
        wave[:100] = wave[-100:] = 0.3 * np.random.default_rng(number).standard_normal(100)
        soundfile.write(folder / f"blip-{number}.wav", wave, 8000, subtype="FLOAT")

    assert "silent or constant" in alerts(trained(folder, steps=30))["empty"].title


def test_validation_that_is_learned_from(trained: Trained, tmp_path: Path) -> None:
    """Copies in another format and level, which no byte gives away."""
    folder = write_tones(tmp_path / "twice", 4)
    for path in list(folder.glob("*.wav")):
        wave, rate = soundfile.read(path)
        soundfile.write(path.with_name(f"{path.stem}-master.flac"), 0.7 * wave, rate)

    alert = alerts(trained(folder, steps=2))["leak"]
    assert "hold the same" in alert.explanation
    assert "-master.flac" in alert.explanation


def test_a_discriminator_that_never_learns(trained: Trained, tones: Path) -> None:
    found = alerts(trained(tones, steps=210, batch_size=2, **PLAYS, adversarial__learning_rate=1e-12))

    assert "only guesses" in found["adversary"].title


def test_a_latent_that_is_given_up(trained: Trained, tones: Path) -> None:
    free = {"loss.kl.weight_max": 100.0, "loss.kl.warmup_fraction": 0.0, "loss.kl.free_bits": 0.1}
    alert = alerts(trained(tones, steps=330, batch_size=2, learning_rate=3e-3, **free))["collapse"]

    (first, second) = alert.remedies
    assert (first.key, first.value, first.safe) == ("loss.kl.free_bits", 0.5, True)
    assert (second.key, second.value) == ("loss.kl.weight_max", 10.0)


@pytest.mark.parametrize("kind", ["tones", "tunes"])
def test_a_healthy_run_hears_nothing(trained: Trained, kind: str, request: pytest.FixtureRequest) -> None:
    events = trained(request.getfixturevalue(kind), steps=100, seed=3)

    assert alerts(events) == {}
    assert measured(events, "norm/")
    assert measured(events, "update/")


def measured(events: list[Event], prefix: str) -> bool:
    extras = [name for event in events if isinstance(event, StepMetrics) for name in event.extras]
    return any(name.startswith(prefix) for name in extras)
