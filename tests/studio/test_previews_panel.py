"""The preview list on a screen: what is played, compared and said, with keys and mouse."""

import io
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hand_speaker import RATE, Bench
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

from core.run.events import PreviewEvent, TrainingCompleteEvent
from core.run.link import LinkError, RunInfo
from core.run.state import RunState
from distill_tui.app import STYLES
from distill_tui.hearing import Availability, no_device
from distill_tui.panels.previews import PreviewsPanel
from distill_tui.player import Player
from distill_tui.theme import Palette
from distill_tui.volume import Volume

INFO = RunInfo("bells", "/runs/my bells", {"preview": {"every": 5}}, True, "/runs/my bells")


def step(number: int, name: str = "bell") -> list[PreviewEvent]:
    """What one preview makes: original, reconstruction, sample."""

    def event(kind: str, path: str, pair: str, mrstft: float | None = None) -> PreviewEvent:
        return PreviewEvent(number // 10, path, RATE, number, kind, name, pair, 1.0, mrstft, (0.2, 1.0, 0.5))  # type: ignore[arg-type]

    pair = f"{number}:{name}"
    return [
        event("original", f"previews/original-{name}.wav", pair),
        event("reconstruction", f"previews/{number}-{name}.wav", pair, 1.42),
        event("sample", f"previews/{number}-sample.wav", ""),
    ]


class Files:
    """A session whose files are noise, each its own; `broken` ones cannot be had."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.broken: dict[str, str] = {}
        self.cut: set[str] = set()

    def samples(self, path: str) -> np.ndarray:
        seed = sum(path.encode())
        return np.random.default_rng(seed).integers(-9_000, 9_000, RATE).astype(np.int16)

    def fetch(self, path: str) -> bytes:
        assert threading.current_thread() is not threading.main_thread(), "fetched on the screen's thread"
        self.fetched.append(path)
        if path in self.broken:
            raise LinkError(self.broken[path])
        target = io.BytesIO()
        soundfile.write(target, self.samples(path), RATE, format="WAV", subtype="PCM_16")
        return target.getvalue()[: 1_000 if path in self.cut else None]


class Host(App[None]):
    """The panel alone, in its own style."""

    CSS_PATH = STYLES / "previews.tcss"

    def __init__(self, look: Availability = Availability(True)) -> None:  # noqa: B008 - frozen
        super().__init__()
        self.palette = Palette()
        self.session = Files()
        self.bench = Bench()
        self.look = look
        self.redrawn = 0

    def compose(self) -> ComposeResult:
        yield PreviewsPanel(Player(self.bench.open, lambda: self.look))

    @property
    def panel(self) -> PreviewsPanel:
        return self.query_one(PreviewsPanel)

    @property
    def notice(self) -> str:
        widget = self.panel.query_one("#preview-notice", Static)
        return str(widget.content) if widget.display else ""

    def action_redraw(self) -> None:
        self.redrawn += 1

    def give(self, *steps: int, **changes: str) -> None:
        previews = tuple(event for number in steps for event in step(number, **changes))
        self.panel.update_info(INFO)
        self.panel.update_state(RunState(previews=previews))

    def lines(self) -> list[str]:
        rows = self.panel.rows
        return [rows.render_line(y).text.rstrip() for y in range(rows.size.height)]


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    for _ in range(400):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it did not happen in 4 s")


async def playing(pilot: Pilot[None], host: Host) -> None:
    await until(pilot, lambda: host.panel._player.progress().state == "playing")


async def test_the_newest_come_first_and_are_selected_until_a_person_chooses() -> None:
    host = Host()
    async with host.run_test(size=(100, 20)) as pilot:
        host.give(10)
        await pilot.pause()
        host.give(10, 20)
        await pilot.pause()
        lines = host.lines()
        assert lines[0].split()[:2] == ["┃", "2"]
        assert [line.replace("┃", "").split()[1] for line in lines[:4]] == [
            "reconstruction", "original", "sample", "reconstruction"]  # fmt: skip


async def test_the_selection_keeps_its_preview_and_its_place_when_new_ones_come() -> None:
    host = Host()
    async with host.run_test(size=(100, 9)) as pilot:
        host.give(*range(10, 110, 10))
        host.panel.rows.focus()
        await pilot.press("j", "j", "down", "down", "k")
        chosen = host.panel.selected
        await pilot.pause()
        at = next(y for y, line in enumerate(host.lines()) if line.startswith("┃"))
        host.give(*range(10, 140, 10))
        await pilot.pause()
        assert host.panel.selected == chosen
        assert next(y for y, line in enumerate(host.lines()) if line.startswith("┃")) == at


async def test_play_is_heard_shown_and_stopped() -> None:
    host = Host()
    async with host.run_test(size=(130, 20)) as pilot:
        host.give(10)
        host.panel.play()
        await playing(pilot, host)
        heard = host.bench.speaker.pull(RATE // 2)
        assert np.array_equal(heard[:, 0], host.session.samples("previews/10-bell.wav")[: RATE // 2])
        await until(pilot, lambda: "▶" in host.lines()[0] and "0.5/1.0 s" in host.lines()[0])
        host.panel.play()
        assert host.panel._player.progress().state == "silent"
        await until(pilot, lambda: "▶" not in host.lines()[0])


async def test_the_end_of_a_sound_is_noticed_and_drawing_rests() -> None:
    host = Host()
    async with host.run_test(size=(130, 20)) as pilot:
        host.give(10)
        host.panel.play()
        await playing(pilot, host)
        host.bench.speaker.pull(RATE)
        await until(pilot, lambda: host.panel._playing is None)
        assert "▶" not in host.lines()[0]


async def test_only_the_row_that_plays_is_drawn_again() -> None:
    host = Host()
    async with host.run_test(size=(130, 20)) as pilot:
        host.give(10, 20, 30)
        host.panel.play()
        await playing(pilot, host)
        await pilot.pause(0.5)
        drawn: list[str] = []
        draw = host.panel.rows._draw
        host.panel.rows._draw = lambda key, width: drawn.append(key) or draw(key, width)
        for _ in range(3):
            host.bench.speaker.pull(4_000)
            await pilot.pause(0.3)
        assert drawn
        assert set(drawn) == {host.panel.rows.selected}


async def test_compare_switches_within_the_same_stream_at_the_same_sample() -> None:
    host = Host()
    async with host.run_test(size=(130, 20)) as pilot:
        host.give(10)
        host.panel.play()
        await playing(pilot, host)
        host.bench.speaker.pull(20_000)
        host.panel.compare()
        original = "previews/original-bell.wav"
        await until(pilot, lambda: (s := host.panel._player.progress().sound) and s.name == original)
        await playing(pilot, host)
        heard = host.bench.speaker.pull(9_000)[:, 0]
        assert np.array_equal(heard[480:], host.session.samples(original)[20_480:29_000])
        assert len(host.bench.speakers) == 1
        assert host.panel.selected is not None
        assert host.panel.selected.kind == "original"
        for kind in ("sample", "reconstruction", "original"):
            host.panel.compare()
            await until(pilot, lambda kind=kind: host.panel.selected.kind == kind)
            await pilot.pause()
        assert len(host.bench.speakers) == 1


async def test_the_other_side_is_fetched_ahead_and_each_file_only_once() -> None:
    host = Host()
    async with host.run_test(size=(130, 20)) as pilot:
        host.give(10)
        host.panel.play()
        await until(pilot, lambda: len(host.session.fetched) == 3)
        for _ in range(4):
            host.panel.compare()
            await pilot.pause(0.05)
        assert sorted(host.session.fetched) == [
            "previews/10-bell.wav", "previews/10-sample.wav", "previews/original-bell.wav"]  # fmt: skip


async def test_a_sample_alone_has_nothing_to_be_compared_with_and_says_so() -> None:
    host = Host()
    async with host.run_test(size=(130, 20)) as pilot:
        host.panel.update_state(RunState(previews=(step(10)[2], *step(20)[:2])))
        host.panel.rows.focus()
        await pilot.press("j", "j")
        host.panel.compare()
        await pilot.pause()
        assert "no original" in host.notice
        await pilot.press("k")
        assert host.notice == ""


async def test_n_plays_the_next_one_round_and_round() -> None:
    host = Host()
    async with host.run_test(size=(130, 20)) as pilot:
        host.give(10)
        host.panel.rows.focus()
        for name in ("original-bell", "10-sample", "10-bell"):
            await pilot.press("n")
            await until(pilot, lambda name=name: (s := host.panel._player.progress().sound) and name in s.name)


async def test_a_click_selects_and_a_double_click_plays() -> None:
    host = Host()
    async with host.run_test(size=(130, 20)) as pilot:
        host.give(10)
        await pilot.pause()
        rows = host.panel.rows
        await pilot.click(rows, offset=(10, 1))
        assert host.panel.selected is not None
        assert host.panel.selected.kind == "original"
        assert host.panel._player.progress().state == "silent"
        await pilot.click(rows, offset=(10, 2), times=2)
        await playing(pilot, host)
        assert host.panel._player.progress().sound.name == "previews/10-sample.wav"


async def test_without_a_device_the_list_says_why_and_where_the_file_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    host = Host(no_device({}))
    async with host.run_test(size=(130, 20)) as pilot:
        host.give(10)
        await until(pilot, lambda: host.notice)
        assert "No sound device on this machine" in host.notice
        assert "/runs/my bells/previews/10-bell.wav" in host.notice
        assert host.panel.copy_text == "/runs/my bells/previews/10-bell.wav"
        assert host.redrawn == 1, "PortAudio's set-up swallows terminal output: all is drawn again after it"


async def test_over_ssh_it_gives_the_command_that_fetches_the_selected_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.2 50000 10.0.0.9 2222")
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    host = Host(no_device({"SSH_CONNECTION": "x"}))
    async with host.run_test(size=(160, 24)) as pilot:
        host.give(10)
        await until(pilot, lambda: host.notice)
        command = "scp -P 2222 'ann@10.0.0.9:/runs/my bells/previews/10-bell.wav' ."
        assert command in host.notice
        assert "PULSE_SERVER=tcp:127.0.0.1:24713" in host.notice
        assert host.panel.copy_text == command


async def test_a_device_that_comes_later_is_found_at_the_next_try() -> None:
    host = Host(no_device({}))
    async with host.run_test(size=(130, 20)) as pilot:
        host.give(10)
        await until(pilot, lambda: host.notice)
        host.look = Availability(True)
        host.panel.play()
        await playing(pilot, host)
        await until(pilot, lambda: not host.notice)


@pytest.mark.parametrize("height", [7, 20])
async def test_a_file_that_cannot_be_had_is_told_in_one_line(height: int) -> None:
    host = Host()
    async with host.run_test(size=(130, height)) as pilot:
        host.session.broken["previews/10-bell.wav"] = "previews/10-bell.wav: [red]not\x1b[31m in this run"
        host.give(10)
        host.panel.play()
        await until(pilot, lambda: host.notice)
        assert host.notice == "previews/10-bell.wav: [red]not[31m in this run"


async def test_a_file_cut_short_is_told_in_one_line() -> None:
    host = Host()
    async with host.run_test(size=(130, 20)) as pilot:
        host.session.cut.add("previews/10-bell.wav")
        host.give(10)
        host.panel.play()
        await until(pilot, lambda: "cut short" in host.notice)


async def test_before_the_first_preview_the_panel_says_when_it_comes() -> None:
    host = Host()
    async with host.run_test(size=(100, 10)) as pilot:
        host.panel.update_info(INFO)
        host.panel.update_state(RunState())
        await pilot.pause()
        empty = host.panel.query_one("#preview-empty", Static)
        assert "after epoch 5" in str(empty.content)
        host.panel.update_state(RunState(complete=TrainingCompleteEvent("cancelled", 1, 3)))
        await pilot.pause()
        assert "no previews" in str(empty.content)
        host.panel.play()
        host.panel.compare()
        host.panel.play_next()


async def test_a_name_is_text_and_nothing_else() -> None:
    host = Host()
    async with host.run_test(size=(130, 20)) as pilot:
        host.give(10, name="[bold]x\x1b[2J\u202e")
        await pilot.pause()
        assert "[bold]x[2J" in host.lines()[0]
        assert "\x1b" not in "".join(host.lines())


async def test_state_without_news_draws_nothing() -> None:
    host = Host()
    async with host.run_test(size=(130, 20)) as pilot:
        state = RunState(previews=tuple(step(10)))
        host.panel.update_state(state)
        await pilot.pause()
        calls: list[object] = []
        host.panel.rows.show = calls.append  # type: ignore[method-assign]
        host.panel.update_state(RunState(previews=state.previews, seq=9))
        assert calls == []


async def heard_of(pilot: Pilot[None], host: Host, path: str) -> None:
    await until(pilot, lambda: (sound := host.panel._player.progress().sound) and sound.name == path)


async def test_a_sound_is_heard_as_every_epoch_made_it_and_the_list_and_the_frame_follow() -> None:
    host = Host()
    async with host.run_test(size=(130, 24)) as pilot:
        host.give(50, 100, 150)
        await pilot.pause()
        host.panel.play_epochs()
        row = [f"previews/{number}-bell.wav" for number in (50, 100, 150)] + ["previews/original-bell.wav"]
        await playing(pilot, host)
        heard, words = [], []
        for path in row:
            await heard_of(pilot, host, path)
            await until(pilot, lambda path=path: host.panel.selected.audio_path == path)
            await until(pilot, lambda: host.panel.border_subtitle)
            words.append(host.panel.border_subtitle)
            heard.append(host.bench.speaker.pull(RATE))
        assert np.array_equal(np.concatenate(heard)[:, 0], np.concatenate([host.session.samples(path) for path in row]))
        assert words == ["♪ epoch 5 of 15", "♪ epoch 10 of 15", "♪ epoch 15 of 15", "♪ original"]
        assert len(host.bench.speakers) == 1
        await until(pilot, lambda: host.panel._playing is None and not host.panel.border_subtitle)


async def test_space_stops_a_row_and_so_does_its_own_key() -> None:
    host = Host()
    async with host.run_test(size=(130, 24)) as pilot:
        host.give(50, 100, 150)
        for stop in (host.panel.play, host.panel.play_epochs):
            host.panel.play_epochs()
            await playing(pilot, host)
            await until(pilot, lambda: host.panel.selected.audio_path == "previews/50-bell.wav")
            stop()
            assert host.panel._player.progress().state == "silent"
            await until(pilot, lambda: host.panel._playing is None)


async def test_who_looks_elsewhere_while_a_row_plays_stays_there() -> None:
    host = Host()
    async with host.run_test(size=(130, 24)) as pilot:
        host.give(50, 100, 150)
        host.panel.play_epochs()
        await playing(pilot, host)
        await until(pilot, lambda: host.panel._playing == host.panel.rows.selected)
        host.panel.rows.action_edge(-1)
        host.bench.speaker.pull(RATE + 500)
        await heard_of(pilot, host, "previews/100-bell.wav")
        await pilot.pause(0.6)
        assert host.panel.rows.selected == host.panel.rows.keys[0]


async def test_comparing_while_a_row_plays_stays_with_the_sound_of_that_epoch() -> None:
    host = Host()
    async with host.run_test(size=(130, 24)) as pilot:
        host.give(50, 100)
        host.panel.play_epochs()
        await playing(pilot, host)
        host.bench.speaker.pull(RATE + 9_000)
        await until(pilot, lambda: host.panel.selected.audio_path == "previews/100-bell.wav")
        host.panel.compare()
        await heard_of(pilot, host, "previews/original-bell.wav")
        await playing(pilot, host)
        heard = host.bench.speaker.pull(5_000)[:, 0]
        assert np.array_equal(heard[480:], host.session.samples("previews/original-bell.wav")[9_480:14_000])


async def test_what_is_broken_in_a_row_is_left_out_and_told() -> None:
    host = Host()
    async with host.run_test(size=(130, 24)) as pilot:
        host.session.broken["previews/100-bell.wav"] = "previews/100-bell.wav: not in this run"
        host.give(50, 100, 150)
        host.panel.play_epochs()
        await until(pilot, lambda: host.notice == "previews/100-bell.wav: not in this run")
        await playing(pilot, host)
        host.bench.speaker.pull(RATE)
        host.bench.speaker.pull(500)
        await heard_of(pilot, host, "previews/150-bell.wav")


async def test_a_loop_is_shown_and_goes_on_through_a_switch_until_it_is_ended() -> None:
    host = Host()
    async with host.run_test(size=(130, 24)) as pilot:
        host.give(10)
        host.panel.toggle_loop()
        assert host.panel.border_subtitle == "↻"
        host.panel.play()
        await playing(pilot, host)
        host.bench.speaker.pull(RATE + 20_000)
        await until(pilot, lambda: "0.4/1.0 s" in host.lines()[0])
        host.panel.compare()
        await heard_of(pilot, host, "previews/original-bell.wav")
        await playing(pilot, host)
        original = host.session.samples("previews/original-bell.wav")
        assert np.array_equal(host.bench.speaker.pull(RATE)[480:, 0], np.roll(original, -20_000)[480:])
        await until(pilot, lambda: host.panel.border_subtitle == "♪ original   ↻")
        host.panel.toggle_loop()
        host.bench.speaker.pull(RATE)
        await until(pilot, lambda: host.panel._playing is None)
        assert not host.panel.border_subtitle


async def test_the_volume_goes_in_steps_to_its_ends_and_is_said_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distill_tui.panels.preview_board.BRIEF_SECONDS", 0.3)
    host = Host()
    async with host.run_test(size=(130, 24)) as pilot:
        host.give(10)
        host.panel.change_volume(1)
        assert host.panel.border_subtitle == "volume 0 dB, the file's own"
        host.panel.change_volume(-2)
        assert host.panel.border_subtitle == "volume -6 dB"
        await until(pilot, lambda: not host.panel.border_subtitle)
        host.panel.play()
        await playing(pilot, host)
        wanted = np.rint(host.session.samples("previews/10-bell.wav")[:900] * 10 ** (-6 / 20))
        assert np.array_equal(host.bench.speaker.pull(900)[:, 0], wanted)
        host.panel.change_volume(-99)
        assert host.panel.border_subtitle.startswith("volume -30 dB")


async def test_the_volume_outlives_the_panel_where_the_app_keeps_it() -> None:
    host = Host()
    host.volume = Volume(-12)  # type: ignore[attr-defined]
    async with host.run_test(size=(130, 24)) as pilot:
        host.give(10)
        host.panel.play()
        await playing(pilot, host)
        wanted = np.rint(host.session.samples("previews/10-bell.wav")[:900] * 10 ** (-12 / 20))
        assert np.array_equal(host.bench.speaker.pull(900)[:, 0], wanted)
        host.panel.change_volume(1)
        assert host.volume.db == -9  # type: ignore[attr-defined]


async def test_the_best_of_a_sound_is_marked_and_gives_the_mark_away() -> None:
    host = Host()
    async with host.run_test(size=(130, 30)) as pilot:
        made = [replace(step(number)[1], mrstft=mrstft) for number, mrstft in ((10, 2.0), (20, 1.5), (30, 1.7))]
        host.panel.update_state(RunState(previews=tuple(made[:2])))
        await pilot.pause()
        assert [line.rstrip()[-1] for line in host.lines()[:2]] == ["★", "0"]
        made.append(replace(step(40)[1], mrstft=1.1))
        host.panel.update_state(RunState(previews=tuple(made)))
        await pilot.pause()
        assert [line.rstrip()[-1] for line in host.lines()[:4]] == ["★", "↑", "↓", "0"]
