"""The lines that a person is told to type do what they say, whatever a run's folder is called."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from fake_trainer import started, step_metrics

from core.run.command_lines import command_line, line_there, quoted, resume_line, run_line
from core.run.events import TrainingCompleteEvent
from core.run.folder import RunFolder
from core.run.link import RunInfo
from core.run.links.folder import FolderLink
from core.run.store import RunWriter
from distill_tui.closing import closing_line, detached_line, ended_line
from distill_tui.reader import Snapshot
from distill_tui.session import Session, Watch
from tests.fakes import FakeLink

NASTY = 'it\'s my "bells" $(reboot) é'
INVISIBLE = "a\nb\x1b[2J\udce9'\\c"


@pytest.mark.parametrize("name", ["bells", NASTY, "-n", "~", "a;b"])
def test_a_line_is_read_by_a_shell_as_it_was_meant(name: str) -> None:
    assert shlex.split(command_line("watch", f"/runs/{name}")) == ["distill-tui", "watch", f"/runs/{name}"]
    assert shlex.split(command_line("watch", f"box:/runs/{name}", "--web"))[2:] == [f"box:/runs/{name}", "--web"]
    ssh, _, host, there = shlex.split(line_there("ann@[::1]", "resume", f"/runs/{name}", environ={}))
    assert (ssh, host, shlex.split(there)) == ("ssh", "ann@::1", ["distill-tui", "resume", f"/runs/{name}"])


def test_a_line_for_another_host_takes_the_persons_own_ssh_and_program() -> None:
    environ = {"DISTILL_SSH": "ssh -F 'my config'", "DISTILL_REMOTE": "~/venv/bin/distill-tui"}
    line = line_there("box", "resume", "/runs/two words", environ=environ)
    assert shlex.split(line) == [
        "ssh",
        "-F",
        "my config",
        "-t",
        "box",
        "~/venv/bin/distill-tui resume '/runs/two words'",
    ]
    assert line_there("box", "watch", "", environ={}) == "ssh -t box distill-tui"
    there = RunInfo("bells", "box:/runs/two words")
    assert shlex.split(resume_line(there))[-1].endswith("resume '/runs/two words'")
    assert shlex.split(run_line("landscape", there, "--size", "9"))[-1].endswith("landscape '/runs/two words' --size 9")
    assert resume_line(RunInfo("bells", "/runs/a b", local_folder="/runs/a b")) == "distill-tui resume '/runs/a b'"


def test_what_cannot_be_shown_can_still_be_pasted() -> None:
    word = quoted(INVISIBLE)
    assert word.isprintable()
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    said = subprocess.run([bash, "-c", f"printf %s {word}"], capture_output=True, check=True).stdout
    assert said == os.fsencode(INVISIBLE)


@pytest.fixture
def killed(tmp_path: Path) -> RunFolder:
    """A run whose trainer has vanished."""
    folder = RunFolder.create(tmp_path / NASTY, "bells")
    folder.config_path.write_text('recipe = "audio"\n')
    writer = RunWriter(folder.store_path)
    writer.begin(started())
    writer.step(step_metrics(1))
    writer.close()
    return folder


def last_words(link: FolderLink | FakeLink) -> list[str]:
    """The words of the command at the end of what the screen leaves behind."""
    from core.run.state import RunState, fold

    state, info = fold(RunState(), link.read()), link.info()
    line = closing_line(Snapshot(state=state, info=info), Session(Watch(link)))
    return shlex.split("distill-tui" + line.rpartition(": distill-tui")[2])


def test_of_a_run_whose_trainer_was_killed_the_line_that_goes_on_with_it_is_left(killed: RunFolder) -> None:
    link = FolderLink(killed)
    assert last_words(link) == ["distill-tui", "resume", str(killed.path)]
    with killed.lock():
        assert last_words(link) == ["distill-tui", "watch", str(killed.path)]
    link.close()


def test_what_is_left_of_a_detached_run_can_be_pasted(killed: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(killed.path.parent.parent)
    ended = ended_line(killed, TrainingCompleteEvent("preempted", 1, 1))
    assert shlex.split(ended.rpartition("with: ")[2]) == ["distill-tui", "resume", str(killed.path)]
    detached = detached_line(killed, 7, free=True).partition("See it: ")[2].partition("   ")[0]
    assert shlex.split(detached) == ["distill-tui", "watch", f"{NASTY}/bells"]
