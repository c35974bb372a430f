"""The sounds of a run as they are asked for: fetched in a thread, the most recent ones kept."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from distill_tui.wav import Sound, read_wav

KEPT = 24


class Sounds:
    """`fetch` brings the bytes of a preview and may block; it is called in a thread."""

    def __init__(self, fetch: Callable[[str], bytes]) -> None:
        self._fetch = fetch
        self._kept: OrderedDict[str, Sound] = OrderedDict()

    async def get(self, path: str) -> Sound:
        """The sound of the preview at `path`. Raises what `fetch` raises, and WavError for what cannot be played."""
        if path in self._kept:
            self._kept.move_to_end(path)
            return self._kept[path]
        sound = self._kept[path] = await asyncio.to_thread(lambda: read_wav(self._fetch(path), path))
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return sound
