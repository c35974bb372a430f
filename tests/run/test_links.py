"""What a watcher may rely on, whichever link leads to the run. Every link takes the same tests."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import fake_trainer
import pytest
from fake_trainer import FakeTrainer, wait_until
from sshd import HOST

from core.run.commands import Command, Mark, Preview, Save, Set, Stop
from core.run.events import CheckpointSaved, CommandAnswered, NoteAdded, PreviewEvent, RunStarted, Stored
from core.run.folder import RunFolder
from core.run.link import LinkError, RunLink
from core.run.links import FolderLink, ThreadLink, open_link
from core.run.links.ssh import SshLink
from core.run.state import RunState, fold
from core.run.store import RunWriter


@dataclass
class Watched:
    """A live run, seen through one kind of link."""

    link: RunLink
    folder: RunFolder
    state: RunState = field(default_factory=RunState)

    def look(self) -> RunState:
        self.state = fold(self.state, self.link.read(self.state.seq))
        return self.state

    def ask(self, command: Command) -> CommandAnswered:
        number = self.link.send(command)
        return wait_until(lambda: answer_to(number, self.look()))

    def ends(self) -> RunState:
        return wait_until(lambda: (state := self.look()).complete and not self.folder.is_live() and state)


def answer_to(number: int, state: RunState) -> CommandAnswered | None:
    events = (stored.event for stored in state.log)
    return next((e for e in events if isinstance(e, CommandAnswered) and e.id == number), None)


def process_trainer(folder: RunFolder) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, fake_trainer.__file__, str(folder.path)])


@pytest.fixture(params=["thread", "folder", "ssh"])
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    folder = RunFolder.create(tmp_path, "bells")
    folder.config_path.write_text('recipe = "audio"\n[data]\npath = "sounds"\n')
    link: RunLink
    if request.param == "thread":
        trainer = FakeTrainer(folder)
        link = ThreadLink(folder, trainer)
        trainer.start()
        finish = trainer.join
    else:
        if request.param == "ssh":  # first: it skips where there is no sshd
            request.getfixturevalue("sshd")
        process = process_trainer(folder)
        wait_until(folder.exists)
        link = open_link(f"{HOST}:{folder.path}" if request.param == "ssh" else str(folder.path))
        finish = lambda: process.wait(10)  # noqa: E731
    run = Watched(link, folder)
    wait_until(lambda: run.look().step)
    yield run
    if folder.is_live():
        link.send(Stop())
    finish()
    link.close()


def test_it_tells_what_is_watched(watched: Watched) -> None:
    info = watched.link.info()
    here, path = not isinstance(watched.link, SshLink), str(watched.folder.path)
    assert (info.name, info.live) == ("bells", True)
    assert (info.location, info.local_folder) == ((path, path) if here else (f"{HOST}:{path}", ""))
    assert info.config == {"recipe": "audio", "data": {"path": "sounds"}}
    assert watched.link.trouble is None


def test_the_steps_come_in_as_they_are_made(watched: Watched) -> None:
    first = watched.look().step
    assert first is not None
    later = wait_until(lambda: (s := watched.look().step) and s.step > first.step + 20 and s)
    assert later.terms["stft_loss"] == pytest.approx(1 / later.step, rel=1e-6)
    assert later.stft_loss == later.terms["stft_loss"]
    assert later.elapsed_s == pytest.approx(later.step * 0.005)


def test_reading_in_pieces_is_reading_at_once(watched: Watched) -> None:
    wait_until(lambda: len(watched.look().epochs) >= 5)
    watched.ask(Stop())
    pieces = watched.ends()
    assert fold(RunState(), watched.link.read()) == pieces
    assert watched.link.read(pieces.seq) == []


def test_reading_from_the_middle_gives_exactly_the_rest(watched: Watched) -> None:
    wait_until(lambda: len(watched.look().epochs) >= 3)
    everything = [stored.seq for stored in watched.link.read()]
    some = everything[len(everything) // 2]
    rest = [stored.seq for stored in watched.link.read(some)]
    assert min(rest) == some + 1
    assert set(rest) >= {seq for seq in everything if seq > some}


@pytest.mark.parametrize(
    ("command", "event"),
    [(Save(), CheckpointSaved), (Mark("here [b]it[/b] turns"), NoteAdded), (Preview(), PreviewEvent)],
)
def test_a_command_is_answered_with_its_number(watched: Watched, command: Command, event: type) -> None:
    answer = watched.ask(command)
    assert answer.done
    made = [stored.event for stored in watched.state.log if isinstance(stored.event, event)]
    assert len(made) == 1


def test_commands_are_answered_in_their_order_and_once_each(watched: Watched) -> None:
    numbers = [watched.link.send(Mark(str(i))) for i in range(20)]
    wait_until(lambda: answer_to(numbers[-1], watched.look()))
    notes = [s.event.text for s in watched.state.log if isinstance(s.event, NoteAdded)]
    assert notes == [str(i) for i in range(20)]


def test_a_value_that_json_has_not_still_gets_its_answer(watched: Watched) -> None:
    assert watched.ask(Set("learning_rate", float("nan"))).done
    assert watched.ask(Mark("caf\udce9")).done


def test_stop_ends_the_run(watched: Watched) -> None:
    assert watched.ask(Stop()).done
    state = watched.ends()
    assert state.status == "cancelled"
    assert watched.link.trouble is None
    assert not watched.link.info().live
    with pytest.raises(LinkError, match="distill-tui resume"):
        watched.link.send(Save())


def test_a_preview_comes_through_the_link(watched: Watched) -> None:
    watched.ask(Preview())
    assert watched.link.fetch(watched.state.previews[-1].audio_path) == fake_trainer.PREVIEW


@pytest.mark.parametrize(
    "artifact",
    ["", ".", "previews", "nowhere.wav", "../secret", "/etc/passwd", "previews/../../secret", "previews/link", "a\0b",
     "run.sqlite", "run.sqlite-wal", "previews/pipe"],
)  # fmt: skip
def test_nothing_but_the_runs_own_files_comes_through_the_link(watched: Watched, artifact: str) -> None:
    (watched.folder.path.parent / "secret").write_text("secret")
    (watched.folder.previews / "link").symlink_to(watched.folder.path.parent / "secret")
    os.mkfifo(watched.folder.previews / "pipe")
    with pytest.raises(LinkError, match="not a file of this run") as caught:
        watched.link.fetch(artifact)
    assert "\n" not in str(caught.value)


def test_a_file_beyond_all_measure_is_refused(watched: Watched) -> None:
    with (watched.folder.previews / "huge.wav").open("wb") as file:
        file.truncate(64 * 2**20 + 1)
    with pytest.raises(LinkError, match="larger than 64 MiB"):
        watched.link.fetch("previews/huge.wav")


def test_a_curve_holds_every_step(watched: Watched) -> None:
    wait_until(lambda: (s := watched.look().step) and s.step > 100)
    curve = watched.link.series("stft_loss", 0, 64, width=64)
    assert (curve.first, curve.bucket, curve.lowest_step) == (0, 1, 1)
    assert curve.last[1:] == pytest.approx([1 / step for step in range(1, 64)])
    assert curve.highest_step > 100
    assert watched.link.series("val/stft_loss", 0, 64, width=64).last[10] == pytest.approx(0.2)
    assert watched.link.series("nobody logged this").mean == ()


def test_many_threads_may_use_one_link(watched: Watched) -> None:
    def use(_: int) -> list[Stored]:
        watched.link.series("kl_loss")
        return watched.link.read()

    with ThreadPoolExecutor(4) as pool:
        for stored in pool.map(use, range(80)):
            assert isinstance(stored[1].event, RunStarted)


def test_two_watchers_agree(watched: Watched) -> None:
    other = FolderLink(watched.folder)
    number = other.send(Stop())
    state = watched.ends()
    assert answer_to(number, state)
    assert fold(RunState(), other.read()) == state
    other.close()


def test_a_killed_trainer_is_named_with_the_way_out(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "two words", "bells")
    process = process_trainer(folder)
    link = FolderLink(folder)
    wait_until(lambda: fold(RunState(), link.read()).step)
    assert link.trouble is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    trouble = link.trouble
    assert trouble is not None
    assert "the trainer is gone since " in trouble
    assert trouble.endswith(f"distill-tui resume '{folder.path}'")
    with pytest.raises(LinkError, match="no trainer is at work"):
        link.send(Save())


def test_a_run_that_has_not_begun_is_quiet(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "bells")
    link = FolderLink(folder)
    assert link.trouble is None
    assert link.read() == []
    assert link.series("stft_loss").mean == ()
    assert link.info().config == {}


def test_a_thread_that_still_imports_says_so(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "bells")

    class Starting:
        alive = True
        trouble = None

        def poke(self) -> None:
            raise AssertionError("nothing to look for")

    with pytest.raises(LinkError, match="still starting"):
        ThreadLink(folder, Starting()).send(Save())


def test_an_engine_of_this_process_is_told_to_look(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "bells")

    class Listening:
        alive = True
        trouble = "the disk is full"
        pokes = 0

        def poke(self) -> None:
            self.pokes += 1

    engine = Listening()
    link = ThreadLink(folder, engine)
    assert link.trouble == "the disk is full"
    with folder.lock():
        writer = RunWriter(folder.store_path)
        link.send(Save())
        assert engine.pokes == 1
        assert len(writer.commands(force=True)) == 1
        writer.close()


class TestOpening:
    def test_a_run_folder_opens(self, tmp_path: Path) -> None:
        folder = RunFolder.create(tmp_path, "bells")
        folder.config_path.touch()
        assert open_link(str(folder.path)).info().name == "bells"

    def test_another_folder_is_refused_in_one_line(self, tmp_path: Path) -> None:
        with pytest.raises(LinkError, match=r"config.toml and run.sqlite") as caught:
            open_link(str(tmp_path))
        assert "\n" not in str(caught.value)

    def test_a_missing_folder_is_refused_in_one_line(self, tmp_path: Path) -> None:
        with pytest.raises(LinkError, match="no such folder"):
            open_link(str(tmp_path / "nowhere"))

    def test_a_host_that_ssh_would_take_for_an_option_is_refused(self) -> None:
        with pytest.raises(LinkError, match=r"^-oProxyCommand=touch x: a host cannot begin with a dash"):
            open_link("-oProxyCommand=touch x:/data/runs/bells")

    def test_a_folder_with_a_colon_in_its_name_is_a_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("12:30").mkdir()
        Path("12:30/config.toml").touch()
        assert open_link("12:30").info().name == "12:30"


def test_a_folder_that_is_gone_is_told_and_its_config_stays(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "bells")
    folder.config_path.write_text('recipe = "audio"\n')
    link = FolderLink(folder)
    assert link.info().config == {"recipe": "audio"}
    shutil.move(folder.path, tmp_path / "away")
    assert link.trouble == f"{folder.path}: is out of sight; what is shown is what was read last"
    assert link.info().config == {"recipe": "audio"}
    shutil.move(tmp_path / "away", folder.path)
    assert link.trouble is None
    link.close()


def test_a_trainer_whose_folder_is_out_of_sight_for_a_while_is_not_gone(live: RunFolder, tmp_path: Path) -> None:
    link = FolderLink(live)
    run = Watched(link, live)
    wait_until(lambda: run.look().step)
    assert link.info().live
    shutil.move(live.path, tmp_path / "away")
    assert link.info().live
    assert "is out of sight" in (link.trouble or "")
    with pytest.raises(LinkError, match="is out of sight"):
        link.send(Save())
    shutil.move(tmp_path / "away", live.path)
    assert link.trouble is None
    assert link.info().live
    step = run.state.step
    assert step is not None
    wait_until(lambda: (now := run.look().step) and now.step > step.step)
    link.close()
