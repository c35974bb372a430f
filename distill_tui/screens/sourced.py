"""A screen on a source of runs: read in the background, again every few seconds while it is the one that is seen."""

import math
from collections.abc import Iterable
from pathlib import Path

from textual import on
from textual.events import ScreenResume
from textual.message import Message
from textual.screen import Screen

from core.run.folder import RunSummary
from distill_tui.run_source import RunSource, source_of
from distill_tui.source_reader import Listing, SourceReader

TICK_SECONDS = 1.0


class Sourced(Screen[None]):
    """Knows where the runs come from and how it stands with that; a subclass shows them."""

    class News(Message):
        """A source has been read."""

        def __init__(self, reader: SourceReader) -> None:
            super().__init__()
            self.reader = reader

    def __init__(self, runs: Path | RunSource) -> None:
        """`runs` is a folder of runs, or another source of them."""
        super().__init__()
        self._reader = SourceReader(source_of(runs), self._tell)

    @property
    def source(self) -> RunSource:
        """Where the runs are that are shown."""
        return self._reader.source

    @property
    def listing(self) -> Listing:
        """What was read last."""
        return self._reader.listing

    @property
    def looking(self) -> bool:
        """Whether the source is being read."""
        return self._reader.busy

    def show_source(self, source: RunSource) -> None:
        """Show the runs of another source from now on."""
        self._reader.close()
        self._reader = SourceReader(source, self._tell)
        self.show_runs(())
        self._reader.start()

    def show_runs(self, runs: Iterable[RunSummary]) -> None:
        """Show these runs; none also means that they are not known yet."""
        raise NotImplementedError

    def show_standing(self) -> None:
        """Show how it stands with the source."""
        raise NotImplementedError

    def look(self) -> None:
        """Read the source anew."""
        self._reader.look()

    def on_mount(self) -> None:
        """Look at once, then from time to time."""
        self._reader.start()
        self.set_interval(TICK_SECONDS, self._tick)

    def on_unmount(self) -> None:
        """Let go of the source."""
        self._reader.close()

    @on(ScreenResume)
    def _look_again(self) -> None:
        if self.is_current and not self._reader.busy and math.isfinite(self.source.every):
            self.look()

    def _tick(self) -> None:
        if self.is_current:
            self._reader.look_if_due()
            self.show_standing()

    def _tell(self, reader: SourceReader) -> None:
        self.post_message(self.News(reader))  # from the reader's thread

    @on(News)
    def _news(self, event: News) -> None:
        if event.reader is not self._reader:
            return
        if self.listing.error is None:
            self.show_runs(self.listing.runs or ())
        else:
            self.show_standing()
