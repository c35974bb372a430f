"""What watching costs: steps a second of the bare loop, headless, and under the full screen, in turn in one run.

    python benchmarks/monitor_cost.py [--steps 150] [--rounds 3]

The same sounds, model, seed and threads each time. Goals: screen / headless at least 0.98, headless / bare at
least 0.97. The bare loop makes the same batches, losses and updates, and stores and tells nothing.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pty_app import PtyApp
from report import show

WARM_STEPS = 30  # torch's first steps are slower in all three


def settings(sounds: Path, steps: int) -> dict[str, object]:
    return {
        "data.path": str(sounds), "steps": steps, "epochs": 1000, "threads": 1, "batch_size": 8, "device": "cpu",
        "preview.every": 1000, "checkpoint.every": 1000, "regularization.augmentation_expansion": 1000,
    }  # fmt: skip


def rate(moments: list[float]) -> float:
    """Steps a second over the whole stretch: what a screen takes now and then counts."""
    return (len(moments) - 1) / (moments[-1] - moments[0])


def bare(sounds: Path, steps: int) -> float:
    """The loop without store, events, previews or checkpoints; printed by a process of its own."""
    import torch

    from core.losses.kl import get_kl_weight
    from core.training.config_file import load_config
    from core.training.optimize import averaged, gradients, make_optimizer
    from core.training.recipe import load_recipe

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config, given = load_config(None, [], settings(sounds, steps))
    recipe = load_recipe("audio").prepare(config, given, torch.device("cpu"), lambda done, total: None)
    model, config = recipe.model, recipe.config
    optimizer = make_optimizer(model, config.learning_rate, config.regularization.weight_decay)
    average, generator, moments = averaged(model, config.ema_decay), torch.Generator(), []
    model.train()
    for step in range(1, steps + 1):
        kl_weight = get_kl_weight(step / recipe.steps_per_epoch, config.epochs, 0.3, config.loss.kl.weight_max)
        optimizer.zero_grad(set_to_none=True)
        losses = recipe.losses(model, recipe.batch(generator.manual_seed(step)), kl_weight)
        norm = gradients(losses["total_loss"], model, config.regularization.gradient_clip_norm)
        if bool(torch.isfinite(norm)):
            optimizer.step()
            average.update_parameters(model)
        moments.append(time.perf_counter())
    return rate(moments[WARM_STEPS:])


def stored_rate(runs: Path) -> float:
    """The rate by the elapsed times that the run itself stored."""
    from core.run.folder import RunFolder
    from core.run.links.folder import FolderLink

    (folder,) = runs.iterdir()
    series = FolderLink(RunFolder.open(folder)).series("elapsed_s", WARM_STEPS, None, 100_000)
    return rate([value for value in series.last if value == value])


def command(sounds: Path, steps: int, runs: Path) -> list[str]:
    values = [f"--set={k}={v}" for k, v in settings(sounds, steps).items() if k != "data.path"]
    return [str(Path(sys.executable).with_name("distill-tui")), "train", str(sounds), "--runs", str(runs), *values]


def measure(kind: str, sounds: Path, steps: int) -> float:
    with tempfile.TemporaryDirectory() as place:
        runs = Path(place) / "runs"
        if kind == "bare":
            argv = [sys.executable, __file__, "--bare", str(sounds), "--steps", str(steps)]
            return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
        if kind == "headless":
            subprocess.run([*command(sounds, steps, runs), "--headless"], check=True, capture_output=True)
        else:
            with PtyApp(command(sounds, steps, runs)) as app:
                app.wait_for("finished", timeout=600)
                app.send("q")
        return stored_rate(runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.bare:
        print(bare(args.bare, args.steps))
        return
    from core.audio.demo import write_demo_sounds

    rates: dict[str, list[float]] = {"bare": [], "headless": [], "screen": []}
    with tempfile.TemporaryDirectory() as place:
        write_demo_sounds(Path(place))
        for _ in range(args.rounds):
            for kind, found in rates.items():
                found.append(measure(kind, Path(place), args.steps))
    medians = {kind: statistics.median(found) for kind, found in rates.items()}
    pairs = {
        "screen / headless": [s / h for s, h in zip(rates["screen"], rates["headless"], strict=True)],
        "headless / bare": [h / b for h, b in zip(rates["headless"], rates["bare"], strict=True)],
    }
    rows = [{"what": f"steps/s {kind}", "median": value} for kind, value in medians.items()]
    goals = {"screen / headless": 0.98, "headless / bare": 0.97}
    rows += [{"what": n, "median": statistics.median(v), "goal": f"at least {goals[n]}"} for n, v in pairs.items()]
    show("monitor cost", rows, {"rates": rates})


if __name__ == "__main__":
    main()
