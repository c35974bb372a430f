"""Keeps what libraries write to file descriptor 2 (libmpg123, ALSA, CUDA, a moment of PortAudio) off the screen.

Textual draws through `sys.__stderr__`. While the screen is up that gets a descriptor of its own, and descriptor 2 goes
to a temporary file; whoever points descriptor 2 elsewhere for a moment no longer takes the drawing along.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

KEPT_BYTES = 20_000


@contextmanager
def kept_off_the_screen() -> Iterator[None]:
    """Redirect descriptor 2 while the block runs; afterwards the end of what was written there is written after all."""
    original = sys.__stderr__
    if original is None:
        yield
        return
    original.flush()
    terminal = os.dup(2)
    drawn = os.fdopen(terminal, "w", encoding="utf-8", errors="replace")
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        sys.__stderr__ = drawn  # type: ignore[misc]
        try:
            yield
        finally:
            sys.__stderr__ = original  # type: ignore[misc]
            with suppress(OSError):  # a terminal that has hung up
                drawn.flush()
            for stream in (original, sys.stderr):
                with suppress(OSError, ValueError):
                    stream.flush()
            os.dup2(terminal, 2)
            noise.seek(max(0, noise.seek(0, os.SEEK_END) - KEPT_BYTES))
            with suppress(OSError):
                os.write(2, noise.read())
            with suppress(OSError):
                drawn.close()
