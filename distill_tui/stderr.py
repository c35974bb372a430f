"""Keeps what libraries write to file descriptor 2 (libmpg123, ALSA, CUDA, a moment of PortAudio) off the screen.

Textual draws through `sys.__stderr__`. While the screen is up that is an outlet with a descriptor of its own, and
descriptor 2 goes to a temporary file; whoever points descriptor 2 elsewhere for a moment no longer takes the drawing
along.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from distill_tui.outlet import Outlet

KEPT_BYTES = 20_000


class Noise:
    """`text` is what was written to descriptor 2 and could not be told: the terminal had been given up."""

    text = b""


@contextmanager
def kept_off_the_screen(outlet: Outlet) -> Iterator[Noise]:
    """Redirect descriptor 2 while the block runs; afterwards the end of what was written there is written after all.

    It is kept instead when the outlet has been given up: the terminal may take nothing more.
    """
    said = Noise()
    original = sys.__stderr__
    if original is None:
        yield said
        return
    original.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        sys.__stderr__ = outlet  # type: ignore[misc,assignment]
        try:
            yield said
        finally:
            sys.__stderr__ = original  # type: ignore[misc]
            outlet.flush()
            for stream in (original, sys.stderr):
                with suppress(OSError, ValueError):
                    stream.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
            noise.seek(max(0, noise.seek(0, os.SEEK_END) - KEPT_BYTES))
            said.text = noise.read()
            if not outlet.given_up:
                with suppress(OSError):
                    os.write(2, said.text)
                    said.text = b""
