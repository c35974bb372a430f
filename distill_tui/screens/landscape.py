"""The loss landscape of a run over whatever is shown: read from the run's folder, wherever that lies."""

import asyncio
from collections.abc import Callable
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from core.errors import UsageError
from core.insight.landscape_record import FOLDER, JSON_NAME, LandscapeError, decode
from core.run.link import LinkError, RunInfo
from distill_tui.panels.landscape import LandscapePanel

ARTIFACT = f"{FOLDER}/{JSON_NAME}"
LOOKED_EVERY_SECONDS = 5.0  # while there is none: somebody may be at it


class LandscapeScreen(ModalScreen[None]):
    """`fetch` brings the bytes of a file of the run and may block (`Session.fetch`); `info` says where the run is.

    While there is no landscape yet it is looked for now and then; what has been read stays until `r`.
    """

    WORDS = LandscapePanel.WORDS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,ctrl+c,ctrl+q", "close", show=False),
        Binding("r", "read", show=False),
        Binding("y", "copy", show=False),
        Binding("question_mark,f1", "app.help", show=False),
    ]
    DEFAULT_CSS = """
    LandscapeScreen { align: center middle; background: $background 60%; }
    LandscapeScreen > LandscapePanel { width: 96%; height: 96%; max-width: 150; background: $surface; }
    """

    def __init__(self, fetch: Callable[[str], bytes], info: RunInfo | None = None) -> None:
        super().__init__()
        self._fetch, self._info = fetch, info
        self._found = False

    def compose(self) -> ComposeResult:
        """One panel."""
        yield LandscapePanel(self._info)

    def on_mount(self) -> None:
        """Read at once; other colours may be other shades."""
        self.query_one(LandscapePanel).focus()
        self.app.theme_changed_signal.subscribe(self, lambda _: self.query_one(LandscapePanel).repaint())
        self.set_interval(LOOKED_EVERY_SECONDS, self._look)
        self._read()

    def action_close(self) -> None:
        """Back to where one was."""
        self.dismiss(None)

    def action_read(self) -> None:
        """Another may have been made."""
        self._read()

    def action_copy(self) -> None:
        """To the person's clipboard, wherever the terminal is."""
        text = self.query_one(LandscapePanel).copied()
        self.app.copy_to_clipboard(text)
        self.notify(f"Copied: {text.splitlines()[0][:60]}", timeout=3, markup=False)

    def _look(self) -> None:
        if not self._found:
            self._read()

    @work(exclusive=True)
    async def _read(self) -> None:
        """A line to the host may be slow, or down: that is said, and what was read before stays."""
        panel = self.query_one(LandscapePanel)
        try:
            data = await asyncio.to_thread(self._fetch, ARTIFACT)
            panel.show_landscape(decode(data, ARTIFACT))
            self._found = True
        except LandscapeError as error:
            panel.show_missing(str(error))
        except LinkError as error:
            panel.show_missing("" if "not a file of this run" in str(error) else str(error))
        except (UsageError, OSError) as error:
            panel.show_missing(str(error))
