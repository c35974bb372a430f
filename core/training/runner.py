"""Training in a worker thread: start, cancel, save, resume, wait. Importable without torch, which the thread loads."""

import os
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from core.errors import UsageError, one_line
from core.run.events import TrainingCompleteEvent
from core.run.folder import RunFolder, atomic_write
from core.training.config import TrainingConfig
from core.training.config_file import dump_config
from core.training.control import Control
from core.training.metrics import MetricsCallback

RunnerState = Literal["idle", "running", "finished", "cancelled", "preempted", "failed"]


class TrainingRunner:
    """Owns the thread that trains. One runner trains one session at a time; after its end it may start another.

    `niceness` above 0 lets a screen in the same process draw first where cores are few (Linux; elsewhere no effect).
    """

    def __init__(self, niceness: int = 0) -> None:
        self._niceness = niceness
        self._thread: threading.Thread | None = None
        self._control = Control()
        self._trouble: Callable[[], str | None] = lambda: None
        self.folder: RunFolder | None = None
        self.state: RunnerState = "idle"
        self.error: BaseException | None = None
        self.complete: TrainingCompleteEvent | None = None

    def start(
        self,
        config: TrainingConfig,
        given: frozenset[str],
        runs_dir: Path,
        callback: MetricsCallback | None = None,
    ) -> RunFolder:
        """Make the run folder and train in it; returns at once, before torch is loaded.

        `given` are the dotted config keys that the person set, which presets leave alone.
        """
        name = config.name or Path(config.data.path).expanduser().resolve().name
        folder = RunFolder.create(runs_dir, name)
        try:
            atomic_write(folder.config_path, dump_config(config, given).encode())
        except OSError as error:
            raise UsageError(
                f"{folder.path}: cannot be written ({error.strerror or error}); name another --runs"
            ) from error
        self._launch(folder, config, given, None, callback)
        return folder

    def resume(self, folder: RunFolder, from_: str = "latest", callback: MetricsCallback | None = None) -> RunFolder:
        """Train on from a checkpoint ("latest", "best", a name or a path), with the run folder's config.

        A wrong checkpoint or config ends the session as failed, with one line in `error`; nothing starts afresh.
        """
        self._launch(folder, None, frozenset(), from_, callback)
        return folder

    def cancel(self) -> None:
        """Save at this very step and stop; answers within one step. Safe to call from anywhere, any time."""
        self._control.stop("cancelled")

    def preempt(self) -> None:
        """As `cancel`, but the run wants to be resumed (exit status 75). Safe in a signal handler."""
        self._control.stop("preempted")

    def save(self) -> None:
        """Save a checkpoint after this step and train on."""
        self._control.save()

    def poke(self) -> None:
        """A command waits in the run store."""
        self._control.poke()

    def wait(self, timeout: float | None = None) -> TrainingCompleteEvent | None:
        """Wait for the session's end; None when `timeout` seconds were not enough or nothing was started."""
        if self._thread is not None:
            self._thread.join(timeout)
        return None if self.alive else self.complete

    @property
    def alive(self) -> bool:
        """Whether the thread is at work."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def trouble(self) -> str | None:
        """One line while the store cannot be written; what was logged then waits in memory."""
        return self._trouble()

    @property
    def exit_status(self) -> int:
        """0 finished or stopped on request, 1 failed, 2 bad config or data, 75 preempted."""
        if self.error is not None:
            return 2 if isinstance(self.error, UsageError) else 1
        return 75 if self.state == "preempted" else 0

    def _launch(
        self,
        folder: RunFolder,
        config: TrainingConfig | None,
        given: frozenset[str],
        checkpoint: str | None,
        callback: MetricsCallback | None,
    ) -> None:
        if self.alive:
            raise UsageError(f"{folder.path}: this program is still training; wait for it or cancel it first")
        self.folder, self.state, self.error, self.complete = folder, "running", None, None
        self._control = Control()
        arguments = (folder, config, given, checkpoint, callback, self._control)
        self._thread = threading.Thread(target=self._work, args=arguments, name="trainer", daemon=True)
        self._thread.start()

    def _work(
        self,
        folder: RunFolder,
        config: TrainingConfig | None,
        given: frozenset[str],
        checkpoint: str | None,
        callback: MetricsCallback | None,
        control: Control,
    ) -> None:
        try:
            if self._niceness and sys.platform == "linux":
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._niceness)
            from core.training.train import train

            def watch(trouble: Callable[[], str | None]) -> None:
                self._trouble = trouble

            self.complete = train(
                folder, config=config, given=given, checkpoint=checkpoint, callback=callback, control=control,
                watch_trouble=watch,
            )  # fmt: skip
            self.state = self.complete.reason
        except BaseException as error:  # noqa: BLE001 - the thread's end: kept for whoever waits, and logged
            self.error, self.state = error, "failed"
            self.complete = TrainingCompleteEvent("failed", 0, 0, error=one_line(error))
            if not isinstance(error, UsageError):  # one line says all of those
                with suppress(OSError), folder.log_path.open("a", encoding="utf-8") as log:
                    log.write("".join(traceback.format_exception(error)))
