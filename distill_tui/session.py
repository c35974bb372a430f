"""One run on the screen: how it is begun, watched, asked and let go of."""

import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import UsageError
from core.run.commands import Command, Stop
from core.run.link import LinkError, RunLink
from distill_tui.alerting_options import Alerting, usual
from distill_tui.errors import PREEMPTED, complain

if TYPE_CHECKING:
    from core.run.events import TrainingCompleteEvent
    from core.run.folder import RunFolder
    from core.run.replay import ReplayLink
    from core.training.config import TrainingConfig
    from core.training.runner import TrainingRunner
    from distill_tui.run_source import RunSource

SCREEN_FIRST = 10  # niceness of the trainer's thread: with as many cores as threads, a key would wait for its slice


@dataclass(frozen=True)
class Home:
    """Begin at the home screen: on a folder of runs, or on another source of them."""

    runs_dir: "Path | RunSource"


@dataclass(frozen=True)
class Train:
    """Train a new run in this process. `given` are the dotted config keys that the person set."""

    config: "TrainingConfig"
    given: frozenset[str]
    runs_dir: Path
    alerting: Alerting = field(default_factory=usual)


@dataclass(frozen=True)
class Resume:
    """Train on in this process, from "latest", "best", a checkpoint's name or its path."""

    folder: "Path | RunFolder"
    from_: str = "latest"
    alerting: Alerting = field(default_factory=usual)


@dataclass(frozen=True)
class Watch:
    """Watch a run that another process trains, or that has ended: a folder, what `open_link` takes, or a link.

    `replay`: begin with a replay of it, at `speed` times real time or at the usual speed.
    """

    target: "Path | str | RunFolder | RunLink"
    alerting: Alerting = field(default_factory=usual)
    replay: bool = False
    speed: float | None = None


Start = Home | Train | Resume | Watch


class Session:
    """Owns the link to a run and, where this process trains it, the runner.

    `open` and the methods that say so may block and belong in the reader's thread; everything else may be called from
    the screen. Errors of `open` and `resume` are one line for a person.
    """

    def __init__(self, start: Train | Resume | Watch) -> None:
        self.start = start
        self.link: RunLink | None = None
        self.replay: ReplayLink | None = None  # shown in place of the link
        self.runner: TrainingRunner | None = None
        self.error: Exception | None = None
        self.problems: deque[str] = deque()  # lines that a person should see once
        self._notifier = start.alerting.notifier(self.problems.append)
        self._swapping = threading.Lock()
        self._unwanted = False

    @property
    def name(self) -> str:
        """What to call the run before it has been reached."""
        match self.start:
            case Train(config):
                return config.name or Path(config.data.path).expanduser().resolve().name
            case Resume(folder):
                return _path(folder).name
            case Watch(target):
                return "" if _is_link(target) else _path(target).name

    @property
    def opening(self) -> str:
        """What is being waited for until the first state has been read."""
        match self.start:
            case Train():
                return "getting ready"
            case Resume():
                return "reading the checkpoint"
            case _:
                return f"reading {self.name or 'the run'}"

    @property
    def trains(self) -> bool:
        """Whether a trainer is at work in this very process."""
        return self.runner is not None and self.runner.alive

    @property
    def ended(self) -> "TrainingCompleteEvent | None":
        """How the trainer of this process ended, even if that has not been read from the run yet."""
        return self.runner.complete if self.runner is not None and not self.runner.alive else None

    @property
    def failure(self) -> str | None:
        """Why the trainer of this process ended, in one line, when it failed."""
        if self.runner is None or self.runner.error is None:
            return None
        from core.errors import one_line

        return one_line(self.runner.error)

    @property
    def exit_status(self) -> int:
        """The trainer's exit status; 0 for a run that was only watched, unless it could not be reached."""
        if self._unwanted and self.runner is None:
            return 0 if isinstance(self.start, Watch) else PREEMPTED
        if self.error is not None:
            return 2 if isinstance(self.error, UsageError) else 1
        return self.runner.exit_status if self.runner is not None else 0

    def open(self) -> RunLink:
        """Begin training or reach the run; blocks. What the runner or the link raise is kept in `error` as well."""
        try:
            self.link = self._open()
            if isinstance(self.start, Watch) and self.start.replay:
                self.begin_replay(speed=self.start.speed)
        except Exception as error:
            self.error = error
            raise
        return self.link

    def _open(self) -> RunLink:
        if self._unwanted:
            raise LinkError("asked to end before it began")
        match self.start:
            case Train(config, given, runs_dir):
                runner = self._new_runner()
                return self._linked(runner.start(config, given, runs_dir, self._notifier), runner)
            case Resume(folder, from_):
                runner = self._new_runner()
                return self._linked(runner.resume(_folder(folder), from_, self._notifier), runner)
            case Watch(target):
                return self._heard(_reach(target))

    def resume(self, from_: str = "latest") -> RunLink:
        """Train the run on in this process; blocks. Raises LinkError when its folder is not on this machine."""
        if self.link is None:
            raise LinkError("the run has not been reached yet")
        info = self.link.info()
        if not info.local_folder:
            raise LinkError(f"{info.location}: not on this machine; resume it where it is")
        runner = self._new_runner()
        with self._swapping:
            folder = runner.resume(_folder(Path(info.local_folder)), from_, self._notifier)
            former, self.link, self.replay = self.link, self._linked(folder, runner), None
        former.close()
        return self.link

    def begin_replay(self, step: int | None = None, speed: float | None = None) -> None:
        """Show the run again as it went, from where it made `step`, or from its start; blocks. LinkError while live."""
        from core.run.replay import ReplayLink

        link = self._reached()
        if self.trains or link.info().live:
            raise LinkError("the run is still training; it can be replayed once it is over")
        if not (replay := ReplayLink(link, speed)).clock.length:
            raise LinkError("nothing has happened in this run that could be shown again")
        replay.seek_step(step or 0)
        replay.clock.play()
        self.replay = replay

    def send(self, command: Command) -> int | None:
        """Ask the trainer; blocks. Returns the number that its answer will carry; LinkError when none lives.

        A trainer of this process that has not taken its run yet can be stopped all the same; that has no number.
        """
        try:
            return self._reached().send(command)
        except LinkError:
            if isinstance(command, Stop) and self.runner is not None and self.runner.alive:
                self.runner.cancel()
                return None
            raise

    def fetch(self, artifact: str) -> bytes:
        """The bytes of a preview; blocks, so call it in a thread. LinkError for what is not in the run."""
        return self._reached().fetch(artifact)

    def preempt(self) -> bool:
        """Ask a trainer of this process to save and stop for a later resume; never blocks. False: there is none.

        What has not begun to train yet will not.
        """
        if self.runner is None:
            self._unwanted = True
            return not isinstance(self.start, Watch)
        if not self.runner.alive:
            return False
        self.runner.preempt()
        return True

    def wait(self) -> "TrainingCompleteEvent | None":
        """Wait for the trainer of this process to end."""
        return self.runner.wait() if self.runner is not None else None

    def preempt_and_wait(self) -> int:
        """Have a trainer of this process save and stop, and wait for that; returns the exit status."""
        self.preempt()
        self.wait()
        return self.exit_status

    def tell_the_end(self) -> None:
        """Give the person's `--notify` command a moment to hear how it ended; the program may end after it."""
        if self._notifier is not None:
            self._notifier.close(self.runner.complete if self.runner is not None else None)
            while self.problems:
                complain(self.problems.popleft())

    def close(self) -> None:
        """Let go of the link. A trainer of this process goes on."""
        if self.link is not None:
            self.link.close()

    def _reached(self) -> RunLink:
        with self._swapping:
            if self.link is None:
                raise LinkError("the run has not been reached yet; try again in a moment")
            return self.link

    def _new_runner(self) -> "TrainingRunner":
        from core.training.runner import TrainingRunner

        self.runner = TrainingRunner(niceness=SCREEN_FIRST)
        return self.runner

    def _linked(self, folder: "RunFolder", runner: "TrainingRunner") -> RunLink:
        from core.run.links.thread import ThreadLink

        if self._notifier is not None:
            self._notifier.about(folder.name, str(folder.path))
        return ThreadLink(folder, runner)

    def _heard(self, link: RunLink) -> RunLink:
        """The link; what happens from now on is told to the person's `--notify` command."""
        if self._notifier is None:
            return link
        from distill_tui.alerting_link import AlertingLink

        info = link.info()
        self._notifier.about(info.name, info.location)
        return AlertingLink(link, self._notifier.tell)


def _is_link(target: object) -> bool:
    return hasattr(target, "read") and hasattr(target, "series")


def _path(target: object) -> Path:
    return Path(getattr(target, "path", None) or str(target))


def _folder(target: "Path | RunFolder") -> "RunFolder":
    from core.run.folder import RunFolder

    return RunFolder.open(target) if isinstance(target, Path) else target


def _reach(target: "Path | str | RunFolder | RunLink") -> RunLink:
    if _is_link(target):
        return target  # type: ignore[return-value]
    if isinstance(target, str):
        from distill_tui.targets import link_to

        return link_to(target)
    from core.run.links import open_link

    return open_link(str(_path(target)))
