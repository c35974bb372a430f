"""The store keeps what it was given, takes trouble with the disk calmly, and never carries out a stale command."""

import math
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_trainer import epoch_metrics, started, step_metrics, wait_until

from core.run import store
from core.run.commands import Mark, Numbered, Save, Stop
from core.run.events import CommandAnswered, NoteAdded, RunStarted, StepMetrics
from core.run.link import LinkError
from core.run.reader import RunReader
from core.run.schema import transaction
from core.run.store import RunWriter, StoreError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "50% done? #1.sqlite"  # what an address would trip over


@pytest.fixture
def writer(path: Path) -> Iterator[RunWriter]:
    writer = RunWriter(path)
    yield writer
    writer.close()


@pytest.fixture
def reader(path: Path) -> Iterator[RunReader]:
    reader = RunReader(path)
    yield reader
    reader.close()


def test_events_come_back_in_order_with_number_and_time(writer: RunWriter, reader: RunReader) -> None:
    before = time.time()
    said = [NoteAdded(i, str(i)) for i in range(50)]
    assert [writer.event(event) for event in said] == list(range(1, 51))
    stored = reader.read()
    assert [s.event for s in stored] == said
    assert [s.seq for s in stored] == list(range(1, 51))
    assert before <= stored[0].time <= stored[-1].time <= time.time()
    assert reader.read(48) == stored[48:]


def test_a_step_is_seen_within_half_a_second_without_any_further_call(writer: RunWriter, reader: RunReader) -> None:
    """The trainer may be busy for minutes after a step: with validation, or with one slow step."""
    writer.begin(started())
    writer.step(step_metrics(1))
    seen = wait_until(lambda: [s for s in reader.read(1) if isinstance(s.event, StepMetrics)], 0.5)
    assert seen[0].event.step == 1


def test_the_newest_step_is_told_once(writer: RunWriter, reader: RunReader) -> None:
    writer.begin(started())
    writer.step(step_metrics(1))
    writer.flush()
    told = reader.read()
    assert [type(s.event) for s in told] == [RunStarted, StepMetrics]
    assert told[-1].seq == told[0].seq == 1
    assert reader.read(1) == []
    writer.step(step_metrics(2))
    writer.flush()
    assert [s.event.step for s in reader.read(1)] == [2]
    assert [s.event.step for s in reader.read()[1:]] == [2], "who reads from the start gets everything"


def test_a_reader_that_comes_first_waits(path: Path, reader: RunReader) -> None:
    assert reader.read() == []
    path.touch()
    assert reader.read() == []
    writer = RunWriter(path)
    writer.event(NoteAdded(1, "here"))
    assert [s.event for s in reader.read()] == [NoteAdded(1, "here")]
    writer.close()


def test_a_reader_cannot_write(writer: RunWriter, reader: RunReader) -> None:
    reader.read()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._connection.execute("DELETE FROM events")  # type: ignore[union-attr]


def test_a_closed_store_reads_and_goes_on_where_it_ended(path: Path, reader: RunReader) -> None:
    for session in range(3):
        writer = RunWriter(path)
        assert writer.next_session == session
        assert writer.begin(started(session)) == session + 1
        writer.close()
        writer.close()
    assert [s.event.session for s in reader.read()] == [0, 1, 2]


def test_wrong_use_is_told_at_once(writer: RunWriter) -> None:
    with pytest.raises(RuntimeError, match="begin comes before"):
        writer.step(step_metrics(1))
    with pytest.raises(ValueError, match="expects 0"):
        writer.begin(started(1))
    writer.begin(started(0, start_step=10))
    with pytest.raises(ValueError, match="step 10 comes after step 10"):
        writer.step(step_metrics(10))
    writer.close()
    with pytest.raises(RuntimeError, match="closed"):
        writer.event(NoteAdded(1, "too late"))


def test_several_threads_may_log(writer: RunWriter, reader: RunReader) -> None:
    def log(name: int) -> None:
        for i in range(50):
            writer.event(NoteAdded(i, str(name)))

    threads = [threading.Thread(target=log, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = reader.read()
    assert [s.seq for s in stored] == list(range(1, 201))
    for name in range(4):
        assert [s.event.step for s in stored if s.event.text == str(name)] == list(range(50)), "each in its own order"


class TestCommands:
    def test_each_comes_once_and_in_order(self, writer: RunWriter, reader: RunReader) -> None:
        sent = [reader.send(command) for command in (Save(), Mark("x"), Stop())]
        assert writer.commands(force=True) == [
            Numbered(number, command) for number, command in zip(sent, (Save(), Mark("x"), Stop()), strict=True)
        ]
        assert writer.commands(force=True) == []

    def test_one_is_seen_soon_without_force(self, writer: RunWriter, reader: RunReader) -> None:
        writer.commands()
        reader.send(Save())
        assert wait_until(writer.commands, 1.0)[0].command == Save()

    def test_looking_between_steps_costs_nothing(self, writer: RunWriter, reader: RunReader) -> None:
        """Two steps that follow at once share one look; were the machine to pause between them, they would not."""

        def is_passed_over() -> bool:
            writer.commands(force=True)
            reader.send(Save())
            return writer.commands() == []

        assert any(is_passed_over() for _ in range(50))

    def test_one_that_was_sent_to_a_dead_trainer_is_refused_not_carried_out(
        self, path: Path, reader: RunReader
    ) -> None:
        RunWriter(path).close()
        number = reader.send(Stop())
        writer = RunWriter(path)
        assert writer.commands(force=True) == []
        answer = reader.read()[-1].event
        assert isinstance(answer, CommandAnswered)
        assert (answer.id, answer.command, answer.done) == (number, "stop", False)
        writer.close()
        RunWriter(path).close()
        assert len(reader.read()) == 1, "refused once"

    def test_one_of_another_version_is_refused(self, path: Path, writer: RunWriter, reader: RunReader) -> None:
        other = sqlite3.connect(path)
        other.execute("INSERT INTO commands (time, kind, body) VALUES (0, 'fly', '{}')")
        other.commit()
        reader.send(Save())
        assert [numbered.command for numbered in writer.commands(force=True)] == [Save()]
        answer = reader.read()[-1].event
        assert isinstance(answer, CommandAnswered)
        assert (answer.command, answer.done) == ("fly", False)

    def test_a_store_that_is_not_there_takes_none(self, reader: RunReader) -> None:
        with pytest.raises(LinkError, match="cannot be left there"):
            reader.send(Save())


class TestTrouble:
    """Whatever the disk does, training goes on and nothing that was logged is lost."""

    def test_a_locked_store(self, path: Path, writer: RunWriter, reader: RunReader) -> None:
        writer.begin(started())
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for step in range(1, 100):
            writer.step(step_metrics(step))
            writer.event(NoteAdded(step, "kept"))
        assert "locked by another program" in str(writer.trouble)
        assert "99 events wait" in str(writer.trouble)
        assert len(reader.read()) == 1
        other.execute("ROLLBACK")
        wait_until(lambda: writer.trouble is None, 3.0)
        assert [s.event.step for s in reader.read(1)] == [*range(1, 100), 99]
        assert reader.series("stft_loss").highest_step == 99

    def test_closing_waits_for_a_lock_to_go(self, path: Path, writer: RunWriter, reader: RunReader) -> None:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        writer.event(NoteAdded(1, "last words"))
        threading.Timer(0.4, other.execute, ["ROLLBACK"]).start()
        writer.close()
        assert [s.event for s in reader.read()] == [NoteAdded(1, "last words")]

    def test_a_disk_that_does_not_answer(
        self, writer: RunWriter, reader: RunReader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As a network disk whose server is gone: the call neither fails nor comes back."""
        answers = threading.Event()
        answered: list[bool] = []

        @contextmanager
        def hanging(connection: sqlite3.Connection) -> Iterator[None]:
            answered.append(answers.wait(5))
            with transaction(connection):
                yield

        writer.begin(started())
        monkeypatch.setattr(store, "transaction", hanging)
        monkeypatch.setattr(store, "PATIENCE_S", 0.1)
        try:
            for step in range(1, 200):
                writer.step(step_metrics(step))
                writer.event(NoteAdded(step, "kept"))
            assert "does not answer" in str(writer.trouble)
            assert not answered, "training went on before the disk gave up"
        finally:
            answers.set()
        wait_until(lambda: len(reader.read(1)) == 200, 3.0)
        assert writer.trouble is None

    def test_flush_says_whether_it_worked(self, path: Path, writer: RunWriter) -> None:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        writer.event(NoteAdded(1, "x"))
        writer.flush()
        assert writer.trouble is not None
        other.execute("ROLLBACK")
        writer.flush()
        assert writer.trouble is None

    @pytest.mark.parametrize("how", ["tmpfs", "limit"])
    def test_a_full_disk(self, tmp_path: Path, how: str) -> None:
        """A real one: a file system of 1 MB, or a process that may not write larger files."""
        done = subprocess.run(_full_disk(tmp_path, how), capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 77:
            pytest.skip("this system allows no file system of one's own")
        assert done.returncode == 0, done.stderr


def _full_disk(folder: Path, how: str) -> list[str]:
    program = [sys.executable, __file__, str(folder), how]
    if how == "limit":
        return program
    if not shutil.which("unshare"):
        return ["sh", "-c", "exit 77"]
    mount = 'mount -t tmpfs -o size=1m none "$0" || exit 77; exec "$@"'
    return ["sh", "-c", 'unshare -rm true || exit 77; exec unshare -rm sh -c "$0" "$@"', mount, str(folder), *program]


def _fill_and_free(folder: Path, how: str) -> None:
    import resource

    writer, reader = RunWriter(folder / "run.sqlite"), RunReader(folder / "run.sqlite")
    writer.begin(started())
    if how == "limit":
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, unlimited[1]))
    else:
        (folder / "ballast").write_bytes(bytes(600 * 1024))
    slowest, step = 0.0, 0
    while writer.trouble is None or step % 500:
        step += 1
        began = time.perf_counter()
        writer.step(step_metrics(step))
        writer.event(NoteAdded(step, "x" * 200))
        slowest = max(slowest, time.perf_counter() - began)
        assert step < 20_000, "the disk is not full"
    trouble = str(writer.trouble)
    assert ("the disk is full" in trouble) if how == "tmpfs" else ("cannot be written" in trouble), trouble
    assert "\n" not in trouble
    assert slowest < 5.0, "training was held up"
    before = reader.read(1)
    assert [s.event.step for s in before[:-1]] == list(range(1, len(before))), "what can be read is whole"
    assert len(before) < step

    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        wait_until(lambda: writer.trouble is None, 5.0)
    else:
        with pytest.raises(LinkError, match="full"):
            reader.send(Mark("y" * 400_000))
        (folder / "ballast").unlink()
        wait_until(lambda: writer.trouble is None, 5.0)
    assert [s.event.step for s in reader.read(1) if isinstance(s.event, NoteAdded)] == list(range(1, step + 1))
    assert not math.isnan(reader.series("stft_loss", step, step + 1, 1).last[0])
    writer.close()


class TestForeignFiles:
    def test_a_newer_store_is_refused_in_one_line(self, path: Path, reader: RunReader) -> None:
        RunWriter(path).close()
        connection = sqlite3.connect(path)
        connection.execute("UPDATE meta SET value = '2.0'")
        connection.commit()
        with pytest.raises(StoreError, match="newer distill-tui"):
            RunWriter(path)
        with pytest.raises(LinkError, match="newer distill-tui"):
            reader.read()

    def test_a_store_of_a_newer_minor_version_is_read(self, path: Path, reader: RunReader) -> None:
        RunWriter(path).close()
        connection = sqlite3.connect(path)
        connection.execute("UPDATE meta SET value = '1.9'")
        connection.execute("ALTER TABLE sessions ADD COLUMN mood TEXT")
        connection.execute("INSERT INTO events VALUES (1, 0.0, 'a kind of tomorrow', '{}')")
        connection.commit()
        assert reader.read() == []
        writer = RunWriter(path)
        writer.begin(started())
        assert writer.trouble is None
        writer.close()

    @pytest.mark.parametrize("content", [b"not a database at all", b"SQLite format 3\0" + bytes(2000)])
    def test_another_file_is_refused_and_left_alone(self, path: Path, reader: RunReader, content: bytes) -> None:
        path.write_bytes(content)
        with pytest.raises(StoreError) as caught:
            RunWriter(path)
        assert "\n" not in str(caught.value)
        with pytest.raises(LinkError):
            reader.read()
        assert path.read_bytes() == content

    def test_another_programs_database_is_refused_and_left_alone(self, path: Path, reader: RunReader) -> None:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE songs (name TEXT)")
        connection.commit()
        connection.close()
        before = path.read_bytes()
        with pytest.raises(StoreError, match="not a run store"):
            RunWriter(path)
        with pytest.raises(LinkError, match="not a run store"):
            reader.read()
        assert path.read_bytes() == before

    def test_a_store_cut_short_is_told_in_one_line(self, path: Path, reader: RunReader) -> None:
        writer = RunWriter(path)
        writer.begin(started())
        for step in range(1, 3000):
            writer.step(step_metrics(step))
            if step % 10 == 0:
                writer.event(epoch_metrics(step))
        writer.close()
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 3)
        with pytest.raises(LinkError, match="cannot be read") as caught:
            reader.series("stft_loss")
        assert "\n" not in str(caught.value)

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="cannot be made"):
            RunWriter(tmp_path / "nowhere" / "run.sqlite")


class TestReadOnlyFolders:
    """A colleague's run, in a folder that one may read but not write to."""

    @pytest.mark.parametrize("end", ["closed", "killed", "live"])
    def test_it_can_be_read(self, end: str) -> None:
        with tempfile.TemporaryDirectory() as name:  # where also a person without rights can go
            process = subprocess.Popen([sys.executable, __file__, name, end], stdout=subprocess.PIPE)
            assert process.stdout is not None
            process.stdout.readline()
            if end == "killed":
                process.kill()
            if end != "live":
                process.wait()
            Path(name).chmod(0o555)
            try:
                subprocess.run([sys.executable, __file__, name, "read"], timeout=60, check=True)
            finally:
                Path(name).chmod(0o755)
                process.kill()
                process.communicate()


def _write_and(end: str, folder: Path) -> None:
    writer = RunWriter(folder / "run.sqlite")
    writer.begin(started())
    writer.step(step_metrics(1))
    writer.flush()
    if end == "closed":
        writer.close()
    print("ready", flush=True)  # noqa: T201
    if end != "closed":
        time.sleep(60)


def _read_without_rights(folder: Path) -> None:
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    assert not os.access(folder, os.W_OK)
    reader = RunReader(folder / "run.sqlite")
    assert [type(s.event) for s in reader.read()] == [RunStarted, StepMetrics]
    with pytest.raises(LinkError, match="cannot be left there"):
        reader.send(Save())


if __name__ == "__main__":
    folder, what = Path(sys.argv[1]), sys.argv[2]
    if what == "read":
        import core.run.buckets  # noqa: F401 - imported while the rights to read it are still there

        _read_without_rights(folder)
    elif what in ("tmpfs", "limit"):
        _fill_and_free(folder, what)
    else:
        _write_and(what, folder)
