"""The preview list on a screen: what is played, compared and said, with keys and mouse."""

import numpy as np
import pytest
from hand_speaker import RATE
from preview_host import INFO, Host, playing, step, until
from textual.widgets import Static

from core.run.events import TrainingCompleteEvent
from core.run.state import RunState
from distill_tui.hearing import Availability, no_device


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
