"""What comes through ssh, and what is said when nothing does. Over a real sshd on loopback."""

import random
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_trainer import PREVIEW, wait_until
from ssh_runs import Watcher, finished, linked
from sshd import HOST, SERVE, Sshd

from core.run.commands import Mark, Preview
from core.run.folder import RunFolder, atomic_write
from core.run.link import LinkError
from core.run.links.folder import FolderLink
from core.run.links.ssh import FolderOfRunsError, SshLink
from core.run.remote_runs import remote_runs
from core.run.state import RunState, fold

pytestmark = pytest.mark.usefixtures("sshd")

NAMES = ["two words", "qu'o\"te\\'s", "-dash", "--encoded", "new\nline", "es\x1b[2Jc", "caf\udce9", "$HOME `id` $(id)",
         "~tilde", "per%20cent", "semi;colon & more | <x>", "!bang", "ünï", "[b]markup", "*"]  # fmt: skip


class TestNames:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_run_of_any_name_opens(self, sshd: Sshd, tmp_path: Path, name: str) -> None:
        folder = finished(tmp_path, name)
        with linked(folder) as link:
            assert link.fetch("previews/a.wav") == PREVIEW
            assert fold(RunState(), link.read()).complete
            assert (link.info().name, link.info().location) == (name, f"{HOST}:{folder.path}")


class TestWhatCannotBeReached:
    def refusal(self, path: str = "/nowhere", host: str = HOST) -> str:
        began = time.monotonic()
        with pytest.raises(LinkError) as caught:
            SshLink(host, path)
        assert time.monotonic() - began < 20
        assert str(caught.value).isprintable()
        return str(caught.value)

    def test_a_path_without_a_run(self, sshd: Sshd) -> None:
        assert self.refusal() == "box: /nowhere: no such run folder"

    def test_a_path_that_is_a_file(self, sshd: Sshd, tmp_path: Path) -> None:
        (tmp_path / "notes").touch()
        assert f"{tmp_path}/notes: a file, not a run folder" in self.refusal(f"{tmp_path}/notes")

    def test_a_host_that_nobody_knows(self, sshd: Sshd) -> None:
        assert self.refusal(host="nobody.invalid").startswith("nobody.invalid: cannot be reached (")

    def test_a_key_that_is_not_let_in_says_what_to_run(self, sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DISTILL_SSH", f"ssh -F {sshd.folder}/ssh_config -o PubkeyAuthentication=no")
        told = self.refusal()
        assert "Permission denied" in told
        assert "run `ssh box true` first" in told
        assert "ControlMaster" in told

    def test_a_host_without_this_program(self, sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DISTILL_REMOTE", "/nowhere/distill-tui")
        assert "box: distill-tui is not found there" in (told := self.refusal())
        assert "DISTILL_REMOTE" in told

    def test_a_host_where_something_else_answers_is_quoted(self, sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DISTILL_REMOTE", r"printf 'You are \033[31mnot\033[0m welcome\n'; true")
        assert "box: no distill-tui answers there, but: You are ?[31mnot?[0m welcome" in self.refusal()
        monkeypatch.setenv("DISTILL_REMOTE", "yes; true")
        assert "but: y;" in self.refusal()

    def test_another_protocol_is_named_with_both_versions(self, sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DISTILL_REMOTE", r"printf '\000distill-tui\0017 9.9.9\nwhatever'; sleep 5; true")
        told = self.refusal()
        assert "box: runs distill-tui 9.9.9 (protocol 7), here it is " in told
        assert told.endswith("(protocol 1); install the same version on both")

    @pytest.mark.parametrize("command", ["false", "true", "sh -c 'echo oops >&2; exit 255' ssh"])
    def test_an_ssh_that_ends_at_once(self, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
        monkeypatch.setenv("DISTILL_SSH", command)
        began = time.monotonic()
        assert self.refusal().startswith("box: ")
        assert time.monotonic() - began < 5

    def test_a_command_that_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DISTILL_SSH", "ssh 'unclosed")
        assert self.refusal().startswith("DISTILL_SSH: not a command")

    def test_no_ssh(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DISTILL_SSH", "/nowhere/ssh")
        assert self.refusal().startswith("/nowhere/ssh: cannot be started")

    def test_what_a_shell_prints_before_is_skipped(
        self, sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DISTILL_REMOTE", f"echo Welcome to box; echo >&2 motd; {sshd.environ['DISTILL_REMOTE']}")
        with linked(finished(tmp_path)) as link:
            assert link.info().name == "bells"


class TestWhatIsSent:
    def test_only_what_has_changed_of_a_curve(self, live: RunFolder) -> None:
        with linked(live) as link:
            watcher = Watcher(link)
            wait_until(lambda: (s := watcher.look().step) and s.step > 200)
            curves = [("stft_loss", 0, 1000, 500), ("kl_loss", 0, 1000, 500), ("val/stft_loss", 0, 1000, 500)]
            link.expect(curves)
            whole, _ = link.traffic
            for _ in range(20):
                time.sleep(0.05)
                watcher.look()
                assert [link.series(*curve).bucket for curve in curves] == [2, 2, 2]
            assert (link.traffic[0] - whole) / 20 < 3000  # the three curves are 24 kB

    def test_curves_are_those_of_the_folder_however_they_come(self, sshd: Sshd, tmp_path: Path) -> None:
        folder = finished(tmp_path)
        here = FolderLink(folder)
        with linked(folder) as link:
            for curve in [("stft_loss", 0, None, 10), ("kl_loss", 3, 60, 300), ("nobody", 0, None, 10)]:
                far, near = link.series(*curve), here.series(*curve)
                assert (far.term, far.first, far.bucket, far.nonfinite) == (
                    near.term, near.first, near.bucket, near.nonfinite)  # fmt: skip
                assert far.mean == pytest.approx(near.mean, rel=1e-6, nan_ok=True)
                assert far.last == pytest.approx(near.last, rel=1e-6, nan_ok=True)
                link.read()
                assert repr(link.series(*curve)) == repr(far)

    def test_an_absurd_curve_is_refused_and_the_rest_goes_on(self, sshd: Sshd, tmp_path: Path) -> None:
        with linked(finished(tmp_path)) as link:
            for lo, width in ((0, 0), (0, 10**9), (2**60, 10)):
                with pytest.raises(LinkError):
                    link.series("stft_loss", lo, None, width)
            assert link.read()

    def test_a_large_file_comes_whole_and_holds_up_nobody(self, sshd: Sshd, tmp_path: Path) -> None:
        folder = finished(tmp_path)
        sound = random.Random(1).randbytes(3 * 2**20 + 17)
        atomic_write(folder.previews / "long.wav", sound)
        atomic_write(folder.previews / "empty.wav", b"")
        with linked(folder) as link:
            assert link.fetch("previews/long.wav") == sound
            assert link.fetch("previews/empty.wav") == b""

    def test_a_note_beyond_all_measure_is_refused_here(self, live: RunFolder) -> None:
        with linked(live) as link:
            with pytest.raises(LinkError, match="too long to be sent"):
                link.send(Mark("x" * 2**20))
            assert link.send(Preview())


class TestFoldersOfRuns:
    def test_they_are_listed_the_latest_first(self, sshd: Sshd, tmp_path: Path) -> None:
        for name in ("bells", "new\nline"):
            finished(tmp_path, name)
        found = remote_runs(HOST, str(tmp_path))
        assert (found.host, found.folder) == (HOST, str(tmp_path))
        assert [(run.name, run.status, run.step) for run in found.runs] == [
            ("new\nline", "finished", 100), ("bells", "finished", 100)]  # fmt: skip
        assert found.runs[1].path == tmp_path / "bells"

    def test_a_folder_of_runs_is_not_a_run(self, sshd: Sshd, tmp_path: Path) -> None:
        finished(tmp_path)
        with pytest.raises(FolderOfRunsError):
            SshLink(HOST, str(tmp_path))


class TestWatch:
    """`distill-tui watch HOST:PATH`, without a terminal."""

    @pytest.fixture
    def watch(self, sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
        finished(tmp_path)
        runs = shlex.quote(str(tmp_path))
        monkeypatch.setenv("DISTILL_REMOTE", f"DISTILL_RUNS={runs} {sshd.environ['DISTILL_REMOTE']}")
        monkeypatch.chdir(tmp_path)

        def run(target: str) -> str:
            done = subprocess.run(
                [*SERVE.split(), "watch", target], capture_output=True, text=True, timeout=60, check=False
            )
            return done.stdout if not done.returncode else f"{done.returncode}: {done.stderr}"

        return run

    @pytest.mark.parametrize("target", [f"{HOST}:bells", f"{HOST}:{{}}/bells"])
    def test_a_run_is_told(self, watch: Callable[[str], str], tmp_path: Path, target: str) -> None:
        told = watch(target.format(tmp_path))
        assert f"{HOST}:{tmp_path}/bells" in told
        assert "finished" in told

    @pytest.mark.parametrize("target", [f"{HOST}:", f"{HOST}:{{}}"])
    def test_the_runs_of_a_host_are_listed(self, watch: Callable[[str], str], tmp_path: Path, target: str) -> None:
        told = watch(target.format(tmp_path))
        assert any("bells" in line and "finished" in line for line in told.splitlines())
        assert told.splitlines()[-1] == f"distill-tui watch {HOST}:{tmp_path}/bells"

    def test_what_cannot_be_watched_is_one_line_and_bad_usage(self, watch: Callable[[str], str]) -> None:
        told = watch(f"{HOST}:bels")
        assert told.startswith("2: distill-tui: box: bels: no such run folder, nor a run in /")
        assert told.endswith("; did you mean bells?\n")
        assert told.count("\n") == 1
