"""A run as the pages of `watch --web` need it: read only when a page asks, its sounds kept for a while."""

import threading
import time
from collections import OrderedDict

from core.run.events import PreviewEvent
from core.run.link import LinkError, RunInfo, RunLink
from core.run.state import RunState, fold

FRESH_SECONDS = 0.5
KEPT_BYTES = 64 * 2**20


class HeardRun:
    """The newest state of what `link` watches. Methods may block on disk or line; any thread may call them."""

    def __init__(self, link: RunLink) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._state, self._info, self._read_at = RunState(), link.info(), -FRESH_SECONDS
        self._sounds: OrderedDict[str, bytes] = OrderedDict()

    def look(self) -> tuple[RunState, RunInfo]:
        """How the run stands, at most half a second old. While it cannot be read: how it last stood."""
        with self._lock:
            if time.monotonic() - self._read_at >= FRESH_SECONDS:
                try:
                    self._state = fold(self._state, self._link.read(self._state.seq))
                    self._info = self._link.info()
                except LinkError:
                    pass
                self._read_at = time.monotonic()
            return self._state, self._info

    def preview(self, number: int) -> PreviewEvent:
        """Preview `number` in the order in which they were made, from 0. Raises LookupError."""
        state, _ = self.look()
        if not 0 <= number < len(state.previews):
            raise LookupError(number)
        return state.previews[number]

    def sound(self, preview: PreviewEvent) -> bytes:
        """The bytes of its sound. Raises LinkError."""
        path = preview.audio_path
        with self._lock:
            if path in self._sounds:
                self._sounds.move_to_end(path)
                return self._sounds[path]
        data = self._link.fetch(path)
        with self._lock:
            self._sounds[path] = data
            while len(self._sounds) > 1 and sum(map(len, self._sounds.values())) > KEPT_BYTES:
                self._sounds.popitem(last=False)
        return data

    def close(self) -> None:
        """Let go of the run."""
        self._link.close()
