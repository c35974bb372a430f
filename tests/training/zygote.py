"""Loads torch once, then forks a trainer for each request on stdin and kills it with SIGKILL after so many seconds.

Each request is one JSON line {"folder", "kill_after", "acknowledged"}. The child trains in `folder` (from its latest
checkpoint where there is one) and writes every event that the store has committed to the file `acknowledged`. The
answer is one line: "killed", "ended" or "failed".
"""

import json
import os
import select
import signal
import sys
import traceback
from pathlib import Path

import torch

import core.audio.recipe  # noqa: F401 - loaded before the fork
from core.run.event_json import encode, kind_of
from core.run.events import Event, StepMetrics
from core.run.folder import RunFolder
from core.training.checkpoint_files import list_checkpoints
from core.training.train import train


def child(request: dict[str, str]) -> int:
    torch.set_num_threads(1)
    folder = RunFolder.open(Path(request["folder"]))
    acknowledged = os.open(request["acknowledged"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def callback(event: Event) -> None:
        if not isinstance(event, StepMetrics):
            os.write(acknowledged, kind_of(event).encode() + b" " + encode(event) + b"\n")

    train(folder, checkpoint="latest" if list_checkpoints(folder) else None, callback=callback)
    return 0


def main() -> None:
    torch.set_num_threads(1)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = child(request)
            except BaseException:  # noqa: BLE001 - a forked child must never return into the parent's loop
                traceback.print_exc()
            finally:
                os._exit(code)
        handle = os.pidfd_open(pid)
        if not select.select([handle], [], [], float(request["kill_after"]))[0]:
            os.kill(pid, signal.SIGKILL)
        os.close(handle)
        _, status = os.waitpid(pid, 0)
        answer = "killed" if os.WIFSIGNALED(status) else "ended" if os.waitstatus_to_exitcode(status) == 0 else "failed"
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
