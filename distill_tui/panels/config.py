"""What the run is made of: the data it found, then every setting, and what of it differs from what."""

from typing import ClassVar

from distill_tui.cells import Row, Run
from distill_tui.differences import Setting, baseline_of, settings
from distill_tui.panels.config_summary import differing, facts, headline, laid_out, summary
from distill_tui.panels.config_table import NARROWEST_TABLE, columns, table
from distill_tui.panels.frame import framed
from distill_tui.panels.panel import ScrollPanel
from distill_tui.panels.words import PanelHelp

COPIED_WIDTH = 100
BLANK: Row = ()


class ConfigPanel(ScrollPanel):
    """A summary that needs no knowledge of the recipe: what differs, one line a group of settings, weights first."""

    DEFAULT_CSS = "ConfigPanel { height: 1fr; width: 1fr; }"
    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "Config",
        "What the run is made of: the data it found, then every setting, loss weights first. On top stands what "
        "differs from the preset, from the checkpoint it was resumed from, and from the baseline (B chooses one). "
        "⚙ marks what was set while it trained.",
        "Nothing, or only what you changed on purpose, stands on top. Two runs that you compare differ in one thing.",
        "= changes a safe value at once: the rate, a loss weight, how often there are previews. Others, but for the "
        "model's, may be edited in the run folder's config.toml while the run is stopped; resume takes them up, and "
        "they are shown here.",
    )

    def __init__(self, id: str = "config") -> None:
        super().__init__(id=id)
        self._drawn: tuple[object, ...] = ()
        self._lines: list[Row] = []

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """The lines that fit; the rest is below."""
        shown = [(Run(" "), *line) for line in self.window(self.lines(width - 4), height - 2)]
        more = self.more(height - 2)
        foot: Row = (Run(more, "muted"),) if more else ()
        title: Row = (Run("Config", "strong"),)
        return framed(shown, width, height, title=title, foot_corner=foot, focused=self.has_focus)

    def lines(self, width: int) -> list[Row]:
        """Everything in `width` cells; worked out anew only when something that it shows has changed."""
        snapshot = self.snapshot
        config = snapshot.info.config if snapshot.info else {}
        whole = self.has_class("-maximized")
        # The log holds what was set live; it grows, and is never changed in place.
        state = (config, snapshot.state.started, snapshot.state.log, baseline_of(snapshot), width, whole)
        if state != self._drawn:
            self._drawn = state
            self._lines = self._whole(width) if whole and width >= NARROWEST_TABLE else self._summary(width)
        return self._lines

    def copied(self) -> str:
        """All lines as text."""
        return "\n".join("".join(run.text for run in line).rstrip() for line in self._summary(COPIED_WIDTH))

    def _summary(self, width: int) -> list[Row]:
        known, facts = settings(self.snapshot), self._facts(width)
        if not known and not facts:
            return [(Run("The settings, once the data has been read.", "muted"),)]
        top = [*self._headline(known, width), *differing(known, width)]
        return [*top, *([BLANK] if top else ()), *facts, *laid_out(summary(known), width)]

    def _whole(self, width: int) -> list[Row]:
        known = settings(self.snapshot)
        if not known:
            return self._summary(width)
        top = self._headline(known, width)
        if any(setting.others or setting.live for setting in known):
            top += [*([BLANK] if top else ()), *table(known, width)]
        facts = self._facts(width)
        return [*top, *([BLANK] if top else ()), *facts, *([BLANK] if facts else ()), *columns(known, width)]

    def _headline(self, known: tuple[Setting, ...], width: int) -> list[Row]:
        baseline = baseline_of(self.snapshot)
        return headline(known, baseline.name if baseline else "", width)

    def _facts(self, width: int) -> list[Row]:
        started, info = self.snapshot.state.started, self.snapshot.info
        if started is None:
            return []
        data = info.config.get("data") if info else None
        path = data.get("path") if isinstance(data, dict) else None
        return laid_out(facts(started, str(path or ""), width), width)
