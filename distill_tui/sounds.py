"""The sounds, spectra and scores of a run as they are asked for: fetched in a thread, the most recent ones kept."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from core.midi.vocabulary import Note
from distill_tui.spectrogram import Spectrum, spectrum
from distill_tui.wav import Sound, read_wav

KEPT = 24

Read = TypeVar("Read")


class ScoreError(ValueError):
    """The bytes are not a tune that can be shown; the message is one line: what, and what is wrong with it."""


class Kept(Generic[Read]):
    """What is made of files of the run, by their paths; a subclass says how with `_made`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Read] = OrderedDict()
        self._coming: dict[str, asyncio.Task[Read]] = {}

    def kept(self, path: str) -> Read | None:
        """What is here already."""
        return self._kept.get(path)

    async def get(self, path: str) -> Read:
        """What the file at `path` holds. Raises what `_made` raises.

        Who asks while it is on its way waits for the same bytes; they are kept even if nobody waits any more.
        """
        if path in self._kept:
            self._kept.move_to_end(path)
            return self._kept[path]
        if path not in self._coming:
            self._coming[path] = asyncio.create_task(self._bring(path))
            self._coming[path].add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._coming[path])

    async def _bring(self, path: str) -> Read:
        try:
            found = self._kept[path] = await self._made(path)
        finally:
            del self._coming[path]
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    async def _made(self, path: str) -> Read:
        raise NotImplementedError


class Fetched(Kept[Read]):
    """`fetch` brings the bytes of a file of the run and may block; it is called in a thread, and so is `read`."""

    def __init__(self, fetch: Callable[[str], bytes], read: Callable[[bytes, str], Read]) -> None:
        super().__init__()
        self._fetch, self._read = fetch, read

    async def _made(self, path: str) -> Read:
        return await asyncio.to_thread(lambda: self._read(self._fetch(path), path))


class Sounds(Fetched[Sound]):
    """The sounds of previews. `get` raises WavError for what cannot be played."""

    def __init__(self, fetch: Callable[[str], bytes]) -> None:
        super().__init__(fetch, read_wav)


class Spectra(Kept[Spectrum]):
    """The spectra of those sounds. `get` raises what `Sounds.get` raises."""

    def __init__(self, sounds: Sounds) -> None:
        super().__init__()
        self._sounds = sounds

    async def _made(self, path: str) -> Spectrum:
        sound = await self._sounds.get(path)
        return await asyncio.to_thread(spectrum, sound)


class Scores(Fetched[tuple[Note, ...]]):
    """The notes of previews. `get` raises ScoreError for what is no tune."""

    def __init__(self, fetch: Callable[[str], bytes]) -> None:
        super().__init__(fetch, read_notes)


def read_notes(data: bytes, name: str = "") -> tuple[Note, ...]:
    """The notes of a MIDI file. `name` is for messages. Raises ScoreError."""
    from core.midi.files import UnreadableTune, read_score

    try:
        return read_score(data)
    except UnreadableTune as error:
        raise ScoreError(f"{name or 'tune'}: {error}") from error
