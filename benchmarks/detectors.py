"""What the detectors find and what they cry for nothing: planted faults, and healthy runs, by the real trainer.

    python benchmarks/detectors.py [--seeds 3] [--healthy 10] [--data FOLDER]... [--only NAME]

Small runs of a few seconds each, on the demo's sounds and tunes and on the folders given. A fault counts as found
where an alert of its kind begins, as missed where none does; an alert of a healthy run is a false alarm, but for
overfitting, which is the truth about half a dozen sounds, and is counted by itself.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from report import show

from core.audio.demo import write_demo_sounds
from core.midi.demo import make_demo_tunes
from core.run.events import AlertStarted, Event
from core.run.folder import RunFolder
from core.training.checkpoint_files import find_checkpoint, read_summary
from core.training.checkpoints import load_checkpoint, save_checkpoint
from core.training.config_file import load_config
from core.training.train import train

Config = dict[str, Any]
TRUE = ("overfitting",)

SOUNDS: Config = {
    "recipe": "audio", "threads": 1, "device": "cpu", "epochs": 200, "steps": 300, "batch_size": 4,
    "data.chunk_seconds": 0.25, "spectrogram.sample_rate": 8000, "spectrogram.n_fft": 256,
    "spectrogram.hop_length": 64, "spectrogram.n_mels": 32, "spectrogram.griffin_lim_iterations": 2,
    "model.latent_dim": 8, "model.width": 32, "model.components": 32, "model.blocks": 1,
    "loss.stft.fft_sizes": [64, 128], "loss.stft.hop_sizes": [16, 32], "loss.stft.win_lengths": [64, 128],
    "regularization.augmentation_expansion": 6, "preview.every": 1000, "checkpoint.every": 1000,
    "adversarial.mode": "off", "adversarial.channels": 4, "adversarial.segment_seconds": 0.1,
    "adversarial.fft_sizes": [64, 128], "adversarial.warmup_steps": 20,
}  # fmt: skip
TUNES: Config = {
    "recipe": "midi", "threads": 1, "device": "cpu", "epochs": 200, "steps": 240, "batch_size": 4,
    "tunes.window_tokens": 48, "token_model.width": 32, "token_model.latent_dim": 8, "token_model.encoder_layers": 1,
    "token_model.decoder_layers": 1, "token_model.heads": 2, "regularization.augmentation_expansion": 2,
    "preview.every": 1000, "checkpoint.every": 1000, "adversarial.mode": "off",
}  # fmt: skip


def sounds(folder: Path, seed: int, count: int = 12) -> Path:
    write_demo_sounds(folder, count, seed)
    return folder


def empty_sounds(folder: Path, seed: int) -> Path:
    """Files that are silent but for a blip at either end."""
    folder.mkdir(parents=True)
    chance = np.random.default_rng(seed)
    for number in range(8):
        wave = np.zeros(6 * 8000, np.float32)
        wave[:400] = wave[-400:] = 0.3 * chance.standard_normal(400)
        soundfile.write(folder / f"blip-{number}.wav", wave, 8000, subtype="FLOAT")
    return folder


def copied_sounds(folder: Path, seed: int) -> Path:
    """Every sound twice, once a little quieter and in another format: no file is a copy of another by its bytes."""
    for path in write_demo_sounds(folder, 6, seed):
        wave, rate = soundfile.read(path)
        soundfile.write(path.with_name(f"{path.stem}-master.flac"), 0.8 * wave, rate)
    return folder


def tunes(folder: Path, seed: int) -> Path:
    return make_demo_tunes(folder, 10, seed)[0].parent


@dataclass(frozen=True)
class Fault:
    """`kinds` are the alerts that name it. `harm` is done to the model of a checkpoint after a third of the steps."""

    kinds: tuple[str, ...]
    base: Config = field(default_factory=lambda: SOUNDS)
    config: Config = field(default_factory=dict)
    material: Callable[[Path, int], Path] = sounds
    harm: Callable[[dict[str, torch.Tensor]], None] | None = None


def deaf(model: dict[str, torch.Tensor]) -> None:
    """Biases before every activation so low that none ever speaks again."""
    for name in model:
        if name.endswith("norm.bias") and "blocks" in name:
            model[name].fill_(-100)


def saturated(model: dict[str, torch.Tensor]) -> None:
    """The bound of the log-variance is reached everywhere, and lets no gradient back."""
    model["encoder.log_variance.bias"].fill_(-1000)


PLAYS: Config = {"adversarial.mode": "on", "adversarial.start": 0.05}
FAULTS = {
    "rate x100": Fault(("divergence", "updates", "gradient"), config={"learning_rate": 0.1}),
    "rate x100, tunes": Fault(("divergence", "updates", "gradient"), TUNES, {"learning_rate": 0.1}, tunes),
    "rate / 10,000": Fault(("updates",), config={"learning_rate": 1e-7}),
    "dead units": Fault(("dead",), harm=deaf),
    "a part cut off": Fault(("cut off",), harm=saturated),
    "empty sounds": Fault(("empty",), material=empty_sounds),
    "leaked validation": Fault(("leak",), material=copied_sounds),
    "frozen discriminator": Fault(("adversary",), config={**PLAYS, "adversarial.learning_rate": 1e-12}),
    "discriminator wins": Fault(("adversary",), TUNES, {
        **PLAYS, "adversarial.channels": 1, "adversarial.balance_threshold": 0.0, "learning_rate": 1e-6}, tunes),
    "KL collapse": Fault(("collapse",), config={
        "loss.kl.weight_max": 100.0, "loss.kl.warmup_fraction": 0.0, "loss.kl.free_bits": 0.1, "learning_rate": 3e-3}),
    "KL collapse, tunes": Fault(("collapse",), TUNES, {
        "loss.kl.weight_max": 100.0, "loss.kl.warmup_fraction": 0.0, "loss.kl.free_bits": 0.1,
        "learning_rate": 3e-3, "steps": 320}, tunes),
}  # fmt: skip


def run(fault: Fault, seed: int, folder: Path, data: Path | None = None) -> list[Event]:
    """The events of a small run with the fault in it."""
    path = data or fault.material(folder / "material", seed)
    config, given = load_config(None, [], {**fault.base, "data.path": str(path), "seed": seed, **fault.config})
    run_folder = RunFolder.create(folder / "runs", "run")
    events: list[Event] = []
    if fault.harm is None:
        train(run_folder, config=config, given=given, callback=events.append)
        return events
    short, given_short = load_config(None, [], {**fault.base, "data.path": str(path), "seed": seed, "steps": 60})
    train(run_folder, config=short, given=given_short, callback=events.append)
    checkpoint = find_checkpoint(run_folder, "latest")
    contents = load_checkpoint(checkpoint)
    fault.harm(contents["model"])
    save_checkpoint(checkpoint, contents, read_summary(checkpoint))
    train(run_folder, config=config, given=given, checkpoint="latest", callback=events.append)
    return events


def alerts(events: list[Event]) -> list[AlertStarted]:
    return [event for event in events if isinstance(event, AlertStarted)]


def healthy(count: int, folders: list[Path]) -> Iterator[tuple[str, Fault, Path | None, int]]:
    """Runs that nothing is wrong with: sounds and tunes, few and more, several seeds, with and without an adversary."""
    of_sounds, of_tunes = Fault((), SOUNDS), Fault((), TUNES, {}, tunes)
    plays = Fault((), SOUNDS, {**PLAYS, "steps": 400})
    few = Fault((), SOUNDS, {}, lambda folder, seed: sounds(folder, seed, 5))
    larger = Fault((), SOUNDS, {"model.width": 96, "model.blocks": 2, "batch_size": 8})
    made = [("sounds", of_sounds), ("tunes", of_tunes), ("adversary", plays), ("few sounds", few), ("larger", larger)]
    for number in range(count):
        name, fault = made[number % len(made)]
        yield f"healthy {name}", fault, None, number // len(made)
    for folder in folders:
        midi = any(path.suffix.lower() in (".mid", ".midi") for path in folder.rglob("*"))
        yield f"healthy {folder.name}", of_tunes if midi else of_sounds, folder, 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--healthy", type=int, default=10)
    parser.add_argument("--data", type=Path, action="append", default=[])
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    rows: list[dict[str, Any]] = []
    missed = false = overfits = 0
    with tempfile.TemporaryDirectory() as made:
        for name, fault in FAULTS.items():
            for seed in range(asked.seeds if asked.only in name else 0):
                found = alerts(run(fault, seed, Path(made) / f"{name.replace('/', '')}-{seed}"))
                right = [alert for alert in found if alert.kind in fault.kinds]
                missed += not right
                first = f"{right[0].kind} at step {right[0].step}" if right else "MISSED"
                others = sorted({alert.kind for alert in found} - {alert.kind for alert in right})
                rows.append({"run": name, "seed": seed, "found": first, "beside it": " ".join(others)})
        for number, (name, fault, data, seed) in enumerate(healthy(asked.healthy, asked.data)):
            if asked.only in name:
                found = alerts(run(fault, seed, Path(made) / f"healthy-{number}", data))
                false += sum(alert.kind not in TRUE for alert in found)
                overfits += any(alert.kind in TRUE for alert in found)
                cried = "; ".join(f"{alert.kind} at step {alert.step}: {alert.title}" for alert in found)
                rows.append({"run": name, "seed": seed, "found": cried or "nothing", "beside it": ""})
    show("detectors", rows, {"missed": missed, "false_alarms": false, "overfitting": overfits})
    print(f"{missed} missed, {false} false alarms, {overfits} healthy runs that overfit")


if __name__ == "__main__":
    main()
