"""`--alert bell,osc9,osc777`: the terminal itself rings or shows a notification when there is news of a run."""

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from distill_tui.alerting import News, gone, news_of

if TYPE_CHECKING:
    from core.run.state import RunState
    from distill_tui.app import DistillApp
    from distill_tui.reader import Snapshot

LOOK_SECONDS = 0.5
GONE_SECONDS = 2.5  # a slow line may bring a run's end so much later than that its trainer has let go of it
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
        self._vanishing = Vanishing()
        if ways:
            app.set_interval(LOOK_SECONDS, self.look)

    def look(self) -> None:
        """Write what is new."""
        board = self._app.dashboard
        if board is None or board.snapshot.info is None or board.snapshot.replay is not None:
            return  # a replay tells nothing new
        snapshot = board.snapshot
        state, run = snapshot.state, board.snapshot.info.name
        if board is not self._board:
            self._board, self._seen, self._vanishing = board, state.seq, Vanishing()
        newest = _newest(state, self._seen, run)
        self._seen = max(self._seen, state.seq)
        if self._vanishing.look(snapshot, time.monotonic()):
            newest = gone(run, time.time())
        if newest is not None:
            self._write(sequences(newest, self._ways))

    def _to_terminal(self, text: str) -> None:
        driver = self._app._driver
        if driver is not None and not self._app.is_headless:
            driver.write(text)  # from the app's own thread, so never within a frame


class Vanishing:
    """Whether the trainer of a watched run has gone without a word since the last look."""

    def __init__(self) -> None:
        self._watched = False  # a trainer was there
        self._since: float | None = None

    def look(self, snapshot: "Snapshot", now: float) -> bool:
        """True once for each trainer that goes; `now` is in seconds of any clock that only grows."""
        live = snapshot.trains or (snapshot.info is not None and snapshot.info.live)
        if live or not self._watched or snapshot.state.complete is not None:
            self._watched, self._since = live, None
            return False
        self._since = now if self._since is None else self._since
        if now - self._since < GONE_SECONDS:
            return False
        self._watched, self._since = False, None
        return True


def _newest(state: "RunState", after: int, run: str) -> News | None:
    for stored in reversed(state.log):
        if stored.seq <= after:
            return None
        if (news := news_of(stored.event, run, stored.time)) is not None:
            return news
    return None
