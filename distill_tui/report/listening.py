"""The previews as a person listens through them: a card a sound, its original, and what was made of it by epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from core.run.events import PreviewEvent
from distill_tui.format import clean, count, number
from distill_tui.panels.preview_order import BEST, counterpart, key_of, listed, sound_of, trends
from distill_tui.report.clips import Clip
from distill_tui.report.pictures import WIDTH, piano_roll, pitches, waveform
from distill_tui.report.record import Record

SHOWN = 6  # takes that are not folded away
LISTED = 40  # of those that are, so many are listed even without their sound

Sound = tuple[str, str]


@dataclass(frozen=True)
class Take:
    """What a model of one epoch made of a sound. `distance` is "MRSTFT 1.42" or what a tune says; `bar` a width.

    `picture` is an SVG path in a box of 300 by 40, of which the sound takes the first `width`; `roll`: it is notes.
    """

    id: str
    title: str
    epoch: str
    distance: str
    bar: str
    best: bool
    clip: Clip
    picture: str = ""
    width: float = 0.0
    roll: bool = False


@dataclass(frozen=True)
class Card:
    """One sound: a reconstructed one with its original, or a sample. Takes are newest first; `older` are folded, and
    `unlisted` is how many have neither sound nor room in the list.
    """

    id: str
    name: str
    kind: str
    original: Take | None
    takes: tuple[Take, ...]
    older: tuple[Take, ...]
    unlisted: int = 0

    @property
    def in_a_row(self) -> str:
        """The ids of all that can be heard, from the first epoch to the newest and the original, spaces between."""
        takes = [*reversed(self.older), *reversed(self.takes), *([self.original] if self.original else [])]
        return " ".join(take.id for take in takes if take.clip.address)


@dataclass(frozen=True)
class Previews:
    """All cards, and what was left out of the page."""

    cards: tuple[Card, ...]
    left_out: str


def in_order(record: Record) -> list[PreviewEvent]:
    """The previews by how much they matter: of each sound the newest with its original, the best, then the others,
    newest first.
    """
    previews = listed(record.state.previews)
    marks = trends(record.state.previews)
    made = _by_sound(previews)
    first: list[PreviewEvent] = []
    second: list[PreviewEvent] = []
    for keys in made.values():
        first.append(previews[keys[0]])
        if original := counterpart(previews, keys[0]):
            first.append(previews[original])
        second += [previews[key] for key in keys if marks.get(key) == BEST]
    first.sort(key=lambda preview: preview.kind == "sample")
    return list({preview.audio_path: preview for preview in [*first, *second, *previews.values()]}.values())


def cards(record: Record, clips: Mapping[str, Clip], room: str) -> Previews:
    """The cards, reconstructed sounds first; `room` says how large the page may be."""
    previews = listed(record.state.previews)
    marks = trends(record.state.previews)
    found = []
    for place_, (sound, keys) in enumerate(_by_sound(previews).items(), 1):
        newest = previews[keys[0]]
        distances = [previews[key].mrstft or 0.0 for key in keys]
        takes = [
            _take(previews[key], f"s{place_}-{place}", clips, marks.get(key) == BEST, max(distances))
            for place, key in enumerate(keys)
        ]
        key = next((other for each in keys if (other := counterpart(previews, each))), None)
        original = _take(previews[key], f"s{place_}-o", clips, False, 0.0) if key else None
        takes, original = _pictured(takes, original)
        # What is folded away is neither the newest nor the best.
        shown = [take for place, take in enumerate(takes) if place < SHOWN or take.best]
        older = [take for take in takes if take not in shown]
        told = tuple(take for place, take in enumerate(older) if take.clip.address or place < LISTED)
        name = clean(newest.name) or clean(newest.audio_path)
        found.append(Card(f"s{place_}", name, sound[0], original, tuple(shown), told, len(older) - len(told)))
    found.sort(key=lambda card: card.kind == "sample")
    return Previews(tuple(found), _left_out(clips, room))


def _by_sound(previews: Mapping[str, PreviewEvent]) -> dict[Sound, list[str]]:
    """By sound the keys of what was made of it, newest first; a step that was gone over twice counts as made last."""
    found: dict[Sound, dict[int, str]] = {}
    for key, preview in previews.items():
        if preview.kind != "original":
            found.setdefault(sound_of(preview), {})[preview.step] = key
    alone = (preview for preview in previews.values() if preview.kind == "original")
    sounds = {sound: list(steps.values()) for sound, steps in found.items()}
    for preview in alone:  # the newest step of a live run may have no more yet
        if sound_of(preview) not in sounds:
            sounds[sound_of(preview)] = [key_of(preview)]
    return sounds


def _take(preview: PreviewEvent, id: str, clips: Mapping[str, Clip], best: bool, farthest: float) -> Take:
    name = clean(preview.name)
    if preview.kind == "original":
        return Take(id, f"original of {name}", "original", "", "", False, _clip_of(preview, clips))
    bar, distance = "", clean(preview.likeness)
    if preview.mrstft is not None:
        distance = f"MRSTFT {number(preview.mrstft)}"
        bar = f"{100 * min(1.0, max(0.0, preview.mrstft / farthest)):.1f}%" if farthest > 0 else ""
    title = f"{preview.kind} {name}, epoch {count(preview.epoch)}"
    return Take(id, title, f"epoch {count(preview.epoch)}", distance, bar, best, _clip_of(preview, clips))


def _pictured(takes: list[Take], original: Take | None) -> tuple[list[Take], Take | None]:
    """The takes of one sound with pictures that can be held against each other: to one scale of time and pitch."""
    # An early model may ramble on for minutes, and all over the keyboard: what is beyond all that is seen is cut off.
    near = [*takes[:SHOWN], *([original] if original else [])]
    longest = max(take.clip.seconds for take in near) or 1.0
    low, high = pitches(take.clip.notes for take in near)

    def pictured(take: Take) -> Take:
        width, notes = round(WIDTH * take.clip.seconds / longest, 1), take.clip.notes
        picture = piano_roll(notes, WIDTH / longest, low, high) if notes else waveform(take.clip.peaks, width)
        return replace(take, picture=picture, width=width, roll=bool(notes))

    return [pictured(take) for take in takes], pictured(original) if original else None


def _clip_of(preview: PreviewEvent, clips: Mapping[str, Clip]) -> Clip:
    return clips.get(preview.audio_path) or Clip(seconds=preview.seconds, why="no room")


def _left_out(clips: Mapping[str, Clip], room: str) -> str:
    """What is not on the page, and how to have it; "" where all is."""
    crowded = sum(clip.why == "no room" for clip in clips.values())
    broken = sum(clip.why == "cannot be read" for clip in clips.values())
    told = []
    if crowded:
        told.append(
            f"{count(crowded)} of {count(len(clips))} sounds are left out, so that the page stays within {room}; the "
            "newest and the best are here. --max-mb makes room for more."
        )
    if broken:
        told.append(f"{count(broken)} could not be read from the run folder.")
    return " ".join(told)
