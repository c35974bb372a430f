"""The person's folder of tunes: which MIDI files there are, their notes on the grid, and notes written as MIDI.

Finding tunes needs neither torch nor numpy, so that a command line answers at once. Nothing is ever written here.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.folders import find_files, relative_name
from core.midi.tokens import canonical
from core.midi.vocabulary import LEVEL_VELOCITIES, STEP_SECONDS, STEPS_PER_SECOND, Note, level_of
from core.run.events import SkippedFile
from core.training.kinds import KINDS

MOST_BYTES = 8 * 2**20
MOST_SECONDS = 3600
MOST_NOTES = 100_000

PEDAL, PEDAL_DOWN = 64, 64  # the sustain pedal's controller, and from which value on it is down
QUARTER_MICROSECONDS = 500_000  # 120 quarters a minute, where a file says nothing and in those we write
TICKS_PER_QUARTER = 480
TICKS_PER_STEP = TICKS_PER_QUARTER * 1_000_000 // (QUARTER_MICROSECONDS * STEPS_PER_SECOND)
MARK = b"\x00\xff\x03\x0bdistill-tui"  # at time 0 the track's name
TEMPO = b"\x00\xff\x51\x03" + QUARTER_MICROSECONDS.to_bytes(3, "big")


class UnreadableTune(Exception):
    """One file cannot be used; the message is the plain reason, without the path."""


@dataclass(frozen=True)
class Tune:
    """A file's notes, canonical, from the file's own beginning on."""

    notes: tuple[Note, ...]

    @property
    def seconds(self) -> float:
        """From the file's beginning to the end of the last note."""
        return max((note.end for note in self.notes), default=0) * STEP_SECONDS


@dataclass(frozen=True)
class TuneScan:
    """What a folder's tunes hold: their length and number of notes in all, and which cannot be read."""

    files: tuple[Path, ...]
    seconds: float
    notes: int
    unreadable: tuple[SkippedFile, ...]


def find_tunes(folder: Path) -> list[Path]:
    """The MIDI files under `folder`, as `core.folders.find_files` finds them."""
    return find_files(folder, KINDS["midi"].suffixes, "tune")


def scan(folder: Path) -> TuneScan:
    """What the folder holds, every file read whole. Raises DataError as `find_tunes` does, never for a bad file."""
    files = find_tunes(folder)
    seconds, notes = 0.0, 0
    unreadable = []
    for path in files:
        try:
            tune = read_tune(path)
        except UnreadableTune as error:
            unreadable.append(SkippedFile(relative_name(path, folder), str(error)))
        else:
            seconds += tune.seconds
            notes += len(tune.notes)
    return TuneScan(tuple(files), seconds, notes, tuple(unreadable))


def read_tune(path: Path) -> Tune:
    """The tune in a MIDI file. Raises UnreadableTune where it cannot be opened, and as `read_score` does."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise UnreadableTune(f"too large for a tune: {size / 2**20:.1f} MB, above {MOST_BYTES / 2**20:g} MB")
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableTune(f"cannot be opened ({error.strerror})") from error
    return Tune(read_score(data))


def read_score(data: bytes) -> tuple[Note, ...]:
    """The notes of a Standard MIDI File, canonical, at the nearest step of real time under the file's tempo map.

    All parts go into one; drums are left out, and so are notes that never end. The sustain pedal holds a part's notes
    until it lifts. Raises UnreadableTune with the plain reason where there is no MIDI, a cut-off file, no note, nothing
    but drums, or too much to be a tune.
    """
    import numpy as np
    import symusic

    _check_chunks(data)
    try:
        score: Any = symusic.Score.from_midi(data)
    except (RuntimeError, ValueError, IndexError, MemoryError) as error:
        raise UnreadableTune(f"not MIDI that can be read ({_plain(error)})") from error
    parts = [part for part in score.tracks if len(part.notes)]
    melodic = [part for part in parts if not part.is_drum]
    if not melodic:
        raise UnreadableTune("holds only drums" if parts else "holds no notes")
    count = sum(len(part.notes) for part in melodic)
    if count > MOST_NOTES:
        raise UnreadableTune(f"too many notes for a tune: {count:,}, above {MOST_NOTES:,}")
    columns = np.concatenate([_sustained(part) for part in melodic], axis=1)
    seconds = _seconds(columns[:2], score.tempos.numpy(), score.ticks_per_quarter)
    longest = float(seconds.max())
    if columns[:2].min() < 0 or not longest <= MOST_SECONDS:  # beyond 2^31 ticks times turn negative
        raise UnreadableTune(f"too long for a tune: above {MOST_SECONDS // 60} minutes")
    starts, ends = np.rint(seconds * STEPS_PER_SECOND).astype(int).tolist()
    pitches, velocities = columns[2:].tolist()
    levels = [level_of(velocity) for velocity in velocities]
    return tuple(canonical(map(Note, starts, ends, pitches, levels)))


def midi_bytes(notes: Sequence[Note], seconds: float | None = None) -> bytes:
    """A Standard MIDI File of one piano part, at 120 quarters a minute: `read_score` gives back the canonical notes.

    It lasts `seconds` where that is longer than the notes. `written_by_us` tells it from all others.
    """
    events = []
    for note in canonical(notes):
        events.append((note.start * TICKS_PER_STEP, 0x90, note.pitch, LEVEL_VELOCITIES[note.level]))
        events.append((note.end * TICKS_PER_STEP, 0x80, note.pitch, 64))  # sorted, ends come before beginnings
    track = bytearray(MARK + TEMPO + b"\x00\xc0\x00")
    now = 0
    for tick, *message in sorted(events):
        track += _variable_length(tick - now) + bytes(message)
        now = tick
    end = max(now, round((seconds or 0) * STEPS_PER_SECOND * TICKS_PER_STEP))
    track += _variable_length(end - now) + b"\xff\x2f\x00"
    return _header() + b"MTrk" + struct.pack(">I", len(track)) + bytes(track)


def written_by_us(path: Path) -> bool:
    """Whether the file is one that `midi_bytes` made; False where it cannot be read."""
    start = len(_header()) + 8  # after the track's own head
    try:
        with path.open("rb") as file:
            head = file.read(start + len(MARK))
    except OSError:
        return False
    return head.startswith(_header()) and head[start:] == MARK


def _header() -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS_PER_QUARTER)


def _variable_length(number: int) -> bytes:
    """Seven bits a byte, the highest first, all but the last marked."""
    parts = [number & 0x7F]
    while number := number >> 7:
        parts.append(number & 0x7F | 0x80)
    return bytes(reversed(parts))


def _check_chunks(data: bytes) -> None:
    """Raises UnreadableTune for what its header and chunk lengths already tell, in plainer words than a parser's."""
    if not data:
        raise UnreadableTune("empty file")
    if not data.startswith(b"MThd"):
        raise UnreadableTune("not MIDI (it does not begin with MThd)")
    if len(data) < 14:
        raise UnreadableTune("cut off within its header; copy it again from its source")
    kind, tracks, division = struct.unpack(">HHH", data[8:14])
    if kind == 2:
        raise UnreadableTune("several songs in one file (MIDI format 2); export them one by one")
    if division == 0 or division & 0x8000:
        raise UnreadableTune("not timed in beats; export it again")
    at = 8 + int.from_bytes(data[4:8], "big")
    found = 0
    while at < len(data) and found < tracks:
        found += data[at : at + 4] == b"MTrk"
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "big")
    if found < tracks or at > len(data):
        raise UnreadableTune("cut off before its end; copy it again from its source")


def _plain(error: Exception) -> str:
    words = str(error).removeprefix("MiniMidi: ").removeprefix("Get ").split("!")[0].strip()
    return words or type(error).__name__


def _sustained(part: Any) -> Any:
    """A part's notes as rows (start, end, pitch, velocity), times in ticks, ends where the pedal lets them go."""
    import numpy as np

    found = part.notes.numpy()
    start = found["time"].astype(np.int64)
    end = start + found["duration"]
    controls = part.controls.numpy()
    pedal = controls["number"] == PEDAL
    times, down = controls["time"][pedal], controls["value"][pedal] >= PEDAL_DOWN
    if down.any():
        # For each change of the pedal the next time that it is up; one that never lifts lets go at the part's end.
        last = max(end.max(), times[-1])
        lifted = np.minimum.accumulate(np.where(down, last, times)[::-1])[::-1]
        # A note that ends just as the pedal goes down has ended: it belongs to the harmony before.
        change = np.searchsorted(times, end) - 1
        held = (change >= 0) & down[change]
        end = np.where(held, lifted[change], end)
    return np.stack([start, end, found["pitch"], found["velocity"]])


def _seconds(ticks: Any, tempos: Any, ticks_per_quarter: int) -> Any:
    """When each tick comes, in seconds: straight between changes of tempo."""
    import numpy as np

    changes = {0: QUARTER_MICROSECONDS}
    for tick, microseconds in zip(tempos["time"].tolist(), tempos["mspq"].tolist(), strict=True):
        if tick >= 0 and microseconds > 0:
            changes[tick] = microseconds
    at = np.array(sorted(changes), dtype=np.float64)
    per_tick = np.array([changes[int(tick)] for tick in at]) / 1e6 / ticks_per_quarter
    begins = np.concatenate([[0.0], np.cumsum(np.diff(at) * per_tick[:-1])])
    segment = np.searchsorted(at, ticks, side="right") - 1
    return begins[segment] + (ticks - at[segment]) * per_tick[segment]
