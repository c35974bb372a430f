"""The line to another host: dropped, frozen, taken up again, closed. Over a real sshd on loopback."""

import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from fake_trainer import wait_until
from ssh_runs import Watcher, finished, linked
from sshd import HOST, Sshd

from core.run.commands import Mark, Save
from core.run.events import NoteAdded, StepMetrics, Stored
from core.run.folder import RunFolder
from core.run.link import LinkError
from core.run.links.folder import FolderLink
from core.run.links.ssh import SshLink

pytestmark = pytest.mark.usefixtures("sshd")


def all_ssh_of_this_process() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.name() == "ssh"]


def ssh_of_this_process() -> psutil.Process:
    return all_ssh_of_this_process()[0]


def servers_of(folder: RunFolder) -> list[psutil.Process]:
    """The processes that serve this run, and not the shells that started them."""
    found = []
    for process in psutil.process_iter(["cmdline", "name"]):
        words = process.info["cmdline"] or []
        if "serve" in words and str(folder.path) in words:
            found.append(process)
    return found


class TestADrop:
    def test_no_event_is_lost_and_none_comes_twice(self, live: RunFolder) -> None:
        with linked(live) as link:
            watcher = Watcher(link)
            watcher.goes_on()
            for _ in range(2):
                ssh_of_this_process().kill()
                watcher.goes_on()
            link.send(Mark("after it"))
            wait_until(lambda: any(isinstance(stored.event, NoteAdded) for stored in watcher.look().log))
            assert watcher.seen == list(range(1, watcher.state.seq + 1))

    def test_it_is_told_calmly_and_nothing_waits_for_it(self, live: RunFolder, sshd: Sshd) -> None:
        with linked(live) as link:
            watcher = Watcher(link)
            watcher.goes_on()
            config = link.info()
            known = link.series("stft_loss", 0, None, 64)
            sshd.stop()
            try:
                ssh_of_this_process().kill()
                second = wait_until(lambda: (t := link.trouble) and "(2nd try, next in" in t and t, 15)
                assert second.startswith("reconnecting to box (2nd try, next in ")
                assert second.endswith("Connection refused)")
                began = time.monotonic()
                assert link.read(watcher.state.seq) == []
                assert (link.info(), link.series("stft_loss", 0, None, 64)) == (config, known)
                for ask in (lambda: link.send(Save()), lambda: link.fetch("previews/a.wav"),
                            lambda: link.series("kl_loss", 0, None, 7)):  # fmt: skip
                    with pytest.raises(LinkError, match=r"^reconnecting to box"):
                        ask()
                assert time.monotonic() - began < 0.5
            finally:
                sshd.start_again()
            watcher.goes_on()
            assert watcher.seen == list(range(1, watcher.state.seq + 1))

    @pytest.mark.parametrize("which", ["ssh", "server"])
    def test_a_frozen_line_is_noticed_in_under_six_seconds(self, live: RunFolder, which: str) -> None:
        """One that is looked at all the time, and one of which nothing is asked."""
        with linked(live) as link, linked(live) as idle:
            watcher, idle_line = Watcher(link), idle._line
            watcher.goes_on()
            frozen = all_ssh_of_this_process() if which == "ssh" else servers_of(live)
            assert len(frozen) == 2
            for process in frozen:
                process.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            try:
                wait_until(lambda: [watcher.look(), link.trouble or ""][1].startswith("reconnecting"), 9)
                wait_until(lambda: idle.traffic and not idle_line.alive, 3)
                assert time.monotonic() - began < 6
                watcher.goes_on()
            finally:
                for process in frozen:
                    with suppress(psutil.NoSuchProcess):
                        process.send_signal(signal.SIGCONT)
            assert watcher.slowest < 3
            assert watcher.seen == list(range(1, watcher.state.seq + 1))

    def test_an_answer_that_comes_late_is_not_lost(self, sshd: Sshd, tmp_path: Path) -> None:
        folder = finished(tmp_path)
        with linked(folder) as link:
            (serving,) = servers_of(folder)
            serving.send_signal(signal.SIGSTOP)
            assert link.read() == []
            assert "box has not answered for 2 s" in str(link.trouble)
            began = time.monotonic()
            assert link.read() == []
            assert link.info().name == "bells"
            assert time.monotonic() - began < 0.5  # the first has waited for all
            serving.send_signal(signal.SIGCONT)
            stored: list[Stored] = wait_until(link.read)
            assert stored[-1].event == FolderLink(folder).read()[-1].event
            assert isinstance(stored[-1].event, StepMetrics)
            assert link.trouble is None

    def test_a_slow_host_is_waited_for(self, live: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
        program = """if True:
            import sys, time
            from pathlib import Path
            from core.run import remote_answers
            from core.run.folder import RunFolder
            from core.run.serve import serve
            read, pauses = remote_answers.FolderLink.read, [5]
            def slow(*given):
                time.sleep(pauses.pop() if pauses else 0)
                return read(*given)
            remote_answers.FolderLink.read = slow
            serve(lambda: RunFolder.open(Path(sys.argv[2])))"""
        monkeypatch.setenv("DISTILL_REMOTE", f"{sys.executable} -c {shlex.quote(program)}")
        with linked(live) as link:
            ssh = ssh_of_this_process()
            assert link.read() == []
            assert wait_until(link.read, 10)
            assert ssh == ssh_of_this_process()
            assert link.trouble is None

    def test_a_host_that_lets_in_but_tells_nothing_is_no_fresh_start(
        self, live: RunFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("core.run.links.ssh.STEADY_SECONDS", 0.1)
        program = """if True:
            import sys, time
            from pathlib import Path
            from core.run import remote_answers
            from core.run.folder import RunFolder
            from core.run.serve import serve
            remote_answers.FolderLink.read = lambda *given: time.sleep(60)
            serve(lambda: RunFolder.open(Path(sys.argv[2])))"""
        with linked(live) as link:
            assert link.read()
            monkeypatch.setenv("DISTILL_REMOTE", f"{sys.executable} -c {shlex.quote(program)}")
            for tries in (1, 2):
                ssh_of_this_process().kill()
                wait_until(lambda: link._tries >= tries and link.reachable)  # noqa: B023
                link.read()
                time.sleep(0.5)


class TestTheEnd:
    def test_closing_ends_ssh_and_the_server(self, live: RunFolder) -> None:
        link = SshLink(HOST, str(live.path))
        ssh = ssh_of_this_process()
        assert len(servers_of(live)) == 1
        link.close()
        assert not ssh.is_running()
        wait_until(lambda: not servers_of(live), 5)
        link.close()

    def test_a_monitor_that_was_killed_leaves_no_server_behind(self, live: RunFolder) -> None:
        program = f"""if True:
            import sys, time
            from core.run.links import open_link
            link = open_link({f"{HOST}:{live.path}"!r})
            print("reached", flush=True)
            time.sleep(60)"""
        monitor = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert monitor.stdout is not None
        assert monitor.stdout.readline() == b"reached\n"
        assert len(servers_of(live)) == 1
        monitor.kill()
        monitor.wait()
        monitor.stdout.close()
        wait_until(lambda: not servers_of(live), 5)
