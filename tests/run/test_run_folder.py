"""Run folders: safe names, one trainer at a time, whole files, and a list that no broken run can spoil."""

import fcntl
import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import fake_trainer
import pytest
from fake_trainer import FakeTrainer, epoch_metrics, started, step_metrics, wait_until
from hypothesis import given, settings
from hypothesis import strategies as st

from core.run.commands import Stop
from core.run.events import PhaseChanged, TrainingCompleteEvent
from core.run.folder import (
    RunBusyError,
    RunFolder,
    RunFolderError,
    atomic_file,
    atomic_write,
    default_runs_dir,
    list_runs,
)
from core.run.reader import RunReader
from core.run.store import RunWriter


class TestMaking:
    def test_a_name_that_is_taken_gets_a_number(self, tmp_path: Path) -> None:
        names = [RunFolder.create(tmp_path / "runs", "bells").name for _ in range(11)]
        assert names[:3] == ["bells", "bells-02", "bells-03"]
        assert names[-1] == "bells-11"

    def test_many_processes_never_share_one(self, tmp_path: Path) -> None:
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            names = pool.starmap(_create, [(tmp_path, "bells")] * 20)
        assert len(set(names)) == 20

    @settings(deadline=None)
    @given(name=st.text(max_size=100))
    def test_any_name_makes_a_folder_within_the_runs(self, tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
        runs = tmp_path_factory.mktemp("runs")
        folder = RunFolder.create(runs, name)
        assert folder.path.parent == runs
        assert folder.checkpoints.is_dir()
        assert folder.previews.is_dir()
        assert not folder.name.startswith(("-", "."))
        assert folder.name.isprintable()

    def test_a_place_that_cannot_be_used_is_told_in_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(RunFolderError, match="no run folder can be made there") as caught:
            RunFolder.create(tmp_path / "file", "bells")
        assert "\n" not in str(caught.value)

    def test_it_opens_with_a_config_or_a_store(self, tmp_path: Path) -> None:
        folder = RunFolder.create(tmp_path, "bells")
        with pytest.raises(RunFolderError, match="not a run folder"):
            RunFolder.open(folder.path)
        folder.config_path.touch()
        assert RunFolder.open(folder.path) == folder
        with pytest.raises(RunFolderError, match="no such folder"):
            RunFolder.open(tmp_path / "nowhere")

    def test_a_broken_config_is_told_in_one_line(self, tmp_path: Path) -> None:
        folder = RunFolder.create(tmp_path, "bells")
        assert folder.config() == {}
        folder.config_path.write_text("steps = ")
        with pytest.raises(RunFolderError, match=r"config\.toml: cannot be read"):
            folder.config()

    def test_the_runs_folder_can_be_chosen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DISTILL_RUNS", raising=False)
        assert default_runs_dir() == Path("runs")
        monkeypatch.setenv("DISTILL_RUNS", "~/all my runs")
        assert default_runs_dir() == Path.home() / "all my runs"


def _create(runs: Path, name: str) -> str:
    return RunFolder.create(runs, name).name


class TestLock:
    def test_one_trainer_at_a_time(self, tmp_path: Path) -> None:
        folder = RunFolder.create(tmp_path, "bells")
        assert not folder.is_live()
        assert folder.holder() is None
        with folder.lock():
            assert folder.is_live()
            pid, host = folder.holder() or (0, "")
            assert pid == os.getpid()
            with pytest.raises(RunBusyError, match=f"process {pid} on {host}") as caught, folder.lock():
                pass
            assert (caught.value.pid, caught.value.host) == (pid, host)
            assert folder.is_live(), "the second one's failure takes nothing from the first"
        assert not folder.is_live()
        with folder.lock():
            pass

    def test_a_killed_trainer_lets_go(self, tmp_path: Path) -> None:
        folder = RunFolder.create(tmp_path, "bells")
        process = subprocess.Popen([sys.executable, fake_trainer.__file__, str(folder.path)])
        wait_until(folder.is_live)
        assert wait_until(folder.holder)[0] == process.pid
        process.kill()
        process.wait()
        assert not folder.is_live()
        with folder.lock():
            pass

    def test_watching_never_keeps_a_trainer_from_starting(self, tmp_path: Path) -> None:
        """Whoever looks whether the run is live holds the lock for a moment, here for a long one."""
        folder = RunFolder.create(tmp_path, "bells")
        with folder.lock():
            pass
        with folder.lock_path.open() as probe:
            fcntl.flock(probe, fcntl.LOCK_SH)
            assert not folder.is_live(), "two who look do not take each other for a trainer"
            threading.Timer(0.2, fcntl.flock, [probe, fcntl.LOCK_UN]).start()
            with folder.lock():
                assert folder.is_live()

    def test_the_trainer_sweeps_up_what_a_killed_one_left(self, tmp_path: Path) -> None:
        folder = RunFolder.create(tmp_path, "bells")
        with atomic_file(folder.checkpoints / "a.pt") as file:
            left = Path(file.name.replace("a.pt", "b.pt"))
            left.write_bytes(b"half")
        (folder.checkpoints / "mine.part").touch()
        with folder.lock():
            assert not left.exists()
        assert sorted(p.name for p in folder.checkpoints.iterdir()) == ["a.pt", "mine.part"]


class TestAtomicWrite:
    def test_it_replaces_the_whole_file(self, tmp_path: Path) -> None:
        path = tmp_path / "best.pt"
        for content in (b"old and long", b"new", memoryview(b"view")):
            atomic_write(path, content)
            assert path.read_bytes() == content
        assert list(tmp_path.iterdir()) == [path]

    def test_a_failure_leaves_the_old_file_and_nothing_else(self, tmp_path: Path) -> None:
        path = tmp_path / "best.pt"
        path.write_bytes(b"old")
        with pytest.raises(TypeError), atomic_file(path) as file:
            file.writelines([b"half of the n", None])  # type: ignore[list-item]
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_readers_see_the_old_or_the_new(self, tmp_path: Path) -> None:
        path = tmp_path / "config.toml"
        atomic_write(path, bytes(100_000))
        with atomic_file(path) as file:
            file.write(b"x" * 100_000)
            file.flush()
            assert path.read_bytes() == bytes(100_000)
        assert path.read_bytes() == b"x" * 100_000

    def test_others_may_read_what_the_umask_lets_them(self, tmp_path: Path) -> None:
        umask = os.umask(0o022)
        try:
            atomic_write(tmp_path / "a", b"")
        finally:
            os.umask(umask)
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644


class TestListing:
    def finished(self, runs: Path, name: str, steps: int = 20) -> RunFolder:
        folder = RunFolder.create(runs, name)
        folder.config_path.write_text('recipe = "audio"\n[data]\npath = "~/my sounds"\n')
        writer = RunWriter(folder.store_path)
        writer.begin(started())
        for step in range(1, steps + 1):
            writer.step(step_metrics(step))
            if step % 10 == 0:
                writer.event(epoch_metrics(step))
        writer.event(TrainingCompleteEvent("finished", steps // 10, steps))
        writer.close()
        return folder

    def test_a_run_tells_its_main_facts(self, tmp_path: Path) -> None:
        folder = self.finished(tmp_path, "bells")
        (run,) = list_runs(tmp_path)
        assert (run.name, run.path, run.status, run.live) == ("bells", folder.path, "finished", False)
        assert (run.recipe, run.data, run.error) == ("audio", "~/my sounds", "")
        assert (run.step, run.epoch, run.total_epochs) == (20, 2, 100_000)
        assert (run.best_val_loss, run.best_epoch) == (0.1, 2)
        assert abs(run.updated - time.time()) < 60

    def test_the_latest_comes_first(self, tmp_path: Path) -> None:
        for name in "bac":
            self.finished(tmp_path, name)
        assert [run.name for run in list_runs(tmp_path)] == ["c", "a", "b"]

    def test_a_live_run_and_one_that_was_killed(self, tmp_path: Path) -> None:
        folder = RunFolder.create(tmp_path, "live")
        trainer = FakeTrainer(folder)
        trainer.start()
        run = wait_until(lambda: (runs := list_runs(tmp_path)) and runs[0].step and runs[0])
        assert (run.status, run.live) == ("training", True)
        RunReader(folder.store_path).send(Stop())
        trainer.join()
        assert list_runs(tmp_path)[0].status == "cancelled"

        killed = RunFolder.create(tmp_path, "killed")
        process = subprocess.Popen([sys.executable, fake_trainer.__file__, str(killed.path)])
        wait_until(lambda: list_runs(tmp_path)[0].name == "killed" and list_runs(tmp_path)[0].step)
        process.kill()
        process.wait()
        run = list_runs(tmp_path)[0]
        assert (run.name, run.status, run.live) == ("killed", "interrupted", False)

    def test_one_that_was_killed_while_it_loaded(self, tmp_path: Path) -> None:
        folder = self.finished(tmp_path, "bells")
        writer = RunWriter(folder.store_path)
        writer.event(PhaseChanged("loading"))
        writer.close()
        assert list_runs(tmp_path)[0].status == "interrupted"
        with folder.lock():
            assert list_runs(tmp_path)[0].status == "loading"

    def test_a_resume_counts_only_what_is_on_its_path(self, tmp_path: Path) -> None:
        folder = self.finished(tmp_path, "bells")
        writer = RunWriter(folder.store_path)
        writer.begin(started(1, start_step=15))
        writer.event(TrainingCompleteEvent("cancelled", 1, 15))
        writer.close()
        (run,) = list_runs(tmp_path)
        assert (run.status, run.step, run.best_epoch) == ("cancelled", 15, 1)

    def test_no_run_spoils_the_list(self, tmp_path: Path) -> None:
        self.finished(tmp_path, "good")
        corrupt, cut, newer, config, fresh = (RunFolder.create(tmp_path, n) for n in
                                              ("corrupt", "cut", "newer", "config", "fresh"))  # fmt: skip
        corrupt.store_path.write_bytes(b"no database" * 100)
        RunWriter(cut.store_path).close()
        os.truncate(cut.store_path, 5000)
        RunWriter(newer.store_path).close()
        with sqlite3.connect(newer.store_path) as connection:
            connection.execute("UPDATE meta SET value = '99.0'")
        config.config_path.write_bytes(b"\xff\xfe not toml")
        fresh.config_path.write_text('recipe = "audio"\ndata = 3\n')
        RunFolder.create(tmp_path, "not begun")
        (tmp_path / "holiday pictures").mkdir()
        (tmp_path / "a file").touch()
        (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
        runs = {run.name: run for run in list_runs(tmp_path)}
        assert set(runs) == {"good", "corrupt", "cut", "newer", "config", "fresh"}
        assert {name for name, run in runs.items() if run.status == "broken"} == {"corrupt", "cut", "newer", "config"}
        assert all(bool(run.error) == (run.status == "broken") and "\n" not in run.error for run in runs.values())
        assert runs["fresh"].status == "waiting"

    def test_no_runs_yet(self, tmp_path: Path) -> None:
        assert list_runs(tmp_path / "nowhere") == []
        assert list_runs(tmp_path) == []
