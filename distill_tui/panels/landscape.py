"""The loss landscape around a checkpoint, as `distill-tui landscape` has found it."""

from typing import ClassVar

from core.insight.landscape_record import Landscape
from core.insight.landscape_words import LITTLE, STEEP_UPHILL, UNIT, facts, remarks, verdict
from core.run.command_lines import run_line
from core.run.link import RunInfo
from distill_tui import ascii
from distill_tui.cells import Row, Run
from distill_tui.format import clean, count, plural
from distill_tui.panels.frame import beside, fit, framed, joined, width_of, wrapped
from distill_tui.panels.landscape_drawing import line_rows, marks_of, ramp, scale_of, surface_rows, wanted
from distill_tui.panels.panel import Panel
from distill_tui.panels.words import PanelHelp
from distill_tui.theme import palette_of

WORDS_WIDTH = 42  # cells of the words beside the picture
FEWEST_WORDS = 30
GAP = 2
LABEL = 13
SMALLEST_PICTURE = 5  # lines
READING = "Reading …"
HOW = "One core shows it in a minute or two (tunes longer), beside a training that goes on. Type:"


class LandscapePanel(Panel):
    """A picture of the loss around the weights, and in words how flat or sharp it is; until there is one, how to make
    it.
    """

    ALLOW_MAXIMIZE = False
    DEFAULT_CSS = "LandscapePanel { height: 1fr; width: 1fr; }"

    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "Loss landscape",
        "What the loss would be with other weights. The middle is the checkpoint; from there the weights are moved in "
        "two random directions, each as far as the numbers say, 1 being as far as they are large. Colours are losses: "
        "the farther from the background's, the higher. A curve shows one direction, or the way between two "
        "checkpoints. Uphill is what a small step straight uphill costs: steep where within 1 % of the weights' size "
        "the loss would be a tenth higher. Curvature is the Hessian's top eigenvalue: below 0 the loss bends most of "
        "all downwards.",
        "A wide, round bowl with the checkpoint at its floor: what is learned does not hang on a hair, and such models "
        "often do better on sounds they have not heard.",
        "A narrow hole: a lower learning rate towards the end, more weight decay (regularization.weight_decay) or more "
        "augmentation help. Much lower places nearby: train on. Pictures of two runs may be compared, since directions "
        "are measured by the weights' own size.",
    )

    HELP_LINES: ClassVar[tuple[tuple[str, str], ...]] = (
        ("r", "Read it again, after the command has made a new one"),
        ("y", "Copy the numbers, or the command while there are none"),
        ("esc", "Close"),
    )

    def __init__(self, info: RunInfo | None = None, id: str = "landscape") -> None:
        super().__init__(id=id)
        self._info = info
        self._landscape: Landscape | None = None
        self._message = READING
        self._trouble = ""

    def show_landscape(self, landscape: Landscape) -> None:
        """Show this one from now on."""
        self._landscape, self._trouble = landscape, ""
        self._renew()

    def show_missing(self, trouble: str = "") -> None:
        """Say how one is made, and why what is there cannot be shown. One that is shown already stays."""
        self._trouble = clean(trouble)
        self._message = "" if trouble else "Nobody has looked yet at how the loss lies around this run's weights."
        self._renew()

    def copied(self) -> str:
        """The verdict and the numbers; without a landscape the command that makes one."""
        if self._landscape is None:
            return command(self._info)
        word, meaning = verdict(self._landscape)
        return "\n".join([f"{word}: {meaning}", *(f"{label}: {value}" for label, value in facts(self._landscape))])

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """Picture and words side by side where there is room, else one above the other."""
        inner, lines = width - 4, height - 2
        found = self._landscape
        content = self._empty(inner) if found is None else self._content(found, inner, lines)
        shown = [(Run(" "), *row) for row in content[:lines]]
        where: Row = ()
        if found is not None:
            to = f" to {found.other}" if found.other else ""
            where = (Run(clean(f"{found.checkpoint}{to} · step {count(found.step)}"), "muted"),)
        return framed(
            shown, width, height, title=(Run("Loss landscape", "strong"),), corner=where,
            foot=(Run("r read again · ? help · esc close", "muted"),), focused=self.has_focus,
        )  # fmt: skip

    def repaint(self) -> None:
        """Other colours may be other shades."""
        self._renew()

    def _renew(self) -> None:
        self._rows = ()
        super().repaint()

    def _content(self, found: Landscape, width: int, height: int) -> list[Row]:
        if width >= 2 * FEWEST_WORDS + GAP:
            words = max(FEWEST_WORDS, min(WORDS_WIDTH, width - GAP - wanted(found, height)))
            left = width - words - GAP
            picture = self._picture(found, left, height)
            used = min(left, max(map(width_of, picture), default=0))
            told = [*self._words(found, words, height), *[()] * height][:height]
            picture = [*picture, *[()] * height][:height]
            return beside([[fit(row, used) for row in picture], [(Run(" " * GAP),)] * height,
                           [fit(row, width - used - GAP) for row in told]])  # fmt: skip
        told = self._words(found, width, height - SMALLEST_PICTURE - 1)
        room = max(SMALLEST_PICTURE, height - len(told) - 1)
        return [*told[: height - room - 1], (), *self._picture(found, width, room)]

    def _picture(self, found: Landscape, width: int, height: int) -> list[Row]:
        if found.surface is not None:
            return surface_rows(found.surface, width, height, self._shades)
        line = found.path or found.line
        return line_rows(line, width, height, two_ends=found.path is not None) if line is not None else []

    def _words(self, found: Landscape, width: int, height: int) -> list[Row]:
        word, meaning = verdict(found)
        role = {"sharp": "warning", "two valleys": "warning", "unknown": "muted", LITTLE: "strong"}.get(word, "good")
        if word.endswith(STEEP_UPHILL):
            role = "strong"  # neither good news nor bad
        rows: list[Row] = [(Run(line, role),) for line in wrapped(word.capitalize(), width)]
        rows += [(Run(line, "text"),) for line in wrapped(f"{meaning[0].upper()}{meaning[1:]}.", width)]
        rows.append(())
        rows += [(Run(f"{label:<{LABEL}}", "muted"), Run(clean(value), "text")) for label, value in facts(found)]
        rows.append((Run(f"{'measured on':<{LABEL}}", "muted"), Run(plural(found.items, "held-out chunk"), "text")))
        for remark in [*remarks(found), *([self._trouble] if self._trouble else [])]:
            rows.append(())
            rows += [(Run(line, "muted"),) for line in wrapped(remark, width)]
        rows.append(())
        if found.surface is not None:
            rows += [*ramp(scale_of(found.surface), width, self._shades), ()]
        named: list[Row] = [(mark, Run(f" {clean(name)}", "muted")) for mark, name in marks_of(found)]
        together = joined(enumerate(named), 10_000, "   ")
        rows += [together] if width_of(together) <= width else named
        if found.path is None:
            rows += [(), (Run(UNIT, "muted"),)]
        return _without_gaps(rows, height)

    def _empty(self, width: int) -> list[Row]:
        if self._message == READING:
            return [(Run(self._message, "muted"),)]
        role = "warning" if self._trouble else "text"
        rows: list[Row] = [(Run(line, role),) for line in wrapped(self._trouble or self._message, width)]
        rows += [(), *((Run(line, "muted"),) for line in wrapped(HOW, width)), ()]
        rows += [(Run("  "), Run(line, "strong")) for line in wrapped(command(self._info), width - 2)]
        return [*rows, (), (Run("It appears here as soon as it is done.", "muted"),)]

    @property
    def _shades(self) -> int:
        """Half blocks need colours, and a font that has them."""
        return 0 if ascii.wanted() else palette_of(self.app).heat


def _without_gaps(rows: list[Row], height: int) -> list[Row]:
    """The rows with as few empty ones among them as it takes to fit."""
    rows = list(rows)
    while len(rows) > height and () in rows:
        rows.reverse()
        rows.remove(())
        rows.reverse()
    return rows


def command(info: RunInfo | None) -> str:
    """What a person types to make the landscape, where the run's folder is."""
    return "distill-tui landscape RUN" if info is None else run_line("landscape", info)
