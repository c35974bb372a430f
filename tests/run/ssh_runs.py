"""Runs to look at through ssh, and the link to them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from fake_trainer import PREVIEW, started, step_metrics, wait_until
from sshd import HOST

from core.run.events import StepMetrics, TrainingCompleteEvent
from core.run.folder import RunFolder, atomic_write
from core.run.link import LinkError
from core.run.links.ssh import SshLink
from core.run.state import RunState, fold
from core.run.store import RunWriter


def finished(runs: Path, name: str = "bells") -> RunFolder:
    """A run of a hundred steps that has ended, whatever its folder is called."""
    folder = RunFolder(runs / name)
    folder.previews.mkdir(parents=True)
    folder.config_path.write_text('recipe = "audio"\n')
    writer = RunWriter(folder.store_path)
    writer.begin(started())
    for step in range(1, 101):
        writer.step(step_metrics(step))
    writer.event(TrainingCompleteEvent("finished", 10, 100))
    writer.close()
    atomic_write(folder.previews / "a.wav", PREVIEW)
    return folder


@contextmanager
def linked(folder: RunFolder) -> Iterator[SshLink]:
    """The link to the run; closed at the end."""
    link = SshLink(HOST, str(folder.path))
    try:
        yield link
    finally:
        link.close()


T = TypeVar("T")


class Watcher:
    """Collects events as a screen would, and how long each look took."""

    def __init__(self, link: SshLink) -> None:
        self.link, self.seen, self.slowest, self.state = link, list[int](), 0.0, RunState()

    def look(self) -> RunState:
        batch = self._timed(lambda: self.link.read(self.state.seq))
        with suppress(LinkError):
            self._timed(lambda: self.link.series("stft_loss", 0, None, 64))
        self._timed(self.link.info)
        self.seen += [stored.seq for stored in batch if not isinstance(stored.event, StepMetrics)]
        self.state = fold(self.state, batch)
        return self.state

    def _timed(self, ask: Callable[[], T]) -> T:
        began = time.monotonic()
        try:
            return ask()
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)

    def goes_on(self) -> None:
        """Wait until the line is up and tells of new steps."""
        former = self.state.step.step if self.state.step else 0
        wait_until(lambda: (s := self.look().step) and s.step > former + 20 and not self.link.trouble, 20)
