"""Epochs in a row, loops, volume, and the mark of the best."""

from dataclasses import replace

import numpy as np
import pytest
from hand_speaker import RATE
from preview_host import Host, playing, step, until
from textual.pilot import Pilot

from core.run.state import RunState
from distill_tui.volume import Volume


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
