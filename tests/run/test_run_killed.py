"""What a trainer was told is stored stays stored, whenever it is killed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from fake_trainer import started, step_metrics

from core.run.events import NoteAdded, RunStarted, StepMetrics
from core.run.folder import RunFolder
from core.run.reader import RunReader
from core.run.store import RunWriter

KILLS = 10


def _log_forever(folder: RunFolder, last_step: int) -> None:
    """Log steps and events as fast as they go; say on stdout which events are stored."""
    with folder.lock():
        writer = RunWriter(folder.store_path)
        writer.begin(started(writer.next_session, last_step))
        step = last_step
        while True:
            step += 1
            writer.step(step_metrics(step))
            if step % 7 == 0:
                seq = writer.event(NoteAdded(step, "n" * (step % 3000)))
                os.write(sys.stdout.fileno(), b"%d %d\n" % (seq, step))


def test_no_stored_event_is_lost_to_a_kill(tmp_path: Path) -> None:
    moments = random.Random(0)
    folder = RunFolder.create(tmp_path, "bells")
    acknowledged: dict[int, int] = {}  # step of each event by its number
    watcher = RunReader(folder.store_path)  # stays open through it all, as a monitor would
    last_step = 0
    for kill in range(KILLS):
        command = [sys.executable, __file__, str(folder.path), str(last_step)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(moments.uniform(0, 0.15))
        assert folder.is_live()
        process.send_signal(signal.SIGKILL)
        said = first + process.stdout.read()
        process.wait()
        process.stdout.close()
        assert not folder.is_live()
        for line in said.splitlines()[: None if said.endswith(b"\n") else -1]:
            seq, step = map(int, line.split())
            acknowledged[seq] = step

        for reader in (watcher, RunReader(folder.store_path)):
            stored = reader.read()
            newest = stored.pop().event
            assert isinstance(newest, StepMetrics)
            assert [s.seq for s in stored] == list(range(1, len(stored) + 1)), "no gap"
            notes = {s.seq: s.event.step for s in stored if isinstance(s.event, NoteAdded)}
            assert acknowledged.items() <= notes.items(), f"lost at kill {kill}"
            assert all(len(s.event.text) == s.event.step % 3000 for s in stored if isinstance(s.event, NoteAdded))
            assert newest.step >= max(acknowledged.values()), "an event brings the steps before it"
            curve = reader.series("stft_loss", 0, None, width=100_000)
            assert curve.last[1:] == tuple(_float32(1 / step) for step in range(1, newest.step + 1)), "no step lost"
            last_step = newest.step
    starts = [s.event for s in stored if isinstance(s.event, RunStarted)]
    assert [event.session for event in starts] == list(range(KILLS))


def _float32(value: float) -> float:
    import numpy as np

    return float(np.float32(value))


if __name__ == "__main__":
    _log_forever(RunFolder(Path(sys.argv[1])), int(sys.argv[2]))
