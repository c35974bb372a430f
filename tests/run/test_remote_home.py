"""The runs of another host on the home screen: over one line that comes back. Over a real sshd on loopback."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from fake_trainer import wait_until
from ssh_runs import finished
from sshd import HOST, SERVE, Sshd
from textual.widgets import Input

from core.run.folder import RunFolder
from core.run.link import LinkError
from core.run.remote_runs import HostRuns, RunThereError
from core.run.remote_target import Remote
from distill_tui import run_source
from distill_tui.app import DistillApp
from distill_tui.run_source import HostSource, find_source
from distill_tui.screens import sourced
from distill_tui.session import Home
from tests.studio.test_home_screen import until
from tests.tui.terminals import tmux_at

ODD = ("two words", "qu'o\"te\\'s", "-dash", "new\nline", "es\x1b[2Jc", "$HOME `id` $(id)", "[b]markup", "per%20cent")


def ssh_of_this_process() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.name() == "ssh"]


@contextmanager
def runs_of(path: Path | str) -> Iterator[HostRuns]:
    runs = HostRuns(Remote(HOST, str(path)))
    try:
        yield runs
    finally:
        runs.close()
        wait_until(lambda: not ssh_of_this_process(), 5)


class TestTheLine:
    def test_is_kept_and_comes_back_by_itself(self, sshd: Sshd, tmp_path: Path) -> None:
        finished(tmp_path)
        with runs_of(tmp_path) as runs:
            assert runs.trouble == "reaching box through ssh ..."
            assert [run.name for run in runs.read()] == ["bells"]
            assert (runs.folder, runs.trouble) == (str(tmp_path), "")
            first = ssh_of_this_process()
            finished(tmp_path, "drums")
            assert {run.name for run in runs.read()} == {"bells", "drums"}
            assert ssh_of_this_process() == first
            first[0].kill()
            assert len(runs.read()) == 2, "a line that died while nobody looked is no trouble"
            assert (len(ssh_of_this_process()), runs.failures) == (1, 0)

    def test_a_host_that_is_away_is_told_until_it_is_back(self, sshd: Sshd, tmp_path: Path) -> None:
        finished(tmp_path)
        with runs_of(tmp_path) as runs:
            runs.read()
            sshd.stop()
            try:
                ssh_of_this_process()[0].kill()
                for failures in (1, 2):
                    with pytest.raises(LinkError, match="Connection refused"):
                        runs.read()
                    assert runs.failures == failures
                assert runs.trouble.startswith("reconnecting to box: cannot be reached (")
            finally:
                sshd.start_again()
            assert [run.name for run in runs.read()] == ["bells"]
            assert (runs.trouble, runs.failures) == ("", 0)

    def test_a_frozen_one_is_replaced(self, sshd: Sshd, tmp_path: Path) -> None:
        finished(tmp_path)
        with runs_of(tmp_path) as runs:
            runs.read()
            frozen = ssh_of_this_process()[0]
            frozen.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            reading = threading.Thread(target=runs.read)
            reading.start()
            wait_until(lambda: runs.trouble == "waiting for box ...", 3)
            reading.join(8)
            assert time.monotonic() - began < 8
            assert runs.trouble == ""
            assert frozen not in ssh_of_this_process()

    def test_what_is_a_run_says_so(self, sshd: Sshd, tmp_path: Path) -> None:
        with runs_of(finished(tmp_path).path) as runs, pytest.raises(RunThereError):
            runs.read()

    def test_leaving_does_not_wait_for_a_host_that_says_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DISTILL_SSH", f"{sys.executable} -c 'import time; time.sleep(60)'")
        runs = HostRuns(Remote(HOST, ""))
        failed: list[LinkError] = []

        def read() -> None:
            try:
                runs.read()
            except LinkError as error:
                failed.append(error)

        reading = threading.Thread(target=read)
        reading.start()
        time.sleep(0.3)
        runs.close()
        reading.join(2)
        assert failed
        with pytest.raises(LinkError):
            runs.read()


async def test_the_runs_of_a_host_are_shown_and_watched(sshd: Sshd, live: RunFolder) -> None:
    runs = live.path.parent
    for name in ODD:
        finished(runs, name)
    app = DistillApp(Home(HostSource(Remote(HOST, str(runs)))), remember_theme=False)  # type: ignore[arg-type]

    def seen() -> str:
        return "\n".join(strip.text for strip in app.screen._compositor.render_strips())

    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "reaching box through ssh ..." in seen() or "1 live" in seen())
        await until(pilot, lambda: f"runs in {HOST}:{runs}" in seen() and "9 runs" in seen())
        assert "● training" in seen()
        assert "\x1b" not in seen()
        for name in ("bells", "qu'o\"te\\'s", "new\nline"):
            home = app.screen
            home.query_one("#home-rows").select(str(runs / name))  # type: ignore[attr-defined]
            await pilot.press("enter")
            await until(pilot, lambda: app.dashboard and app.dashboard.snapshot.info)
            assert app.dashboard is not None
            assert app.dashboard.snapshot.info is not None
            assert app.dashboard.snapshot.info.location == f"{HOST}:{runs / name}"
            await pilot.press("escape")
            await until(pilot, lambda home=home: app.screen is home)  # type: ignore[misc]
    wait_until(lambda: not ssh_of_this_process(), 5)


async def test_a_dropped_line_is_said_and_comes_back(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOST_SECONDS", "FIRST_RETRY_SECONDS", "LAST_RETRY_SECONDS"):
        monkeypatch.setattr(run_source, name, 0.3)
    monkeypatch.setattr(sourced, "TICK_SECONDS", 0.1)
    finished(tmp_path)
    app = DistillApp(Home(HostSource(Remote(HOST, str(tmp_path)))), remember_theme=False)  # type: ignore[arg-type]

    def seen() -> str:
        return "\n".join(strip.text for strip in app.screen._compositor.render_strips())

    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "1 run" in seen())
        sshd.stop()
        try:
            ssh_of_this_process()[0].kill()
            await until(pilot, lambda: "▲ reconnecting to box: cannot be reached" in seen())
            assert "bells" in seen()
        finally:
            sshd.start_again()
        finished(tmp_path, "drums")
        await until(pilot, lambda: "2 runs" in seen() and "reconnecting" not in seen())


async def test_from_this_machine_to_a_host_and_back(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(tmp_path / "there", "far")
    finished(tmp_path / "here", "near")
    monkeypatch.setenv("DISTILL_REMOTE", f"DISTILL_RUNS={tmp_path / 'there'} {sshd.environ['DISTILL_REMOTE']}")
    app = DistillApp(Home(tmp_path / "here"), remember_theme=False)

    def seen() -> str:
        return "\n".join(strip.text for strip in app.screen._compositor.render_strips())

    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: "near" in seen())
        for typed, found in ((f"{HOST}:", "far"), ("", "near")):
            await pilot.press("w")
            await until(pilot, lambda: isinstance(app.focused, Input))
            if typed:
                app.focused.value = typed  # type: ignore[union-attr]
            await pilot.press("enter")
            await until(pilot, lambda found=found: found in seen())  # type: ignore[misc]
        assert "n new run" in seen()


def test_what_is_typed_is_a_run_a_folder_or_a_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished(tmp_path / "a:b", "bells")
    monkeypatch.chdir(tmp_path)
    assert find_source(str(run.path), tmp_path) == run.path
    assert find_source("a:b", tmp_path / "runs").keeps, "what lies here under that name is meant"
    there = find_source("me@box:my runs", tmp_path / "runs")
    assert not there.keeps
    assert there.where == "me@box:my runs"
    assert there.refusal.endswith("ssh -t me@box distill-tui")


@pytest.mark.parametrize("path", ["", "{}/there"])
def test_on_a_terminal_watch_shows_the_home_screen_of_the_host(sshd: Sshd, tmp_path: Path, path: str) -> None:
    finished(tmp_path / "there", "far")
    (tmp_path / "here").mkdir()
    remote = f"DISTILL_RUNS={tmp_path / 'there'} {sshd.environ['DISTILL_REMOTE']}"
    environ = {"DISTILL_SSH": sshd.environ["DISTILL_SSH"], "DISTILL_REMOTE": remote}
    tmux = tmux_at(tmp_path / "tmux")
    try:
        tmux.start([*SERVE.split(), "watch", f"{HOST}:{path.format(tmp_path)}"], tmp_path / "here", (80, 24), environ)
        screen = tmux.wait_for("far", "1 run", "enter open")
        assert "n new run" not in screen
        tmux.keys("q")
        tmux.wait_for("status=0")
    finally:
        tmux.kill()
