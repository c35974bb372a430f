"""save, stop, watch and runs work on a run that another process trains."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.run.events import TrainingCompleteEvent
from core.run.folder import RunFolder
from core.run.links.folder import FolderLink
from distill_tui.cli import main
from tests.cli.waiting import wait_until

FAKE_TRAINER = Path(__file__).parent.parent / "run" / "fake_trainer.py"


@pytest.fixture
def trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A process that trains the run "bells" in ./runs until it is told to stop."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISTILL_RUNS", raising=False)
    folder = RunFolder.create(tmp_path / "runs", "bells")
    folder.config_path.write_text('recipe = "audio"\n')
    process = subprocess.Popen([sys.executable, FAKE_TRAINER, folder.path], stderr=subprocess.PIPE)
    link = FolderLink(folder)
    wait_until(lambda: folder.store_path.exists() and len(link.read()) > 3)
    link.close()
    yield process
    process.kill()
    process.communicate()


@pytest.mark.usefixtures("trainer")
def test_save_waits_for_the_checkpoint_of_the_other_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["save", "bells"]) == 0
    assert capsys.readouterr().out.startswith("bells: ")


def test_stop_waits_for_the_end_and_says_how_to_go_on(
    trainer: subprocess.Popen[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stop", "runs/bells"]) == 0
    said = capsys.readouterr().out
    assert "cancelled at step" in said
    assert "distill-tui resume" in said
    assert trainer.wait(10) == 0
    events = [stored.event for stored in FolderLink(RunFolder(tmp_path / "runs" / "bells")).read()]
    assert any(isinstance(event, TrainingCompleteEvent) for event in events)

    assert main(["stop", "bells"]) == 2
    assert "no trainer" in capsys.readouterr().err


def test_a_trainer_that_does_not_answer_is_not_waited_for_forever(
    trainer: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    trainer.send_signal(signal.SIGSTOP)
    assert main(["save", "bells", "--timeout", "0.3"]) == 1
    assert "no answer in 0.3 s" in capsys.readouterr().err


@pytest.mark.usefixtures("trainer")
def test_a_live_run_is_not_trained_twice(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume", "bells", "--headless"]) == 1
    assert "distill-tui watch" in capsys.readouterr().err


def test_runs_lists_the_live_run_and_what_became_of_it(
    trainer: subprocess.Popen[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "runs" / "broken"
    broken.mkdir()
    (broken / "run.sqlite").write_bytes(b"not a database, certainly not")
    assert main(["runs", "--json"]) == 0
    runs = {run["name"]: run for run in json.loads(capsys.readouterr().out)}
    assert runs["bells"]["live"] is True
    assert runs["bells"]["epoch"] >= 0
    assert runs["broken"]["error"]
    assert main(["runs"]) == 0
    table = capsys.readouterr().out
    assert "bells" in table
    assert "(live)" in table
    assert "broken" in table

    trainer.kill()
    trainer.wait()
    assert main(["runs", "--json"]) == 0
    runs = {run["name"]: run for run in json.loads(capsys.readouterr().out)}
    assert (runs["bells"]["live"], runs["bells"]["status"]) == (False, "interrupted")


def test_watch_without_a_terminal_prints_the_state_and_follows_to_the_end(
    trainer: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    watching = subprocess.Popen(
        [sys.executable, "-m", "distill_tui", "watch", "bells"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert watching.stdout is not None
    first = [watching.stdout.readline() for _ in range(3)]
    assert first[0].startswith("run folder: ")
    assert "training" in first[1]
    assert main(["stop", "bells"]) == 0
    rest, complaints = watching.communicate(timeout=10)
    assert "cancelled, epoch" in rest.splitlines()[-1]
    assert watching.returncode == 0, complaints


def test_watch_says_that_a_killed_trainer_is_gone(
    trainer: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    trainer.kill()
    trainer.wait()
    assert main(["watch", "bells"]) == 1
    told = capsys.readouterr()
    assert "step" in told.out
    assert "distill-tui resume" in told.err


@pytest.mark.usefixtures("trainer")
def test_watch_of_a_folder_of_runs_lists_them_where_there_is_no_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "runs"]) == 0
    assert "bells" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["watch", "stop", "resume"])
def test_a_run_is_found_by_its_name_beside_the_sounds_it_is_named_after(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bells").mkdir()
    folder = RunFolder.create(tmp_path / "runs", "bells")
    folder.config_path.write_text('recipe = "nothing like it"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISTILL_RUNS", str(tmp_path / "runs"))
    main([command, "bells"])
    assert "not a run folder" not in capsys.readouterr().err
