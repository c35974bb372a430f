"""The same figures of `wandb leet`, on the same values written by wandb's own library, offline.

wandb is no part of this project: install it anywhere (`pip install wandb`) and name its command with --wandb.
"""

import subprocess
import time
from pathlib import Path

from opening import Opening, opened
from pty_app import PtyApp

WRITER = """
import sys, time
import wandb
sys.path.insert(0, sys.argv[1])
steps, rate, terms = int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
def values(terms):
    import math
    seed, step = 1, 0
    while True:
        step += 1
        seed = seed * 1103515245 + 12345 & 0x7FFFFFFF
        level = 1 / math.sqrt(1 + step / 500)
        yield {f"term_{i}": (i + 1) * level * (1 + 0.2 * seed / 0x7FFFFFFF) for i in range(terms)}
run = wandb.init(mode="offline", project="made", settings=wandb.Settings(x_disable_stats=True, console="off"))
print("ready", flush=True)
began = time.monotonic()
for step, named in enumerate(values(terms), 1):
    if rate:
        time.sleep(max(0.0, began + step / rate - time.monotonic()))
    elif step > steps:
        break
    run.log(named, step=step)
run.finish()
"""


def _write(wandb: Path, folder: Path, steps: int, rate: float, terms: int) -> "subprocess.Popen[str]":
    python = wandb.resolve().parent / "python"
    argv = [str(python), "-c", WRITER, str(folder), str(steps), str(rate), str(terms)]
    return subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def opening(wandb: Path, folder: Path, steps: int, terms: int) -> Opening:
    """leet on a finished run of so many steps."""
    writer = _write(wandb, folder, steps, 0, terms)
    writer.communicate(timeout=3600)
    return opened([str(wandb), "leet", "./wandb"], ("\t", "\t"), "q", cwd=folder, patience=900)


def live(wandb: Path, folder: Path, rate: float, terms: int, seconds: float) -> tuple[float, float]:
    """(kB/s to the terminal, % of a core) of leet on a live run."""
    writer = _write(wandb, folder, 0, rate, terms)
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline().strip() == "ready"
        time.sleep(5)
        with PtyApp([str(wandb), "leet", "./wandb"], 120, 40, cwd=folder) as app:
            time.sleep(8)
            figures = app.quietly(seconds)
            app.send("q")
    finally:
        writer.kill()
        writer.wait()
    return figures
