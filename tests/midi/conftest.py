"""Tunes to test on: the project's own demo tunes, and MIDI files put together byte by byte."""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import strategies as st

from core.midi.demo import make_demo_tunes
from core.midi.vocabulary import LEVEL_VELOCITIES, Note

Event = tuple[int, Sequence[int]]  # ticks after the last one, bytes
Write = Callable[..., Path]


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def demo_tunes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Eight of the project's demo tunes, two of a kind. Only to be read."""
    return make_demo_tunes(tmp_path_factory.mktemp("demo"), 8)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write(name, content): a file under `tunes/` of the test's own folder."""

    def _write(name: str, content: bytes) -> Path:
        path = tmp_path / "tunes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return _write


def midi(*tracks: Sequence[Event], form: int = 1, division: int = 480) -> bytes:
    """A MIDI file of these tracks."""
    content = b"MThd" + struct.pack(">IHHH", 6, form, len(tracks), division)
    for track in tracks:
        body = b"".join(_ticks(after) + bytes(message) for after, message in track) + b"\x00\xff\x2f\x00"
        content += b"MTrk" + struct.pack(">I", len(body)) + body
    return content


def on(pitch: int, channel: int = 0, velocity: int = 80) -> list[int]:
    return [0x90 | channel, pitch, velocity]


def off(pitch: int, channel: int = 0) -> list[int]:
    return [0x80 | channel, pitch, 64]


def pedal(value: int, channel: int = 0) -> list[int]:
    return [0xB0 | channel, 64, value]


def tempo(quarters_a_minute: float) -> list[int]:
    return [0xFF, 0x51, 3, *round(60e6 / quarters_a_minute).to_bytes(3, "big")]


def _ticks(number: int) -> bytes:
    """Always four bytes, as some programs write them: leading ones may be empty."""
    return bytes([number >> 21 | 0x80, number >> 14 & 0x7F | 0x80, number >> 7 & 0x7F | 0x80, number & 0x7F])


def notes_of_any_kind(most: int = 40, steps: int = 1500) -> st.SearchStrategy[list[Note]]:
    """Notes that overlap, collide and last no time at all; few pitches, so that they often do."""
    note = st.builds(
        lambda start, length, pitch, level: Note(start, start + length, pitch, level),
        st.integers(0, steps) | st.integers(0, 6),
        st.integers(-2, 5) | st.integers(0, 1300),
        st.integers(58, 63) | st.integers(0, 127),
        st.integers(0, len(LEVEL_VELOCITIES) - 1),
    )
    return st.lists(note, max_size=most)
