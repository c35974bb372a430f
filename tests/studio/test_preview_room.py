"""The lines of the preview panel: who gets how many, at every height."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_tui.panels.preview_room import FULL_ROWS, LEAST_ROLL, LEAST_ROWS, LEAST_SPECTROGRAM, USUAL_ROWS, Room

rooms = st.builds(Room, st.integers(0, 120), st.integers(0, 500), st.booleans(), st.booleans())
notices = st.integers(0, 4)


def rows(room: Room, notice: int) -> int:
    """What is left for the list."""
    return room.height - room.header - room.picture(notice) - notice


@given(rooms, notices)
def test_a_picture_can_be_seen_or_is_not_there_and_leaves_the_list_its_rows(room: Room, notice: int) -> None:
    if picture := room.picture(notice):
        assert picture >= (LEAST_ROLL if room.tunes else LEAST_SPECTROGRAM)
        assert LEAST_ROWS <= rows(room, notice) <= max(LEAST_ROWS, min(room.previews, FULL_ROWS))
        assert room.maximized or rows(room, notice) <= USUAL_ROWS


@given(rooms, notices)
def test_a_line_more_takes_nothing_from_anyone(room: Room, notice: int) -> None:
    taller = Room(room.height + 1, room.previews, room.tunes, room.maximized)
    assert taller.header >= room.header
    assert taller.talkative >= room.talkative
    assert taller.picture(notice) >= room.picture(notice)


@given(rooms, notices)
def test_each_line_of_a_notice_is_one_of_the_pictures(room: Room, notice: int) -> None:
    if after := room.picture(notice + 1):
        assert room.picture(notice) == after + 1
        assert rows(room, notice) == rows(room, notice + 1)


@pytest.mark.parametrize(
    ("room", "header", "talkative", "picture"),
    [
        (Room(9, 40, True), 1, False, 0),
        (Room(10, 40, True), 1, False, 6),
        (Room(19, 40, True), 1, False, 14),
        (Room(20, 40, True), 1, True, 14),
        (Room(40, 40, True, maximized=True), 1, True, 31),
        (Room(40, 2, True, maximized=True), 1, True, 36),
        (Room(7, 40, False), 0, False, 0),
        (Room(8, 40, False), 1, False, 0),
        (Room(10, 40, False), 1, False, 0),
        (Room(11, 40, False), 1, False, 7),
        (Room(20, 40, False), 1, True, 14),
        (Room(36, 40, False, maximized=True), 1, True, 27),
    ],
)
def test_who_gets_what(room: Room, header: int, talkative: bool, picture: int) -> None:
    assert (room.header, room.talkative, room.picture(0)) == (header, talkative, picture)
