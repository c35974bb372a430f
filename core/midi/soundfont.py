"""SoundFonts: finding one, reading it, and playing tunes with its first instrument. numpy, no torch.

The format is SoundFont 2.04 (E-mu 1998), and its compressed kin SF3. symusic has a player of its own, which is not
used: in 0.6.0 it cannot hand its sound to Python, and a damaged file ends the whole process.
"""

import io
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import UsageError
from core.midi.synth import SAMPLE_RATE, Samples, mixed
from core.midi.vocabulary import LEVEL_VELOCITIES, Note

PLACES = ("/usr/share/sounds/sf2", "/usr/share/sounds/sf3", "/usr/share/soundfonts", "~/.local/share/soundfonts")
SUFFIXES = (".sf2", ".sf3")
GAIN = 0.35  # six loud notes fit below the ceiling
TAIL_SECONDS = 0.8
SHORTEST_RELEASE = 0.02  # seconds; a font may ask for less, which clicks
SILENT_DB = 100.0  # below which the format counts a sound as over
COMPRESSED = 0x10  # of a sample's kind: Ogg Vorbis, in SF3
DAMAGED = "{}: a damaged SoundFont; get another copy, or name another file"

# Generators of the format that matter here: their numbers, and what they are where nothing is said.
START, END, LOOP_START, LOOP_END = 0, 1, 2, 3
START_COARSE, END_COARSE, LOOP_START_COARSE, LOOP_END_COARSE = 4, 12, 45, 50
CUTOFF, PAN, DELAY, ATTACK, HOLD, DECAY, SUSTAIN, RELEASE = 8, 17, 33, 34, 35, 36, 37, 38
INSTRUMENT, KEYS, VELOCITIES, ATTENUATION, SEMITONES, CENTS, SAMPLE, MODE, SCALE, ROOT = (
    41, 43, 44, 48, 51, 52, 53, 54, 56, 58,
)  # fmt: skip
USUAL = {CUTOFF: 13500, DELAY: -12000, ATTACK: -12000, HOLD: -12000, DECAY: -12000, RELEASE: -12000, SCALE: 100,
         ROOT: -1}  # fmt: skip
EVERYTHING = 0 | 127 << 8  # a range of keys or velocities: lowest, highest
NOT_ADDED = (KEYS, VELOCITIES, INSTRUMENT, SAMPLE, MODE, ROOT)

RECORDS = {
    b"phdr": np.dtype([("name", "S20"), ("preset", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("rest", "V12")]),
    b"inst": np.dtype([("name", "S20"), ("bag", "<u2")]),
    b"pbag": np.dtype([("gen", "<u2"), ("mod", "<u2")]),
    b"ibag": np.dtype([("gen", "<u2"), ("mod", "<u2")]),
    b"pgen": np.dtype([("kind", "<u2"), ("amount", "<i2")]),
    b"igen": np.dtype([("kind", "<u2"), ("amount", "<i2")]),
    b"shdr": np.dtype([("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop_start", "<u4"), ("loop_end", "<u4"),
                       ("rate", "<u4"), ("root", "u1"), ("cents", "i1"), ("link", "<u2"), ("kind", "<u2")]),
}  # fmt: skip

Zone = Mapping[int, int]


def find_soundfont(configured: str = "") -> Path | None:
    """The configured file, else the first one installed in a usual place, else None. Nothing is ever downloaded.

    Raises UsageError where the configured file is missing or not a SoundFont.
    """
    if configured:
        path = Path(configured).expanduser()
        _check_head(path)
        return path
    return next(iter(installed()), None)


def installed() -> list[Path]:
    """The SoundFonts in the usual places, those that a system calls its default first."""
    found = [
        path
        for place in PLACES
        for path in sorted(Path(place).expanduser().glob("*"), key=lambda path: ("default" not in path.name, path.name))
        if path.suffix.lower() in SUFFIXES
    ]
    return [path for path in found if not _trouble(path)]


def play_soundfont(
    font: "Soundfont", notes: Sequence[Note], seconds: float | None = None, sample_rate: int = SAMPLE_RATE
) -> Samples:
    """As `core.midi.synth.play`, with the font's first instrument."""

    def struck(pitch: int, level: int, samples: int) -> tuple[Samples, Samples]:
        return font.struck(pitch, LEVEL_VELOCITIES[level], samples, sample_rate)

    return mixed(notes, struck, seconds, sample_rate, TAIL_SECONDS)


@dataclass(frozen=True)
class Soundfont:
    """The zones of one preset, each a mapping from generators to amounts, the samples they play, and the file's data.

    Every zone's sample exists and lies within the data.
    """

    path: Path
    zones: tuple[Zone, ...]
    headers: Any  # numpy structured array, of RECORDS[b"shdr"]
    data: Any  # numpy memory map of bytes

    @classmethod
    def load(cls, path: Path) -> "Soundfont":
        """Read the preset of bank 0, program 0 (the piano), or the file's first. Raises UsageError."""
        _check_head(path)
        try:
            data = np.memmap(path, np.uint8, "r")
            chunks = dict(_chunks(data, 12, len(data)))
            tables = {name: np.frombuffer(_whole(chunks[name], kind.itemsize), kind) for name, kind in RECORDS.items()}
            presets = tables[b"phdr"][:-1]
            first = min(range(len(presets)), key=lambda i: (presets[i]["bank"] == 128, presets[i]["bank"],
                                                            presets[i]["preset"]))  # fmt: skip
            zones = [zone for zone in _preset_zones(tables, first) if _usable(zone, tables[b"shdr"], chunks[b"smpl"])]
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise UsageError(DAMAGED.format(path)) from error
        if not zones:
            raise UsageError(f"{path}: no instrument in this SoundFont can be played; name another file")
        return cls(path, tuple(zones), tables[b"shdr"], chunks[b"smpl"])

    def struck(self, pitch: int, velocity: int, samples: int, sample_rate: int) -> tuple[Samples, Samples]:
        """A key held for `samples` [samples], and the gains once it is let go; silence for a key without a sound."""
        tone = np.zeros(samples, np.float32)
        release = SHORTEST_RELEASE
        for zone in self.zones:
            if _within(zone, KEYS, pitch) and _within(zone, VELOCITIES, velocity):
                tone += self._voice(zone, pitch, velocity, samples, sample_rate)
                release = max(release, _seconds(zone, RELEASE))
        tail = round(TAIL_SECONDS * sample_rate)
        time = np.arange(tail) / sample_rate
        gains = 10 ** (-SILENT_DB / 20 * time / release) * np.minimum(1, (TAIL_SECONDS - time) / (TAIL_SECONDS / 4))
        return tone, gains.astype(np.float32)

    def _voice(self, zone: Zone, pitch: int, velocity: int, samples: int, sample_rate: int) -> Samples:
        header = self.headers[zone[SAMPLE]]
        wave, loop_start, loop_end = self._wave(zone, header)
        root = zone[ROOT] if 0 <= zone[ROOT] <= 127 else int(header["root"])
        cents = (pitch - root) * zone[SCALE] + 100 * zone.get(SEMITONES, 0) + zone.get(CENTS, 0) + int(header["cents"])
        speed = 2.0 ** (min(9600, max(-9600, cents)) / 1200) * float(header["rate"]) / sample_rate
        place = np.arange(samples) * speed
        if zone.get(MODE, 0) & 1 and loop_end > loop_start:
            place = np.where(place < loop_end, place, loop_start + (place - loop_start) % (loop_end - loop_start))
        tone = np.interp(place, np.arange(len(wave)), wave, right=0.0)
        cutoff = 8.176 * 2.0 ** (zone[CUTOFF] / 1200)
        if cutoff < 0.4 * sample_rate:
            from scipy.signal import butter, lfilter  # type: ignore[import-untyped]

            tone = lfilter(*butter(2, max(20.0, cutoff), fs=sample_rate), tone)
        angle = (min(500, max(-500, zone.get(PAN, 0))) + 500) / 1000 * np.pi / 2
        loudness = (velocity / 127) ** 2 * 10 ** (-0.4 * max(0, zone.get(ATTENUATION, 0)) / 200)
        gain = GAIN * loudness * (np.cos(angle) + np.sin(angle)) / np.sqrt(2)
        voice: Samples = (gain * tone * _envelope(zone, samples, sample_rate)).astype(np.float32)
        return voice

    def _wave(self, zone: Zone, header: Any) -> tuple[Any, int, int]:
        """The samples from -1 to 1, and where their loop begins and ends."""
        start, end, loop_start, loop_end = _bounds(zone, header)
        if header["kind"] & COMPRESSED:
            import soundfile

            packed = self.data[int(header["start"]) : int(header["end"])].tobytes()
            try:
                wave, _ = soundfile.read(io.BytesIO(packed), dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise UsageError(DAMAGED.format(self.path)) from error
            if not len(wave):
                raise UsageError(DAMAGED.format(self.path))
            wave = wave[:, 0]
            loop_start, loop_end = int(header["loop_start"]), int(header["loop_end"])
        else:
            wave = self.data[2 * start : 2 * end].view("<i2") / 32768
            loop_start, loop_end = loop_start - start, loop_end - start
        return wave, max(0, loop_start), min(loop_end, len(wave) - 1)


def _check_head(path: Path) -> None:
    if trouble := _trouble(path):
        raise UsageError(f"{path}: {trouble}; name an .sf2 or .sf3 file, or none for the built-in sound")


def _trouble(path: Path) -> str:
    """Why the file cannot be a SoundFont, from its first bytes; empty where it may be one."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        return f"cannot be opened ({error.strerror})"
    return "" if head[:4] == b"RIFF" and head[8:] == b"sfbk" else "not a SoundFont"


def _chunks(data: Any, at: int, end: int) -> Iterator[tuple[bytes, Any]]:
    """The chunks (name, bytes) of a RIFF file, those in lists as well. Raises ValueError where one is cut off."""
    while at + 8 <= end:
        name, size = data[at : at + 4].tobytes(), struct.unpack("<I", data[at + 4 : at + 8].tobytes())[0]
        if at + 8 + size > end:
            raise ValueError("cut off")
        if name == b"LIST":
            yield from _chunks(data, at + 12, at + 8 + size)
        else:
            yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _whole(table: Any, size: int) -> bytes:
    return bytes(table[: len(table) // size * size].tobytes())


def _preset_zones(tables: Mapping[bytes, Any], preset: int) -> Iterator[Zone]:
    """The zones of a preset's instruments, with what the preset adds to each."""
    for over in _zones(tables[b"phdr"], tables[b"pbag"], tables[b"pgen"], preset, INSTRUMENT):
        for zone in _zones(tables[b"inst"], tables[b"ibag"], tables[b"igen"], over[INSTRUMENT], SAMPLE):
            merged = {**USUAL, **zone}
            for kind, amount in over.items():
                if kind not in NOT_ADDED:
                    merged[kind] = merged.get(kind, 0) + amount
            for kind in (KEYS, VELOCITIES):
                merged[kind] = _overlap(zone.get(kind, EVERYTHING), over.get(kind, EVERYTHING))
            yield merged


def _zones(owners: Any, bags: Any, generators: Any, owner: int, link: int) -> Iterator[dict[int, int]]:
    """The zones of a preset or an instrument that link to something, with the amounts of its global zone below them."""
    common: dict[int, int] = {}
    first, last = int(owners[owner]["bag"]), int(owners[owner + 1]["bag"])
    for bag in range(first, last):
        listed = generators[int(bags[bag]["gen"]) : int(bags[bag + 1]["gen"])]
        zone = {int(kind): int(amount) for kind, amount in listed}
        for unsigned in (KEYS, VELOCITIES, INSTRUMENT, SAMPLE):
            if unsigned in zone:
                zone[unsigned] &= 0xFFFF
        if link in zone:
            yield {**common, **zone}
        elif bag == first:
            common = zone


def _usable(zone: Zone, headers: Any, data: Any) -> bool:
    """Whether the zone's sample is there and whole."""
    if zone[SAMPLE] >= len(headers) - 1:
        return False
    header = headers[zone[SAMPLE]]
    if not 400 <= header["rate"] <= 400_000:
        return False
    if header["kind"] & COMPRESSED:
        return bool(header["start"] < header["end"] <= len(data))
    start, end, _, _ = _bounds(zone, header)
    return 0 <= start < end and 2 * end <= len(data)


def _bounds(zone: Zone, header: Any) -> tuple[int, int, int, int]:
    """Start, end, and the loop's start and end in samples, moved as the zone says."""
    moved = ((START, START_COARSE), (END, END_COARSE), (LOOP_START, LOOP_START_COARSE), (LOOP_END, LOOP_END_COARSE))
    names = ("start", "end", "loop_start", "loop_end")
    start, end, loop_start, loop_end = (
        int(header[name]) + zone.get(fine, 0) + 32768 * zone.get(coarse, 0)
        for name, (fine, coarse) in zip(names, moved, strict=True)
    )
    return start, end, loop_start, loop_end


def _within(zone: Zone, kind: int, value: int) -> bool:
    return zone[kind] & 0xFF <= value <= zone[kind] >> 8


def _overlap(one: int, other: int) -> int:
    return max(one & 0xFF, other & 0xFF) | min(one >> 8, other >> 8) << 8


def _seconds(zone: Zone, kind: int) -> float:
    """Timecents as seconds, at most 100."""
    return float(min(100.0, 2.0 ** (min(8000, zone[kind]) / 1200)))


def _envelope(zone: Zone, samples: int, sample_rate: int) -> Any:
    """The gain [samples] of a key that is held: delay, a straight attack, hold, and a decay that is straight in dB."""
    time = np.arange(samples) / sample_rate - _seconds(zone, DELAY)
    attack = _seconds(zone, ATTACK)
    falling = np.maximum(0, time - attack - _seconds(zone, HOLD))
    sustain = min(SILENT_DB, max(0, zone.get(SUSTAIN, 0)) / 10)
    fallen = np.minimum(sustain, SILENT_DB * falling / _seconds(zone, DECAY))
    return np.clip(time / attack, 0, 1) * 10 ** (-fallen / 20)
