"""The examples of docs/schedulers: a job is interrupted, queued again and finished, with nothing lost or done twice."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.run.events import RunStarted, TrainingCompleteEvent
from core.run.folder import RunFolder
from core.run.links.folder import FolderLink
from core.run.state import RunState, fold
from tests.cli.conftest import TINY
from tests.cli.waiting import wait_until
from tests.tui.terminals import Tmux, tmux_at

EXAMPLES = Path(__file__).parents[2] / "docs" / "schedulers"
QUICK = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
EPOCHS = 24


@dataclass
class Cluster:
    """A folder to work in, with the examples beside the data, and a PATH on which `distill-tui` and `scontrol` are."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        programs = self.folder / "bin"
        programs.mkdir(parents=True)
        for name, script in (
            ("distill-tui", f'exec "{sys.executable}" -m distill_tui "$@"'),
            ("scontrol", f'echo "$@" >> "{self.folder}/requeued"'),
        ):
            (programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (programs / name).chmod(0o755)
        for example in EXAMPLES.iterdir():
            shutil.copy(example, self.folder / example.name)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("DISTILL_", "SLURM_"))}
        self.environ = {**kept, "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(EXAMPLES.parents[1]),
                        "HOME": str(self.folder), "LANG": "C.UTF-8"}  # fmt: skip

    @property
    def requeued(self) -> list[str]:
        file = self.folder / "requeued"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.folder / "runs" / "bells")

    def state(self) -> RunState:
        """How the run stands, as far as it has been begun."""
        return fold(RunState(), FolderLink(self.run).read()) if self.run.exists() else RunState()

    def start(self, *words: str | Path, **environ: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [str(word) for word in words], cwd=self.folder, env={**self.environ, **environ}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def stop(self) -> int:
        """What `distill-tui stop` returns."""
        command = [sys.executable, "-m", "distill_tui", "stop", str(self.run.path)]
        return subprocess.run(command, env=self.environ, capture_output=True, check=False).returncode

    def ended(self, reasons: list[str]) -> None:
        """The sessions of the run ended so, and each began where the one before it had saved."""
        events = [stored.event for stored in FolderLink(self.run).read()]
        ends = [event for event in events if isinstance(event, TrainingCompleteEvent)]
        begins = [event.start_step for event in events if isinstance(event, RunStarted)]
        assert [end.reason for end in ends] == reasons
        assert begins == [0, *(end.step for end in ends[:-1])]
        assert len(list((self.folder / "runs").iterdir())) == 1


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path / "it's a cluster")
    yield cluster
    if cluster.run.exists() and cluster.run.is_live():
        cluster.stop()


class Sbatch:
    """What the example relies on in Slurm: its options, a signal to the batch shell alone, requeueing."""

    def __init__(self, cluster: Cluster, script: str) -> None:
        self.cluster, self.script = cluster, script
        text = (cluster.folder / script).read_text()
        self.options = dict(re.findall(r"^#SBATCH --([\w-]+)(?:=(\S+))?$", text, re.MULTILINE))
        self.spool = cluster.folder / "spool" / "slurm_script"  # Slurm runs a copy
        self.spool.parent.mkdir()
        self.spool.write_text(text)

    def run(self, *words: str | Path, until: Callable[[], object] | None = None) -> tuple[int, str]:
        """Run the job once; with `until`, its time is nearly over when that becomes true."""
        process = self.cluster.start("bash", self.spool, *words, SLURM_JOB_ID="7",
                                     SLURM_SUBMIT_DIR=str(self.cluster.folder))  # fmt: skip
        if until is not None:
            name = re.fullmatch(r"B:(\w+)@\d+", self.options["signal"])[1]
            wait_until(lambda: process.poll() is not None or until(), 60)
            os.kill(process.pid, getattr(signal, f"SIG{name}"))
            os.kill(process.pid, getattr(signal, f"SIG{name}"))  # a scheduler may say it twice
        said, _ = process.communicate(timeout=60)
        return process.returncode, said


def test_a_slurm_job_saves_before_its_limit_is_queued_again_and_finishes(cluster: Cluster, tones: Path) -> None:
    job = Sbatch(cluster, "slurm.sbatch")
    assert "requeue" in job.options
    words = (tones, "bells", "--epochs", str(EPOCHS), *QUICK)
    status, said = job.run(*words, until=lambda: cluster.state().epochs)
    assert (status, cluster.requeued) == (75, ["requeue 7"]), said
    status, said = job.run(*words)
    assert (status, cluster.requeued) == (0, ["requeue 7"]), said
    cluster.ended(["preempted", "finished"])
    assert cluster.state().epochs[-1].epoch == EPOCHS
    assert job.run(*words)[0] == 0  # queued once more by mistake
    cluster.ended(["preempted", "finished"])


def test_a_slurm_job_that_fails_is_not_queued_again(cluster: Cluster) -> None:
    status, said = Sbatch(cluster, "slurm.sbatch").run("no such folder", "bells")
    assert (status, cluster.requeued) == (2, []), said
    assert "no such folder" in said


@pytest.mark.parametrize("name", ["my bells", "../bells", "-n", ".hidden"])
def test_a_name_under_which_the_run_would_not_be_found_again_is_refused(cluster: Cluster, name: str) -> None:
    process = cluster.start("sh", "train-or-resume.sh", "data", name)
    said, _ = process.communicate(timeout=10)
    assert (process.returncode, said) == (2, f"{name}: name the run with letters, digits, . _ and - only\n")


def test_without_a_terminal_it_goes_on_until_it_is_stopped_and_then_from_there(cluster: Cluster, tones: Path) -> None:
    options = ("--epochs", "100000", *QUICK)
    said, _ = cluster.start("sh", "nohup.sh", tones, "bells", *options).communicate(timeout=20)
    pid = int(re.search(r"process (\d+)", said)[1])
    wait_until(lambda: cluster.state().epochs, 60)
    os.kill(pid, signal.SIGHUP)  # the line drops
    begun = len(cluster.state().epochs)
    wait_until(lambda: len(cluster.state().epochs) > begun + 2)
    assert cluster.stop() == 0
    wait_until(lambda: not cluster.run.is_live())
    again = cluster.start("sh", "train-or-resume.sh", tones, "bells", *options)
    wait_until(lambda: cluster.state().complete is None)
    wait_until(lambda: cluster.state().step and cluster.run.is_live())
    again.send_signal(signal.SIGTERM)  # as systemd does
    again.communicate(timeout=30)
    assert again.returncode == 75
    cluster.ended(["cancelled", "preempted"])


@pytest.fixture
def tmux(cluster: Cluster) -> Iterator[Tmux]:
    """A tmux server of its own, which is the one that the example finds."""
    server = tmux_at(cluster.folder.parent / "tmux")
    wrapper = cluster.folder / "bin" / "tmux"
    wrapper.write_text(
        f'#!/bin/sh\nexec {shutil.which("tmux")} -S "{cluster.folder.parent / "tmux"}" -f /dev/null "$@"\n'
    )
    wrapper.chmod(0o755)
    yield server
    server.kill()


def test_in_tmux_the_screen_is_there_to_come_back_to(cluster: Cluster, tmux: Tmux, tones: Path) -> None:
    words = (tones, "--runs", cluster.folder / "runs", "--epochs", "100000", *QUICK)
    started = cluster.start("sh", "tmux.sh", "bells", *words)
    said, _ = started.communicate(timeout=20)
    assert (started.returncode, said) == (0, "")
    tmux.wait_for("bells", "training")
    assert tmux.run("list-sessions", "-F", "#{session_name}") == "bells\n"
    wait_until(lambda: cluster.state().step, 60)
    assert cluster.stop() == 0
    wait_until(lambda: cluster.state().complete is not None, 30)
    cluster.ended(["cancelled"])


def test_in_tmux_what_cannot_begin_is_said_and_leaves_nothing_behind(cluster: Cluster, tmux: Tmux) -> None:
    started = cluster.start("sh", "tmux.sh", "my.bells", "no such folder")
    said, _ = started.communicate(timeout=20)
    assert (started.returncode, "no such folder" in said) == (2, True), said
    with pytest.raises(subprocess.CalledProcessError):
        tmux.run("has-session")


def test_the_systemd_unit_is_well_formed_and_starts_what_is_there(cluster: Cluster) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    home = cluster.folder.parent / "home"
    (home / "distill").mkdir(parents=True)
    shutil.copy(EXAMPLES / "train-or-resume.sh", home / "distill")
    checked = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(EXAMPLES / "distill-tui@.service")],
        env={**cluster.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(home)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.glob("*.s[hb]*")))
def test_a_script_is_understood_by_the_shell_that_it_names(example: str) -> None:
    shell = (EXAMPLES / example).read_text().splitlines()[0].removeprefix("#!")
    assert shell in ("/bin/sh", "/bin/bash")
    subprocess.run([shell, "-n", str(EXAMPLES / example)], check=True)
