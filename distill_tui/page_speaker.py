"""A speaker that is a page in a browser: what `watch --web` plays is heard where the person sits.

It asks for samples in real time, a little ahead of what is heard, and sends them to the server, which hands them on.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from distill_tui.hearing import Availability
from distill_tui.speaker import SpeakerError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Fill = Callable[[NDArray[np.int16]], bool]

AHEAD_SECONDS = 0.2  # on the way: a tunnel may be that uneven
BLOCK_SECONDS = 0.05
ANSWER_SECONDS = 3.0


def page_availability(address: str) -> Availability:
    """Whether the page at `address` (what $DISTILL_PAGE says) is open."""
    url = urlsplit(address)
    connection = HTTPConnection(url.netloc, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", url.path)
        there = connection.getresponse().status == 204
    except (OSError, HTTPException):
        there = False
    finally:
        connection.close()
    return Availability(True) if there else Availability(False, "the page does not answer", "load it again")


class PageSpeaker:
    """As `Speaker`; `fill` and `finished` are called from a thread of its own."""

    def __init__(
        self, address: str, sample_rate: int, channels: int, fill: "Fill", finished: Callable[[], None]
    ) -> None:
        self.sample_rate, self.channels, self.latency = sample_rate, channels, AHEAD_SECONDS
        self._url = urlsplit(address)
        self._fill, self._finished = fill, finished
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="page-speaker", daemon=True)

    def start(self) -> None:
        """Begin to ask for blocks. Raises SpeakerError."""
        found = page_availability(self._url.geturl())
        if not found.ok:
            raise SpeakerError(found.reason)
        self._thread.start()

    def close(self) -> None:
        """End at once, dropping what has not been heard yet."""
        self._closed.set()

    def _run(self) -> None:
        connection = HTTPConnection(self._url.netloc, timeout=ANSWER_SECONDS)
        with suppress(OSError, HTTPException):
            connection.putrequest("POST", f"{self._url.path}?rate={self.sample_rate}&channels={self.channels}")
            connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders()
            if self._send_all(connection):
                connection.send(b"0\r\n\r\n")
                connection.getresponse().read()
                self._closed.wait(AHEAD_SECONDS)  # until the last of it has been heard
        connection.close()  # before the end of the body: the page falls silent
        self._finished()

    def _send_all(self, connection: HTTPConnection) -> bool:
        """Send blocks until the sound ends (True) or the speaker is closed."""
        import numpy as np

        frames = round(self.sample_rate * BLOCK_SECONDS)
        began, sent, ended = time.monotonic(), 0, False
        while not ended:
            block = np.zeros((frames, self.channels), "<i2")
            ended = self._fill(block)
            data = block.tobytes()
            connection.send(b"%x\r\n%s\r\n" % (len(data), data))
            sent += frames
            if self._closed.wait(max(0.0, began + sent / self.sample_rate - AHEAD_SECONDS - time.monotonic())):
                return False
        return True
