"""What the screen is drawn through: a terminal that can be given up while it takes nothing, or when it has gone."""

import io
import os
import select
import termios
import time
from contextlib import suppress

from distill_tui.terminal import LEAVE_SCREEN

MOST_BYTES = 1 << 16


class Outlet(io.TextIOBase):
    """Writes to the terminal behind `descriptor`, through an opening of its own so that no write has to wait for good.

    `gone` says that nobody is at the other end any more; `given_up` that what is drawn goes nowhere.
    """

    def __init__(self, descriptor: int) -> None:
        self.given_up = self.gone = False
        self._terminal, self._patient = _opened(descriptor)
        self._woken, self._wake = os.pipe()
        self._drawn = bytearray()
        self._since: float | None = None

    @property
    def waits(self) -> float:
        """Seconds since the terminal has taken anything of what waits; 0 when nothing does."""
        since = self._since
        return time.monotonic() - since if since is not None else 0.0

    @property
    def hung_up(self) -> bool:
        """Whether the other end has been closed."""
        if not self.gone:
            poll = select.poll()
            poll.register(self._terminal, 0)
            self.gone = any(event & select.POLLHUP for _, event in poll.poll(0))
        return self.gone

    def writable(self) -> bool:
        """Yes."""
        return True

    def isatty(self) -> bool:
        """Whether it is a terminal at all."""
        return os.isatty(self._terminal)

    def fileno(self) -> int:
        """Its descriptor."""
        return self._terminal

    def write(self, text: str) -> int:
        """Take `text`; it is on its way at the next flush. What UTF-8 has no bytes for becomes a question mark."""
        self._drawn += text.encode("utf-8", "replace")
        if len(self._drawn) > MOST_BYTES:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Wait until the terminal has taken everything, or has been given up. Only one thread may."""
        while self._drawn and not self.given_up:
            self._since = self._since or time.monotonic()
            try:
                del self._drawn[: os.write(self._terminal, self._drawn)]
            except BlockingIOError:
                select.select([self._woken], [self._terminal], [])
            except OSError:  # it has hung up
                self.gone = self.given_up = True
            else:
                self._since = None
        self._since = None
        self._drawn.clear()

    def give_up(self) -> None:
        """From now on nothing is drawn and nothing waits. Never blocks; a signal handler may call it."""
        self.given_up = True
        with suppress(OSError):
            os.write(self._wake, b"!")

    def leave(self, line: str) -> bool:
        """After `give_up`: throw away what the terminal has not read, leave the screen and say `line`.

        False when the terminal is gone or would have to be waited for.
        """
        if self.hung_up or self._patient:
            return False
        try:
            termios.tcflush(self._terminal, termios.TCOFLUSH)
            words = f"{LEAVE_SCREEN}{line}\r\n".encode("utf-8", "replace")
            return os.write(self._terminal, words) == len(words)
        except (OSError, termios.error):
            return False

    def close(self) -> None:
        """Let go of the terminal."""
        if not self.closed:
            super().close()
            for descriptor in (self._terminal, self._woken, self._wake):
                os.close(descriptor)


def _opened(descriptor: int) -> tuple[int, bool]:
    """A descriptor of its own for that terminal, and whether writing to it may wait: where it has no name."""
    try:
        flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(os.ttyname(descriptor), flags), False
    except OSError:
        return os.dup(descriptor), True
