"""`--alert bell,osc9,osc777`: the terminal itself rings or shows a notification when there is news of a run."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from distill_tui.alerting import News, news_of

if TYPE_CHECKING:
    from core.run.state import RunState
    from distill_tui.app import DistillApp

LOOK_SECONDS = 0.5
SHOWN_LENGTH = 200


def sequences(news: News, ways: tuple[str, ...], environ: Mapping[str, str] = os.environ) -> str:
    """What to write to the terminal: control sequences that move nothing on the screen.

    OSC 9 is shown by iTerm2, kitty, WezTerm, ghostty, Windows Terminal and foot, OSC 777 by foot, ghostty, WezTerm and
    VTE's descendants. tmux hands them on where `allow-passthrough` is on; the bell needs nothing.
    """
    # ";" parts the fields of OSC 777. A text of digits would be one of ConEmu's commands; ours begins with a name.
    title, text = (part.replace(";", ",")[:SHOWN_LENGTH] for part in (f"distill-tui: {news.title}", news.text))
    written = []
    if "osc9" in ways:
        written.append(_passed_on(f"\x1b]9;{title}. {text}\x1b\\", environ))
    if "osc777" in ways:
        written.append(_passed_on(f"\x1b]777;notify;{title};{text}\x1b\\", environ))
    if "bell" in ways:
        written.append("\a")
    return "".join(written)


def _passed_on(sequence: str, environ: Mapping[str, str]) -> str:
    if not environ.get("TMUX"):
        return sequence
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


class TerminalAlerts:
    """Looks at the run that `app` shows, twice a second, and writes what is new to its terminal; of many the newest.

    What had happened when the run was first seen is not told. `write` is the terminal, if not the app's own.
    """

    def __init__(self, app: "DistillApp", ways: tuple[str, ...], write: Callable[[str], object] | None = None) -> None:
        self._app, self._ways, self._write = app, ways, write or self._to_terminal
        self._board: object = None
        self._seen = 0
        if ways:
            app.set_interval(LOOK_SECONDS, self.look)

    def look(self) -> None:
        """Write what is new."""
        board = self._app.dashboard
        if board is None or board.snapshot.info is None:
            return
        state = board.snapshot.state
        if board is not self._board:
            self._board, self._seen = board, state.seq
        if state.seq > self._seen:
            newest = _newest(state, self._seen, board.snapshot.info.name)
            self._seen = state.seq
            if newest is not None:
                self._write(sequences(newest, self._ways))

    def _to_terminal(self, text: str) -> None:
        driver = self._app._driver
        if driver is not None and not self._app.is_headless:
            driver.write(text)  # from the app's own thread, so never within a frame


def _newest(state: "RunState", after: int, run: str) -> News | None:
    for stored in reversed(state.log):
        if stored.seq <= after:
            return None
        if (news := news_of(stored.event, run, stored.time)) is not None:
            return news
    return None
