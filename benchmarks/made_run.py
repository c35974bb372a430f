"""Makes runs to look at: so many steps of so many terms at once, or one that goes on, as a trainer would write it.

python benchmarks/made_run.py DIR --steps 1000000 --terms 8
python benchmarks/made_run.py DIR --rate 20          writes until it is ended
"""

import argparse
import json
import math
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from core.run.events import EpochMetrics, PhaseChanged, RunStarted, StepMetrics, TermInfo, TrainingCompleteEvent
from core.run.folder import RunFolder
from core.run.store import RunWriter

STEPS_PER_EPOCH = 1000


def values(terms: int) -> Iterator[dict[str, float]]:
    """Falling, noisy curves, the same every time."""
    seed, step = 1, 0
    while True:
        step += 1
        seed = seed * 1_103_515_245 + 12_345 & 0x7FFFFFFF
        noise = seed / 0x7FFFFFFF
        level = 1 / math.sqrt(1 + step / 500)
        yield {f"term_{i}": (i + 1) * level * (1 + 0.2 * noise) for i in range(terms)}


def begin(folder: RunFolder, terms: int, steps: int) -> RunWriter:
    """The store of a run that has just started."""
    folder.config_path.write_text('recipe = "audio"\n')
    writer = RunWriter(folder.store_path)
    infos = tuple(TermInfo(f"term_{i}", f"term {i}", "reconstruction") for i in range(terms))
    writer.begin(
        RunStarted(
            session=0, recipe="audio", representation="made", terms=infos, device="cpu", host="here", pid=os.getpid(),
            start_step=0, total_steps=steps, total_epochs=max(1, steps // STEPS_PER_EPOCH),
            steps_per_epoch=STEPS_PER_EPOCH, parameters=1, preset="balanced", train_files=3, val_files=2,
            train_seconds=4.5,
        )
    )  # fmt: skip
    writer.event(PhaseChanged("training"))
    return writer


def log_step(writer: RunWriter, step: int, total: int, terms: dict[str, float], elapsed: float) -> None:
    """One step, and its epoch's end where it is one."""
    epoch, loss = 1 + step // STEPS_PER_EPOCH, terms["term_0"]
    writer.step(
        StepMetrics(epoch, step, total, loss, learning_rate=1e-3, step_time_s=0.05, elapsed_s=elapsed, terms=terms)
    )
    if step % STEPS_PER_EPOCH == 0:
        held_out = {name: value * 1.1 for name, value in terms.items()}
        writer.event(
            EpochMetrics(step // STEPS_PER_EPOCH, total // STEPS_PER_EPOCH, loss, loss * 1.1, step=step,
                         train_terms=terms, val_terms=held_out)
        )  # fmt: skip


def make(folder: Path, steps: int, terms: int) -> Path:
    """A finished run in `folder`; returns its path."""
    run = RunFolder.create(folder, "made")
    writer = begin(run, terms, steps)
    for step, named in zip(range(1, steps + 1), values(terms), strict=False):
        log_step(writer, step, steps, named, step * 0.05)
    writer.event(TrainingCompleteEvent("finished", steps // STEPS_PER_EPOCH, steps, steps * 0.05))
    writer.close()
    return run.path


def go_on(folder: Path, rate: float, terms: int) -> None:
    """A live run in `folder` at `rate` steps a second, until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(SystemExit(0)))
    run = RunFolder.create(folder, "made")
    with run.lock():
        total = 1_000_000
        writer = begin(run, terms, total)
        print(json.dumps(str(run.path)), flush=True)
        began = time.monotonic()
        for step, named in enumerate(values(terms), 1):
            log_step(writer, step, total, named, time.monotonic() - began)
            time.sleep(max(0.0, began + step / rate - time.monotonic()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--terms", type=int, default=8)
    parser.add_argument("--rate", type=float, default=0.0)
    args = parser.parse_args()
    if args.rate:
        go_on(args.folder, args.rate, args.terms)
    else:
        print(make(args.folder, args.steps, args.terms))


if __name__ == "__main__":
    main()
