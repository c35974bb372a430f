"""A tune on the screen: what is drawn where, when it is fetched, and what moves while it plays."""

import asyncio
import io
import subprocess
import sys
import threading

import numpy as np
import pytest
import soundfile
from hand_speaker import Bench
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from core.midi.files import midi_bytes
from core.midi.vocabulary import STEPS_PER_SECOND, Note
from core.run.events import PreviewEvent
from core.run.link import LinkError, RunInfo
from core.run.state import RunState
from distill_tui import ascii
from distill_tui.app import STYLES
from distill_tui.hearing import Availability
from distill_tui.panels.previews import PreviewsPanel
from distill_tui.panels.roll import PianoRoll
from distill_tui.player import Player
from distill_tui.roll import EMPTY, LABELS, SHADES, in_words, octaves, painted, seconds_axis, view_of
from distill_tui.screens.layout import plan
from distill_tui.screens.stage import CHART_ROWS, spare_rows
from distill_tui.sounds import ScoreError, read_notes
from distill_tui.theme import Palette, available, load

RATE = 8_000
HEARD = Availability(True)
SECOND = STEPS_PER_SECOND
SCALE = [Note(i * SECOND, (i + 1) * SECOND, 60 + pitch, 3) for i, pitch in enumerate((0, 2, 4, 5, 7, 9, 11, 12))]

tunes = st.lists(
    st.builds(
        lambda start, length, pitch, level: Note(start, start + length, pitch, level),
        st.integers(0, 3_000), st.integers(1, 500), st.integers(0, 127), st.integers(0, 5),
    ),
    min_size=1, max_size=30,
)  # fmt: skip


@given(tunes, st.integers(1, 200), st.integers(1, 60))
def test_every_note_of_the_page_in_view_is_seen_at_its_time_and_pitch(
    tune: list[Note], columns: int, rows: int
) -> None:
    seconds = max(note.end for note in tune) / SECOND
    pages = {view_of(tune, seconds, columns, rows, at=note.start / SECOND) for note in tune}
    begun = 0
    for view in pages:
        picture = painted(tune, view)
        assert [len(line) for line in picture] == [columns] * (2 * rows)
        assert {shade for line in picture for shade in line} <= {EMPTY, *range(SHADES)}
        for note in tune:
            column = view.column(note.start / SECOND)
            if 0 <= column < columns:
                begun += 1
                assert 0 <= view.half(note.pitch) < 2 * rows
                assert picture[view.half(note.pitch)][column] != EMPTY or _struck_over(tune, note, view)
        assert all(0 <= row < rows for row in octaves(view))
        assert sum(cell_len(run.text) for run in seconds_axis(view, seconds)) == LABELS + columns
    assert begun >= len(tune), "no note falls between two pages"


def _struck_over(tune: list[Note], note: Note, view) -> bool:  # type: ignore[no-untyped-def]
    """Whether a later note near it leaves its gap there: only where notes overlap or are shorter than two columns."""
    return any(
        other != note and abs(view.column(other.start / SECOND) - view.column(note.start / SECOND)) <= 1
        for other in tune
        if view.half(other.pitch) == view.half(note.pitch)
    )


@given(tunes, st.integers(1, 60))
def test_higher_pitches_are_never_lower_and_neighbours_are_apart_where_there_is_room(
    tune: list[Note], rows: int
) -> None:
    view = view_of(tune, 10.0, 80, rows)
    pitches = sorted({note.pitch for note in tune})
    places = [view.half(pitch) for pitch in pitches]
    assert places == sorted(places, reverse=True)
    if pitches[-1] - pitches[0] < 2 * rows:
        assert len(set(places)) == len(pitches)


def test_a_scale_rises_to_the_right() -> None:
    view = view_of(SCALE, 8.0, 64, 7)
    picture = painted(SCALE, view)
    first = [next(half for half, line in enumerate(picture) if line[column] != EMPTY) for column in range(0, 64, 8)]
    assert view.columns_per_second == 8
    assert first == sorted(first, reverse=True)
    assert len(set(first)) == 8
    assert octaves(view) == {view.half(60) // 2: "C4", view.half(72) // 2: "C5"}


def test_a_beginning_is_brighter_and_a_loud_note_brighter_than_a_soft_one() -> None:
    tune = [Note(0, SECOND, 60, 5), Note(0, SECOND, 62, 0)]
    view = view_of(tune, 4.0, 64, 4)
    picture = painted(tune, view)
    loud, soft = picture[view.half(60)], picture[view.half(62)]
    assert loud[0] > loud[1] > soft[1]
    assert soft[0] > soft[1]


def test_a_note_struck_again_is_two_notes() -> None:
    again = [Note(0, SECOND, 60, 3), Note(SECOND, 2 * SECOND, 60, 3)]
    view = view_of(again, 2.0, 20, 2)
    line = painted(again, view)[view.half(60)]
    speed = view.columns_per_second
    assert line[speed - 1] == EMPTY
    assert EMPTY not in line[: speed - 1]
    assert EMPTY not in line[speed : 2 * speed]


def test_what_is_too_long_comes_in_pages_and_the_words_say_which() -> None:
    whole, first, second = (view_of(SCALE, s, 40, 6, at=at) for s, at in ((8.0, 3.0), (60.0, 3.0), (60.0, 13.0)))
    assert (whole.first_second, first.first_second, second.first_second) == (0, 0, 10)
    assert in_words(SCALE, whole, 8.0) == "8 notes"
    assert in_words(SCALE[:1], second, 60.0) == "1 note   10 to 20 of 60 s"
    axis = "".join(run.text for run in seconds_axis(second, 60.0))
    assert axis.index("│10") == LABELS
    assert "15" not in "".join(run.text for run in seconds_axis(second, 14.0))


def test_an_original_and_its_reconstruction_stand_alike_though_they_differ_a_little() -> None:
    changed = [*SCALE[:-1], Note(SCALE[-1].start, SCALE[-1].end + 9, 71, 2)]
    one, other = view_of(SCALE, 8.3, 100, 14), view_of(changed, 8.1, 100, 14)
    assert one.columns_per_second == other.columns_per_second
    top = max(note.pitch for note in changed)
    assert view_of(SCALE[:-1], 8.3, 100, 14).half(top) == other.half(top)


def test_a_file_that_is_no_tune_is_told_in_one_line() -> None:
    assert read_notes(midi_bytes(SCALE)) == tuple(SCALE)
    for data in (b"", b"RIFF", midi_bytes(SCALE)[:30], midi_bytes([])):
        with pytest.raises(ScoreError, match=r"^previews/a\.mid: [^\n]+$"):
            read_notes(data, "previews/a.mid")


@pytest.mark.parametrize(("width", "height", "terms"), [(80, 24, 9), (100, 30, 9), (120, 40, 9), (200, 60, 30)])
def test_room_for_tunes_is_the_charts_to_spare(width: int, height: int, terms: int) -> None:
    shares = plan(width, height - 3, terms)
    spared = spare_rows(shares, tunes=True)
    assert spared == 0 or shares.upper - spared >= CHART_ROWS
    assert (spared > 0) == (height >= 40)


def events(step: int = 10) -> tuple[PreviewEvent, ...]:
    def event(kind: str, name: str, pair: str) -> PreviewEvent:
        path = f"previews/{name}"
        return PreviewEvent(1, f"{path}.wav", RATE, step, kind, name, pair, 8.0, None, (0.5,), f"{path}.mid",  # type: ignore[arg-type]
                            "notes 0.62" if kind == "reconstruction" else "")  # fmt: skip

    return (event("original", "a", "p"), event("reconstruction", "b", "p"), event("sample", "c", ""))


class Files:
    """A session whose tunes are one scale, each a tone higher, and whose sounds are as long."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.broken: dict[str, bytes] = {}
        self.gone: dict[str, str] = {}

    def fetch(self, path: str) -> bytes:
        assert threading.current_thread() is not threading.main_thread(), "fetched on the screen's thread"
        self.fetched.append(path)
        if path in self.gone:
            raise LinkError(self.gone[path])
        if path.endswith(".mid"):
            higher = "abc".index(path[-5])
            return self.broken.get(path) or midi_bytes([note._replace(pitch=note.pitch + higher) for note in SCALE])
        target = io.BytesIO()
        soundfile.write(target, np.ones(8 * RATE, np.int16), RATE, format="WAV", subtype="PCM_16")
        return target.getvalue()


class Host(App[None]):
    """The panel alone, in its own style."""

    CSS_PATH = STYLES / "previews.tcss"

    def __init__(self, theme: str = "distill-dark", plain: bool = False, look: Availability = HEARD) -> None:
        super().__init__()
        self.palette = load(available()[theme]).palette if theme else Palette()
        self.session = Files()
        self.bench = Bench()
        self.ascii_only = plain
        self.look = look

    def compose(self) -> ComposeResult:
        yield PreviewsPanel(Player(self.bench.open, lambda: self.look))

    @property
    def panel(self) -> PreviewsPanel:
        return self.query_one(PreviewsPanel)

    def give(self, previews: tuple[PreviewEvent, ...] = ()) -> None:
        self.panel.update_info(RunInfo("folk", "/runs/folk", {}, True, "/runs/folk"))
        self.panel.update_state(RunState(previews=previews or events()))

    def picture(self) -> list[str]:
        return [self.panel.roll.render_line(y).text for y in range(self.panel.roll.size.height)] or [""]


async def until(pilot: Pilot[None], condition) -> None:  # type: ignore[no-untyped-def]
    for _ in range(400):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it did not happen in 4 s")


async def test_the_selected_tune_is_seen_below_the_list_with_its_octaves_and_seconds() -> None:
    host = Host()
    async with host.run_test(size=(80, 24)) as pilot:
        host.give()
        await until(pilot, lambda: host.panel.roll.words)
        picture = host.picture()
        assert any(line.startswith(" C4") for line in picture)
        assert "0 s" in picture[-1]
        assert sum(character in "▀▄█" for line in picture for character in line) >= 8 * 7
        await until(pilot, lambda: host.panel.border_subtitle == "8 notes")
        assert host.panel.rows.size.height >= 3
        assert all(cell_len(line) == host.panel.roll.size.width for line in picture)


@pytest.mark.parametrize("height", [6, 9, 11])
async def test_without_room_there_is_only_the_list_and_nothing_is_fetched(height: int) -> None:
    host = Host()
    async with host.run_test(size=(80, height)) as pilot:
        host.give()
        await pilot.pause(0.3)
        assert not host.panel.roll.display
        assert host.session.fetched == []
        assert not host.panel.border_subtitle


async def test_sounds_without_a_score_have_no_roll() -> None:
    host = Host()
    async with host.run_test(size=(80, 30)) as pilot:
        host.give((PreviewEvent(1, "previews/x.wav", RATE, 10, "sample", "x", "", 1.0),))
        await pilot.pause(0.2)
        assert not host.panel.roll.display


async def test_another_selection_brings_another_tune_and_running_down_the_list_only_the_last() -> None:
    host = Host()
    async with host.run_test(size=(80, 24)) as pilot:
        host.give()
        await until(pilot, lambda: host.panel.roll.words)
        before = host.picture()
        assert host.session.fetched == ["previews/b.mid"]
        host.panel.rows.action_row(1)
        host.panel.rows.action_row(1)
        await until(pilot, lambda: len(host.session.fetched) == 2)
        await until(pilot, lambda: host.picture() != before)
        assert host.session.fetched == ["previews/b.mid", "previews/c.mid"]
        host.panel.rows.action_edge(-1)
        await pilot.pause()
        assert host.picture() == before, "what is here already comes at once"
        assert len(host.session.fetched) == 2


async def test_a_tune_that_cannot_be_shown_says_so_in_one_line() -> None:
    host = Host()
    async with host.run_test(size=(90, 24)) as pilot:
        host.session.broken["previews/b.mid"] = b"[red]no\x1b[2J"
        host.session.gone["previews/a.mid"] = "previews/a.mid: [b]gone\x1b[2J"
        host.give()
        await until(pilot, lambda: "not MIDI" in host.picture()[0])
        host.panel.rows.action_row(1)
        await until(pilot, lambda: "[b]gone[2J" in host.picture()[0])
        assert "".join(host.picture()[1:]).strip() == ""
        assert "\x1b" not in "".join(host.picture())
        host.panel.rows.action_row(1)
        await until(pilot, lambda: host.panel.roll.words)


async def test_the_playhead_moves_with_the_sound_and_only_its_columns_are_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = Host()
    async with host.run_test(size=(80, 24)) as pilot:
        host.give()
        await until(pilot, lambda: host.panel.roll.words)
        host.panel.play()
        await until(pilot, lambda: host.panel._player.progress().state == "playing")
        await until(pilot, lambda: any("│" in line[LABELS:] for line in host.picture()[:-1]))
        drawn: list[Region] = []
        refresh = PianoRoll.refresh

        def noted(self: PianoRoll, *regions: Region, **options: bool) -> PianoRoll:
            drawn.extend(regions or [Region(0, 0, 999, 999)])
            return refresh(self, *regions, **options)

        monkeypatch.setattr(PianoRoll, "refresh", noted)
        host.bench.speaker.pull(4 * RATE)
        view = host.panel.roll._view
        assert view is not None
        column = LABELS + view.column(4.0)
        await until(pilot, lambda: all(line[column] in "│█▀▄" for line in host.picture()[:-1]))
        assert drawn
        assert {region.width for region in drawn} == {1}
        assert {region.x for region in drawn} == {LABELS, column}
        drawn.clear()
        await pilot.pause(0.6)
        assert drawn == [], "a playhead that stands still costs nothing"
        host.panel.compare()
        await until(pilot, lambda: host.panel.selected.kind == "original")
        await until(pilot, lambda: any("│" in line[LABELS:] for line in host.picture()[:-1]))
        host.panel.stop()
        host.bench.speaker.pull(RATE)
        await until(pilot, lambda: not any("│" in line[LABELS:] for line in host.picture()[:-1]))


async def test_a_playhead_turns_the_page() -> None:
    host = Host()
    async with host.run_test(size=(27, 24)) as pilot:
        host.give()
        await until(pilot, lambda: host.panel.roll.words)
        assert "0 to 5 of 8 s" in host.panel.roll.words
        await until(pilot, lambda: host.panel._found)  # the panel rests: nothing else moves the playhead
        host.panel.roll.move(6.0)
        await pilot.pause()
        assert "5 to 8 of 8 s" in host.panel.roll.words
        assert "│5" in host.picture()[-1]


async def test_a_silent_machine_says_so_in_one_line_and_the_tune_keeps_its_room() -> None:
    host = Host(look=Availability(False, "no sound device on this machine", "use ssh -R"))
    async with host.run_test(size=(120, 12)) as pilot:
        host.give()
        await until(pilot, lambda: host.panel._noticed)
        await until(pilot, lambda: host.panel.roll.words or not host.panel.roll.display)
        assert len(host.panel._noticed) == 1
    async with Host(look=host.look).run_test(size=(120, 13)) as pilot:
        host = pilot.app  # type: ignore[assignment]
        host.give()
        await until(pilot, lambda: host.panel._noticed and host.panel.roll.words)
        assert host.panel.rows.size.height >= 3


async def test_the_frame_names_the_tune_again_when_room_comes_back() -> None:
    host = Host()
    async with host.run_test(size=(80, 24)) as pilot:
        host.give()
        await until(pilot, lambda: host.panel.border_subtitle == "8 notes")
        await pilot.resize_terminal(80, 9)
        await until(pilot, lambda: not host.panel.border_subtitle)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: host.panel.border_subtitle == "8 notes")
        assert host.session.fetched == ["previews/b.mid"]


@pytest.mark.parametrize(("theme", "plain"), [("distill-terminal", False), ("distill-dark", True), ("", False)])
async def test_without_shades_both_pitches_of_a_cell_are_still_seen(theme: str, plain: bool) -> None:
    host = Host(theme, plain)
    async with host.run_test(size=(60, 14)) as pilot:
        host.give()
        await until(pilot, lambda: host.panel.roll.words)
        roll = host.panel.roll
        roll.draw([Note(0, SECOND, pitch, pitch % 6) for pitch in range(36, 84)], 2.0, "text")
        rows = roll._view.rows if roll._view else 0
        for y in range(rows):
            line = roll.render_line(y)
            assert len({segment.style.bgcolor for segment in line if segment.style is not None}) == 1
            assert set(ascii.to_ascii(line.text[LABELS:])) <= set(' ".-#')
        assert sum(roll.render_line(y).text[LABELS] == "█" for y in range(rows)) >= rows - 2


async def test_a_quick_change_of_selection_never_shows_the_wrong_tune() -> None:
    host = Host()
    async with host.run_test(size=(80, 24)) as pilot:
        fetch = host.session.fetch
        slow = threading.Event()

        def waiting(path: str) -> bytes:
            if path.endswith("b.mid"):
                slow.wait(3)
            return fetch(path)

        host.panel.roll.scores._fetch = waiting
        host.give()
        await asyncio.sleep(0.2)  # on its way, and slow
        host.panel.rows.action_row(1)
        await until(pilot, lambda: host.panel.roll.words)
        before = host.picture()
        slow.set()
        await pilot.pause(0.2)
        assert host.picture() == before


def test_the_screen_loads_neither_numpy_nor_symusic_for_it() -> None:
    program = (
        "import sys, distill_tui.panels.previews\nprint([m for m in ('numpy', 'symusic', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
