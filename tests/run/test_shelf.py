"""Archive, notes, baseline and deletion: small files, nothing moved, and nothing deleted that is not the run's."""

import os
import time
from pathlib import Path

import pytest
from fake_trainer import epoch_metrics, started, step_metrics

from core.errors import UsageError
from core.run import folder as folder_module
from core.run import shelf
from core.run.events import TrainingCompleteEvent
from core.run.folder import RunBusyError, RunFolder, RunList, list_runs
from core.run.store import RunWriter


def make(runs: Path, name: str) -> Path:
    folder = RunFolder.create(runs, name)
    folder.config_path.write_text('recipe = "audio"\n[loss.stft]\nweight = 2.0\n')
    (folder.checkpoints / "best.pt").write_bytes(bytes(5000))
    writer = RunWriter(folder.store_path)
    writer.begin(started())
    for step in range(1, 11):
        writer.step(step_metrics(step))
    writer.event(epoch_metrics(10))
    writer.event(TrainingCompleteEvent("finished", 1, 10))
    writer.close()
    return folder.path


class TestLabels:
    def test_archived_and_back(self, tmp_path: Path) -> None:
        path = make(tmp_path, "bells")
        shelf.archive(path)
        shelf.archive(path)
        assert list_runs(tmp_path)[0].archived
        shelf.bring_back(path)
        shelf.bring_back(path)
        assert not list_runs(tmp_path)[0].archived

    @pytest.mark.parametrize("text", ["warm bass", "[b]über[/b] \x1b[2J", "two\nlines", "x" * 4096])
    def test_a_note_is_kept_as_it_was_written(self, tmp_path: Path, text: str) -> None:
        path = make(tmp_path, "bells")
        shelf.set_note(path, f"  {text} ")
        assert shelf.note(path) == list_runs(tmp_path)[0].note == text

    def test_no_text_removes_the_note_and_too_much_is_told(self, tmp_path: Path) -> None:
        path = make(tmp_path, "bells")
        shelf.set_note(path, "keep")
        with pytest.raises(shelf.LabelError, match="at most 4,096"):
            shelf.set_note(path, "é" * 2049)
        assert shelf.note(path) == "keep"
        shelf.set_note(path, " ")
        assert shelf.note(path) == ""
        assert not (path / "note.txt").exists()

    def test_a_note_file_that_is_no_text_spoils_nothing(self, tmp_path: Path) -> None:
        path = make(tmp_path, "bells")
        (path / "note.txt").write_bytes(b"\xff\xfe" * 5000)
        assert 0 < len(list_runs(tmp_path)[0].note) <= 4096
        (path / "note.txt").unlink()
        os.mkfifo(path / "note.txt")
        assert list_runs(tmp_path)[0].note == ""

    def test_the_baseline_is_one_of_the_folder_and_may_vanish(self, tmp_path: Path) -> None:
        bells, drums = make(tmp_path, "bells"), make(tmp_path, "drums")
        assert shelf.baseline(tmp_path) is None
        shelf.set_baseline(tmp_path, bells)
        assert shelf.baseline(tmp_path) == bells
        assert {run.name: run.baseline for run in list_runs(tmp_path)} == {"bells": True, "drums": False}
        shelf.set_baseline(tmp_path, drums)
        bells.rename(tmp_path / "moved")
        drums.rename(tmp_path / "gone")
        assert shelf.baseline(tmp_path) is None
        assert not any(run.baseline for run in list_runs(tmp_path))
        shelf.set_baseline(tmp_path, None)
        with pytest.raises(shelf.LabelError, match="outside"):
            shelf.set_baseline(tmp_path / "moved", tmp_path / "gone")

    @pytest.mark.parametrize("content", [b"..\n", b"/etc\n", b"a/b", b"\xff", b"", b"x" * 5000, b"a\0b"])
    def test_a_baseline_file_cannot_point_elsewhere(self, tmp_path: Path, content: bytes) -> None:
        make(tmp_path, "bells")
        (tmp_path / ".baseline").write_bytes(content)
        assert shelf.baseline(tmp_path) is None
        assert len(list_runs(tmp_path)) == 1


class TestDeleting:
    def test_exactly_that_folder_goes(self, tmp_path: Path) -> None:
        runs, outside = tmp_path / "runs", tmp_path / "outside"
        bells, drums = make(runs, "bells"), make(runs, "drums")
        outside.mkdir()
        (outside / "mine.wav").touch()
        (bells / "previews" / "step-00000010-link").symlink_to(outside)
        shelf.set_note(bells, "a note")
        shelf.archive(bells)
        before = sorted(drums.rglob("*"))
        shelf.delete(bells)
        assert [entry.name for entry in runs.iterdir()] == ["drums"]
        assert sorted(drums.rglob("*")) == before
        assert (outside / "mine.wav").exists()

    def test_a_live_run_stays(self, tmp_path: Path) -> None:
        path = make(tmp_path, "bells")
        before = sorted(path.rglob("*"))
        with RunFolder(path).lock(), pytest.raises(RunBusyError):
            shelf.delete(path)
        assert sorted(set(path.rglob("*")) - {path / "run.lock"}) == before

    def test_what_is_no_run_stays(self, tmp_path: Path) -> None:
        path = make(tmp_path, "bells")
        (tmp_path / "link").symlink_to(path)
        (tmp_path / "site").mkdir()
        (tmp_path / "site" / "config.toml").touch()
        (tmp_path / "empty").mkdir()
        for name, words in (("link", "a link"), ("site", "not a run"), ("empty", "not a run"), ("none", "not a run")):
            with pytest.raises(shelf.ShelfError, match=words):
                shelf.delete(tmp_path / name)
        assert (path / "run.sqlite").exists()
        assert (tmp_path / "site" / "config.toml").exists()

    @pytest.mark.parametrize("place", ["previews", "checkpoints"])
    def test_nor_is_what_lies_among_the_previews(self, place: str, tmp_path: Path) -> None:
        path = make(tmp_path, "bells")
        (path / "previews" / "step-00000010-sample-fixed-1.wav").touch()
        (path / place / "mine.wav").touch()
        with pytest.raises(shelf.ShelfError, match=rf"not the run's own \({place}/mine.wav\)"):
            shelf.delete(path)
        (path / place / "mine.wav").unlink()
        shelf.delete(path)

    def test_what_a_person_put_there_is_not_deleted(self, tmp_path: Path) -> None:
        path = make(tmp_path, "bells")
        (path / "my mix.wav").touch()
        with pytest.raises(shelf.ShelfError, match=r"not the run's own \(my mix.wav\)"):
            shelf.delete(path)
        assert (path / "run.sqlite").exists()
        (path / "my mix.wav").unlink()
        shelf.delete(path)
        assert not path.exists()

    def test_a_broken_run_can_be_deleted(self, tmp_path: Path) -> None:
        path = make(tmp_path, "bells")
        (path / "run.sqlite").write_bytes(b"no database" * 100)
        assert list_runs(tmp_path)[0].status == "broken"
        shelf.delete(path)
        assert list_runs(tmp_path) == []

    def test_a_failure_half_way_says_what_is_left_and_can_be_repeated(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = make(tmp_path, "bells")

        def refuse(target: object, *rest: object, **options: object) -> None:
            raise PermissionError(13, "Permission denied", os.fspath(path / "checkpoints"))

        with monkeypatch.context() as patch:
            patch.setattr("shutil.rmtree", refuse)  # this test may run as root, whom no permission stops
            with pytest.raises(shelf.ShelfError, match=r"files are left .*checkpoints: Permission denied"):
                shelf.delete(path)
        assert list_runs(tmp_path)[0].name == "bells", "still a run, and listed"
        shelf.delete(path)
        assert not path.exists()

    def test_the_next_run_of_the_name_is_not_the_baseline(self, tmp_path: Path) -> None:
        shelf.set_baseline(tmp_path, make(tmp_path, "bells"))
        shelf.delete(tmp_path / "bells")
        make(tmp_path, "bells")
        assert shelf.baseline(tmp_path) is None

    def test_the_size_counts_every_file(self, tmp_path: Path) -> None:
        path = make(tmp_path, "bells")
        assert shelf.disk_bytes(path) == sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) > 5000


class TestReadingAgain:
    def settle(self, path: Path) -> None:
        for file in (path / "run.sqlite", path / "config.toml"):
            os.utime(file, (time.time() - 60, time.time() - 60))

    def test_a_run_that_is_as_it_was_is_not_read_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settle(make(tmp_path, "bells"))
        runs = RunList(tmp_path)
        first = runs.read()
        monkeypatch.setattr(folder_module, "RunReader", None)  # reading anew would fail
        assert runs.read() == first
        shelf.set_baseline(tmp_path, tmp_path / "bells")
        assert runs.read()[0].baseline

    def test_whatever_changes_is_seen(self, tmp_path: Path) -> None:
        path = make(tmp_path, "bells")
        self.settle(path)
        runs = RunList(tmp_path)
        assert runs.read()[0].config["loss"]["stft"]["weight"] == 2.0
        shelf.set_note(path, "louder")
        assert runs.read()[0].note == "louder"
        with RunFolder(path).lock():
            assert runs.read()[0].live
            writer = RunWriter(path / "run.sqlite")
            writer.begin(started(1, start_step=10))
            for step in range(11, 200):
                writer.step(step_metrics(step))
            writer.close()
            assert runs.read()[0].step == 199
        assert not runs.read()[0].live
        make(tmp_path, "drums")
        assert {run.name for run in runs.read()} == {"bells", "drums"}
        shelf.delete(path)
        assert [run.name for run in runs.read()] == ["drums"]

    def test_errors_are_ones_that_a_person_can_mend(self) -> None:
        assert issubclass(shelf.ShelfError, UsageError)
        assert issubclass(shelf.LabelError, UsageError)
