"""What the balance of losses costs: steps by hand, learned, by gradients; and how long the gauge of gradients takes.

    python benchmarks/balance_cost.py [--steps 20] [--rounds 3] [--seconds 60]

The sounds and settings of `distill-tui demo`, and demo tunes at the defaults; one thread. The balances take turns, so
that a busy machine slows all alike: processor seconds a step, medians. The gauge's share is of a demo run of so many
seconds, after which it has had the time to be rare. Goal: under 2 %.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from report import show

from core.audio.demo import write_demo_sounds
from core.midi.demo import make_demo_tunes
from core.training.config_file import load_config
from core.training.contributions import GradientGauge
from core.training.recipe import Recipe, load_recipe
from core.training.state import TrainingState
from core.training.step import optimizer_step
from distill_tui.commands.demo import COUNT, QUICK

BALANCES = ("manual", "uncertainty", "gradient")
GOAL = 0.02


class Steps:
    """A recipe that takes one step after the other, as the trainer does."""

    def __init__(self, kind: Any, data: Path, overrides: dict[str, Any]) -> None:
        base = {"data.path": str(data), "adversarial.mode": "off", "device": "cpu", "epochs": 10_000}
        config, given = load_config(None, [], {**overrides, **base})
        torch.manual_seed(0)
        device = torch.device("cpu")
        self.recipe: Recipe = load_recipe(kind).prepare(config, given, device, lambda *_: None)
        self.state = TrainingState(self.recipe, device)
        self.generator = torch.Generator()

    def take(self, gauge: GradientGauge | None = None) -> None:
        self.state.progress.step += 1
        batch = self.recipe.batch(self.generator.manual_seed(self.state.step))
        optimizer_step(self.recipe, self.state, batch, 1e-4, 1e-3, gauge)


def costs(kind: Any, data: Path, overrides: dict[str, Any], steps: int, rounds: int) -> list[dict[str, Any]]:
    """Processor seconds a step of each balance, and that as a multiple of the weights by hand."""
    runs = {name: Steps(kind, data, {**overrides, "loss.balance": name}) for name in BALANCES}
    found: dict[str, list[float]] = {name: [] for name in BALANCES}
    for _ in range(rounds):
        for name, run in runs.items():
            run.take()
            began = time.process_time()
            for _ in range(steps):
                run.take()
            found[name].append((time.process_time() - began) / steps)
    medians = {name: statistics.median(times) for name, times in found.items()}
    noun = "sounds" if kind == "audio" else "tunes"
    return [{"what": f"{noun}, {name}", "seconds a step": median, "of manual": median / medians["manual"]}
            for name, median in medians.items()]  # fmt: skip


class Timed(GradientGauge):
    """Says how long it has taken and how often."""

    taken, times = 0.0, 0

    def measure(self, *given: Any) -> dict[str, torch.Tensor]:
        began = time.perf_counter()
        norms = super().measure(*given)
        self.taken, self.times = self.taken + time.perf_counter() - began, self.times + 1
        return norms


def gauged(data: Path, overrides: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The gauge's share of a demo run."""
    run, gauge = Steps("audio", data, overrides), Timed()
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        run.take(gauge)
    spent = time.perf_counter() - began
    return {"what": "gauge of gradients, demo", "share": gauge.taken / spent, "goal": GOAL, "steps": run.state.step,
            "measured": gauge.times}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    quick = {key: value for key, value in QUICK.items() if key != "epochs"}
    with tempfile.TemporaryDirectory() as place:
        sounds = Path(place) / "sounds"
        write_demo_sounds(sounds, count=COUNT)
        tunes = make_demo_tunes(Path(place) / "tunes", 12)[0].parent
        rows = costs("audio", sounds, quick, given.steps, given.rounds)
        rows += costs("midi", tunes, {"batch_size": 4}, max(2, given.steps // 5), given.rounds)
        rows.append(gauged(sounds, quick, given.seconds))
    show("balance cost", rows)


if __name__ == "__main__":
    main()
