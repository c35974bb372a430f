"""What `--auto conservative` is worth: runs with a fault in them, left alone and helping themselves, at equal steps.

    python benchmarks/rescue.py [DATA]... [--seeds 3] [--steps 400] [--only NAME]

Small runs on the demo's sounds and on the folders given (of sounds). `final` and `best` are the validation losses of
the last and the best epoch, summed over the terms at constant weight and unweighted, so that advice that changes a
weight does not change the measure. A fault counts as rescued where the run with auto ends nearer, on a logarithmic
scale, to the healthy run of its seed than to the same fault left alone; where that one ends within a fifth of the
healthy one, there was nothing to rescue.
"""

import argparse
import math
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from detectors import SOUNDS, sounds
from report import show

from core.run.events import AdviceTaken, EpochMetrics, Event, RolledBack, RunStarted
from core.run.folder import RunFolder
from core.training.config_file import load_config
from core.training.failures import NotFiniteError
from core.training.train import train

RATE = 1e-3
FAULTS: dict[str, dict[str, Any]] = {
    "healthy": {},
    "rate x30": {"learning_rate": 30 * RATE},
    "rate x100": {"learning_rate": 100 * RATE},
    "KL collapse": {
        "loss.kl.weight_max": 100.0,
        "loss.kl.warmup_fraction": 0.0,
        "loss.kl.free_bits": 0.1,
        "learning_rate": 3 * RATE,
    },
}
HARMLESS = 1.2


def run(data: Path, folder: Path, config: dict[str, Any]) -> list[Event]:
    """The events of one run; one that gives up since nothing is finite any more ends early."""
    settled, given = load_config(None, [], {**SOUNDS, "learning_rate": RATE, **config, "data.path": str(data)})
    events: list[Event] = []
    with suppress(NotFiniteError):
        train(RunFolder.create(folder, "run"), config=settled, given=given, callback=events.append)
    return events


def measured(events: list[Event]) -> dict[str, Any]:
    """What the run came to."""
    judged = next([term.name for term in e.terms if term.judged] for e in events if isinstance(e, RunStarted))
    epochs = [e for e in events if isinstance(e, EpochMetrics)]
    levels = [math.fsum(e.val_terms[name] for name in judged) for e in epochs]
    finite = [level for level in levels if math.isfinite(level)]
    taken = [e for e in events if isinstance(e, AdviceTaken)]
    told = [f"{t.remedy.words if t.remedy.kind == 'set' else f'back to {t.restored_step}'} at {t.step}" for t in taken]
    return {
        "final": levels[-1] if levels else math.nan,
        "best": min(finite, default=math.nan),
        "KL": epochs[-1].kl_divergence if epochs else math.nan,
        "rollbacks": sum(isinstance(e, RolledBack) for e in events) - sum(t.remedy.kind == "back" for t in taken),
        "taken": "; ".join(told),
    }


def verdict(healthy: float, alone: float, helped: float) -> str:
    """Whether the helped run came nearer to the healthy one."""
    if not math.isfinite(helped):
        return "lost"
    if math.isfinite(alone) and alone <= HARMLESS * healthy:
        return "no need" if helped <= HARMLESS * healthy else "harmed"
    distance = math.log(helped / healthy) / math.log(alone / healthy) if math.isfinite(alone) else 0.0
    return "rescued" if distance < 0.5 else "better" if distance < 0.9 else "not rescued"


def rows_of(data: Path, seed: int, folder: Path, steps: int, only: str) -> list[dict[str, Any]]:
    """The healthy run, and each fault without and with auto."""
    rows: list[dict[str, Any]] = []
    healthy = math.nan
    for name, fault in FAULTS.items():
        alone = math.nan
        for auto in ("off", "conservative") if only in name or name == "healthy" else ():
            place = folder / f"{data.name}-{name.replace(' ', '-')}-{seed}-{auto}"
            found = measured(run(data, place, {**fault, "seed": seed, "steps": steps, "auto": auto}))
            row = {"data": data.name, "run": name, "seed": seed, "auto": auto, **found, "verdict": ""}
            if auto == "off":
                alone = found["final"]
                healthy = found["final"] if name == "healthy" else healthy
            else:
                row["verdict"] = verdict(healthy, alone, found["final"])
            rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="*")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folders = [sounds(Path(made) / "demo", 0), *asked.data]
        rows = [
            row
            for data in folders
            for seed in range(asked.seeds)
            for row in rows_of(data, seed, Path(made) / "runs", asked.steps, asked.only)
        ]
    verdicts = [row["verdict"] for row in rows if row["verdict"]]
    show("rescue", rows, {"verdicts": {each: verdicts.count(each) for each in sorted(set(verdicts))}})


if __name__ == "__main__":
    main()
