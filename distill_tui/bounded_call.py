"""Runs another program that may do anything: never answer, print without end, or leave children behind."""

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Event

from distill_tui import deadline
from distill_tui.format import clean

LOOK_SECONDS = 0.05
HURRIED_SECONDS = 2.0
OVERDUE_SECONDS = 5.0  # after which a process that was to have been ended is waited for no longer
KEPT_BYTES = 400  # of what it says on stderr


def bounded_call(
    argv: Sequence[str], body: bytes, environ: Mapping[str, str], limit: float, hurry: Event | None = None
) -> str:
    """Run `argv` with `body` on its stdin; returns "" if that worked, else one line: why not, in its own words.

    After `limit` seconds it is ended, with all that it started, even if this program has ended before. Once `hurry` is
    set, it is waited for two seconds more and is then left to itself and its limit, which counts as having worked. What
    it prints on stdout is thrown away.
    """
    began = time.monotonic()
    try:
        # A session of its own: the terminal's ctrl+c is not for it.
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", deadline.__file__, repr(limit), *argv], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=dict(environ), start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        return clean(str(error))
    patience, hurried = began + limit + OVERDUE_SECONDS, False
    with _Pipes(process, body) as pipes:
        # Until it ends, not until its pipes are closed: a child that it leaves behind may hold them for good.
        while process.poll() is None:
            if hurry is not None and hurry.is_set() and not hurried:
                patience, hurried = min(patience, time.monotonic() + HURRIED_SECONDS), True
            if time.monotonic() > patience:
                break
            pipes.exchange(LOOK_SECONDS)
        pipes.exchange(0)
        words = " ".join(clean(pipes.said.decode(errors="replace")).split())
    if process.returncode == 0 or (process.returncode is None and hurried):
        return ""
    if time.monotonic() - began >= limit:
        return f"took longer than {limit:g} s and was ended"
    return words or f"ended with status {process.returncode}"


class _Pipes:
    """The process's stdin, to be given `body`, and its stderr, of which the beginning is kept in `said`."""

    def __init__(self, process: "subprocess.Popen[bytes]", body: bytes) -> None:
        assert process.stdin is not None
        assert process.stderr is not None
        self._stdin, self._stderr, self._rest = process.stdin, process.stderr, body
        self._in, self._err = process.stdin.fileno(), process.stderr.fileno()
        self.said = b""
        self._selector = selectors.DefaultSelector()
        for pipe, event in ((self._stdin, selectors.EVENT_WRITE), (self._stderr, selectors.EVENT_READ)):
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe.fileno(), event)

    def __enter__(self) -> "_Pipes":
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        self._close_stdin()
        self._stderr.close()

    def exchange(self, seconds: float) -> None:
        """Give and take what can be had at once, after waiting for it no longer than `seconds`."""
        began = time.monotonic()
        for key, _ in self._selector.select(seconds):
            if key.fd == self._in:
                self._give()
            else:
                self._take()
        if seconds and not self._selector.get_map():  # both closed, and it is still at work
            time.sleep(max(0.0, seconds - (time.monotonic() - began)))

    def _give(self) -> None:
        try:
            self._rest = self._rest[os.write(self._in, self._rest) :]
        except BrokenPipeError:  # it does not want to know
            self._rest = b""
        if not self._rest:
            self._selector.unregister(self._in)
            self._close_stdin()

    def _take(self) -> None:
        got = os.read(self._err, 4096)
        if not got:
            self._selector.unregister(self._err)
        self.said = (self.said + got)[:KEPT_BYTES]

    def _close_stdin(self) -> None:
        with suppress(BrokenPipeError):
            self._stdin.close()
