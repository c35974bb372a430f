"""A run as a page of `watch --web` shows it: the page only watches, and what it resumes trains in a process of its own.

A page's process ends with its tab, at once if need be; a training in it would end with it.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from core.run.folder import RunFolder
from core.run.link import LinkError, RunLink
from core.run.remote_failure import last_words
from distill_tui.session import Session

PATIENCE_SECONDS = 60.0  # in which torch is loaded, even from a cold disk, and the run is taken up
LOOK_SECONDS = 0.1
SAID_BYTES = 4096
OF_THE_PAGE = ("TEXTUAL", "DISTILL_PAGE", "DISTILL_ASCII", "COLUMNS", "LINES")


class PageSession(Session):
    """As `Session`, but never trains in this process."""

    def resume(self, from_: str = "latest") -> RunLink:
        """Have the run trained on by a process that goes on without us; blocks until it has taken the run up.

        Raises LinkError, with that process's own words, when it does not.
        """
        if self.link is None:
            raise LinkError("the run has not been reached yet")
        info = self.link.info()
        if not info.local_folder:
            raise LinkError(f"{info.location}: not on this machine; resume it where it is")
        folder = RunFolder.open(Path(info.local_folder))
        if not folder.is_live():
            _begin(folder, from_)
        self.replay = None
        return self.link


def _begin(folder: RunFolder, from_: str) -> None:
    words = [sys.executable, "-m", "distill_tui", "resume", str(folder.path), f"--from={from_}", "--headless",
             "--on-hangup=continue"]  # fmt: skip
    environ = {name: value for name, value in os.environ.items() if not name.startswith(OF_THE_PAGE)}
    try:
        with folder.log_path.open("ab") as log:
            before = log.seek(0, os.SEEK_END)
            trainer = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ, start_new_session=True
            )
    except OSError as error:
        raise LinkError(f"{folder.path}: cannot be trained on ({error.strerror or error})") from error
    threading.Thread(target=trainer.wait, name="resumed", daemon=True).start()  # else it would stay as a zombie
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not folder.is_live():
        if trainer.poll() is not None:
            raise LinkError(_why(folder, before) or f"ended with status {trainer.returncode}; see {folder.log_path}")
        if time.monotonic() > deadline:
            raise LinkError(f"not at work yet after {PATIENCE_SECONDS:g} s; see {folder.log_path}")
        time.sleep(LOOK_SECONDS)


def _why(folder: RunFolder, before: int) -> str:
    """What it has said in the log from the byte `before` on."""
    with folder.log_path.open("rb") as log:
        log.seek(max(before, log.seek(0, os.SEEK_END) - SAID_BYTES))
        return last_words(log.read()).removeprefix("distill-tui: ")
