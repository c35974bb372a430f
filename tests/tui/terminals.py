"""A real terminal for tests: a tmux server of its own."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest


class Tmux:
    """A tmux server of its own with one window, 120 by 40 unless told otherwise."""

    def __init__(self, socket: Path) -> None:
        self._base = ["tmux", "-S", str(socket), "-f", "/dev/null"]

    def run(self, *arguments: str) -> str:
        return subprocess.run([*self._base, *arguments], check=True, capture_output=True, text=True).stdout

    def start(
        self, command: list[str], folder: Path, size: tuple[int, int] = (120, 40), environ: dict[str, str] | None = None
    ) -> None:
        settings = {"DISTILL_RUNS": str(folder / "runs"), "XDG_CONFIG_HOME": str(folder), "LANG": "C.UTF-8",
                    "DISTILL_ASCII": ""}  # fmt: skip
        settings |= environ or {}
        exports = [part for name, value in settings.items() if name != "TERM" for part in ("-e", f"{name}={value}")]
        line = " ".join(f"'{part}'" for part in command)
        term = f"export TERM={settings['TERM']}; " if "TERM" in settings else ""  # tmux sets its own for the window
        width, height = size
        self.run("new-session", "-d", "-x", str(width), "-y", str(height), *exports,
                 f"unset COLUMNS LINES; {term}{line}; echo status=$?; exec cat")  # fmt: skip

    def start_shell(self, folder: Path) -> None:
        """An interactive shell, for job control."""
        self.run("new-session", "-d", "-x", "120", "-y", "40", "-e", f"XDG_CONFIG_HOME={folder}",
                 "-e", "LANG=C.UTF-8", "unset COLUMNS LINES; PS1='$ ' exec bash --norc --noprofile -i")  # fmt: skip

    def keys(self, *keys: str) -> None:
        self.run("send-keys", *keys)

    def screen(self, *, colours: bool = False) -> str:
        return self.run("capture-pane", "-p", *(["-e"] if colours else []))

    def wait_for(self, *texts: str, seconds: float = 60) -> str:
        deadline = time.monotonic() + seconds
        while True:
            screen = self.screen()
            if all(text in screen for text in texts):
                return screen
            assert time.monotonic() < deadline, f"{texts} not on the screen:\n{screen}"
            time.sleep(0.1)

    def kill(self) -> None:
        subprocess.run([*self._base, "kill-server"], check=False, capture_output=True)


def tmux_at(socket: Path) -> Tmux:
    """A tmux, or a skip that says why (in CI a failure)."""
    if shutil.which("tmux") is None:
        if os.environ.get("CI"):
            pytest.fail("tmux is missing, and .ci/run should have installed it")
        pytest.skip("tmux is not installed")
    return Tmux(socket)
