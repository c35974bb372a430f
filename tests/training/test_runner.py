"""The runner trains in its own thread, answers at once, and says how it ended."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import UsageError
from core.run.events import Event, StepMetrics
from core.run.folder import RunFolder
from core.training.checkpoint_files import list_checkpoints
from core.training.config_file import load_config
from core.training.runner import TrainingRunner

Tiny = Callable[..., Any]
ENDLESS = {"epochs": 10_000, "preview__every": 100_000, "checkpoint__every": 100_000}


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


class Steps:
    """Remembers the newest step."""

    def __init__(self) -> None:
        self.last = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepMetrics):
            self.last = event.step


def test_start_returns_at_once_and_wait_gives_the_end(tiny: Tiny, tmp_path: Path) -> None:
    runner = TrainingRunner()
    assert runner.state == "idle"
    folder = runner.start(*tiny(epochs=1), tmp_path)
    assert folder.config_path.exists()
    complete = runner.wait(120)
    assert complete is not None
    assert (complete.reason, runner.state, runner.exit_status, runner.error) == ("finished", "finished", 0, None)
    assert not runner.alive


def test_cancel_answers_within_one_step_and_saves_there(tiny: Tiny, tmp_path: Path) -> None:
    runner, steps = TrainingRunner(), Steps()
    folder = runner.start(*tiny(**ENDLESS), tmp_path, steps)
    until(lambda: steps.last >= 3)
    asked_at = steps.last
    runner.cancel()
    complete = runner.wait(60)
    assert complete is not None
    assert (complete.reason, runner.state, runner.exit_status) == ("cancelled", "cancelled", 0)
    assert asked_at <= complete.step <= asked_at + 1
    assert list_checkpoints(folder)[-1].step == complete.step
    assert runner.resume(folder, callback=steps) == folder
    until(lambda: steps.last > complete.step)
    runner.preempt()
    runner.cancel()
    runner.wait(60)
    assert (runner.state, runner.exit_status) == ("preempted", 75)


def test_save_now_saves_and_goes_on(tiny: Tiny, tmp_path: Path) -> None:
    runner, steps = TrainingRunner(), Steps()
    folder = runner.start(*tiny(**ENDLESS), tmp_path, steps)
    until(lambda: steps.last >= 1)
    runner.save()
    until(lambda: any(c.summary.get("reason") == "requested" for c in list_checkpoints(folder)))
    saved_at = steps.last
    until(lambda: steps.last > saved_at)
    with pytest.raises(UsageError, match="still training"):
        runner.start(*tiny(epochs=1), tmp_path)
    runner.cancel()
    runner.wait(60)


def test_commands_while_files_are_read_are_answered(tiny: Tiny, tmp_path: Path) -> None:
    from core.run.commands import Save, Stop
    from core.run.events import CommandAnswered, PhaseChanged, RunStarted
    from core.run.links.folder import FolderLink

    runner, events, link = TrainingRunner(), list[Event](), list[FolderLink]()

    def callback(event: Event) -> None:
        if isinstance(event, PhaseChanged) and event.phase == "loading" and not link:
            assert runner.folder is not None
            link.append(FolderLink(runner.folder))
            link[0].send(Save())
            link[0].send(Stop())
            time.sleep(0.1)
        events.append(event)

    runner.start(*tiny(**ENDLESS), tmp_path, callback)
    complete = runner.wait(60)
    assert complete is not None
    assert (complete.reason, complete.step) == ("cancelled", 0)
    answers = [(event.command, event.done) for event in events if isinstance(event, CommandAnswered)]
    assert answers == [("save", False), ("stop", True)]
    assert not any(isinstance(event, RunStarted) for event in events)


def test_a_folder_without_sounds_is_the_persons_to_mend(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    runner = TrainingRunner()
    config, given = load_config(None, [], {"data.path": str(tmp_path / "empty"), "device": "cpu"})
    folder = runner.start(config, given, tmp_path / "runs")
    complete = runner.wait(60)
    assert complete is not None
    assert (complete.reason, runner.state, runner.exit_status) == ("failed", "failed", 2)
    assert "\n" not in complete.error
    assert str(tmp_path / "empty") in complete.error
    assert not folder.is_live()


def test_a_run_that_another_trainer_holds_is_left_alone(tiny: Tiny, tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "held")
    holder = (
        "import sys; from pathlib import Path; from core.run.folder import RunFolder\n"
        "with RunFolder.open(Path(sys.argv[1])).lock():\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    config, _ = tiny()
    from core.training.config_file import dump_config

    folder.config_path.write_text(dump_config(config))
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(folder.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        runner = TrainingRunner()
        runner.resume(folder)
        runner.wait(60)
        assert process.stdin is not None
        process.stdin.close()
    assert runner.exit_status == 2
    assert str(process.pid) in str(runner.error)


def test_a_run_whose_folder_vanishes_ends_as_failed(tiny: Tiny, tmp_path: Path) -> None:
    import shutil

    runner, steps = TrainingRunner(), Steps()
    folder = runner.start(*tiny(**ENDLESS), tmp_path, steps)
    until(lambda: steps.last >= 1)
    shutil.rmtree(folder.path)
    runner.preempt()
    runner.wait(60)
    assert (runner.state, runner.exit_status) == ("failed", 1)
    assert "could not be saved" in str(runner.error)


def test_a_stop_that_cannot_be_saved_is_refused_once_and_then_obeyed(tiny: Tiny, tmp_path: Path) -> None:
    import shutil

    runner, steps = TrainingRunner(), Steps()
    folder = runner.start(*tiny(**ENDLESS), tmp_path, steps)
    until(lambda: steps.last >= 1)
    shutil.rmtree(folder.checkpoints)
    runner.cancel()
    asked_at = steps.last
    until(lambda: steps.last > asked_at + 3)
    assert runner.alive
    runner.cancel()
    complete = runner.wait(60)
    assert complete is not None
    assert complete.reason == "cancelled"


def test_a_run_that_never_began_begins_when_it_is_resumed(tiny: Tiny, tmp_path: Path) -> None:
    runner = TrainingRunner()
    folder = runner.start(*tiny(epochs=1), tmp_path, lambda event: runner.preempt())
    runner.wait(60)
    assert list_checkpoints(folder) == []
    runner.resume(folder)
    complete = runner.wait(60)
    assert complete is not None
    assert (complete.reason, runner.exit_status) == ("finished", 0)


def test_a_stop_while_files_are_read_ends_it_without_a_checkpoint(tiny: Tiny, tmp_path: Path) -> None:
    runner = TrainingRunner()
    folder = runner.start(*tiny(**ENDLESS), tmp_path)
    runner.cancel()
    complete = runner.wait(60)
    assert complete is not None
    assert complete.reason == "cancelled"
    assert complete.step == 0
    assert [c.step for c in list_checkpoints(folder)] in ([], [0])
