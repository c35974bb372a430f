"""The latent turned by hand: a slider for each dimension, and what the point and the middle sound like, as pictures."""

from typing import ClassVar, Literal

from distill_tui import ascii
from distill_tui.cells import Row, Run
from distill_tui.format import clean
from distill_tui.panels.frame import beside, fit, framed, joined, spread, width_of, wrapped
from distill_tui.panels.panel import Panel
from distill_tui.panels.traverse_drawing import head, line, picture
from distill_tui.panels.traverse_point import Turned
from distill_tui.panels.words import PanelHelp
from distill_tui.spectrogram import Spectrum
from distill_tui.theme import palette_of

Side = Literal["point", "middle"]

GAP = 3
LIST_WIDTH = (34, 60)  # cells of the sliders: at least, and at most
FEWEST_PICTURE = 20  # cells of width from which pictures stand beside the sliders
ONE_PICTURE = 5  # lines from which there is one, twice as many for both
KEYS = ("←→ turn", "↑↓ choose", "space play", "a A/B", "0 middle", "r random", "enter save", "? help", "esc close")
KEPT_FIRST = (0, 1, 5, 6, 7, 4, 8, 2, 3)  # the order in which they go when there is little room, the last one first


class TraversePanel(Panel):
    """Draws a `Turned`, which the screen changes, and the spectra that it is given."""

    ALLOW_MAXIMIZE = False
    DEFAULT_CSS = "TraversePanel { height: 1fr; width: 1fr; }"

    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "Turn the latent",
        "The model makes every sound from a short list of numbers, the latent. Each line is one of them, a dimension; "
        "at its end stands how much it says about a sound, and those that say most come first. Its slider shows how "
        "far it is from the middle of your material, in standard deviations: most of that lies between -2 and +2. Turn "
        "one, and you hear what it does while all others stay. The pictures show the waveform and the spectrogram of "
        "the point and of the middle.",
        "The first dimensions each change something that you can name: pitch, length, brightness. Those at the end "
        "change nothing: the model does not need them.",
        "Nothing changes anywhere: the model does not listen to its latent; see the latent's own panel (4). Each one "
        "changes everything at once: train again with a higher loss.kl.weight_max, which makes them more independent.",
    )

    HELP_LINES: ClassVar[tuple[tuple[str, str], ...]] = (
        ("← →", "Turn the dimension by half a standard deviation, and hear it"),
        ("shift+← →", "Finer, by a tenth; also < and >"),
        ("↑ ↓", "Choose a dimension; pgup, pgdn, home and end go further"),
        ("space", "Play the point, and stop"),
        ("a", "The middle, and back to the point, at the same position"),
        ("0", "This dimension back to the middle"),
        ("m", "All dimensions back to the middle"),
        ("r", "A random point from where your material lies"),
        ("enter", "Save the point as a WAV file (of a tune, with its MIDI file)"),
        ("y", "Copy the command that makes files along this dimension"),
        ("esc", "Close"),
    )

    def __init__(self, turned: Turned, id: str = "traverse") -> None:
        super().__init__(id=id)
        self.turned = turned
        self._message = ""
        self._commands: tuple[str, ...] = ()
        self._notice = self._corner = ""
        self._spectra: dict[Side, Spectrum] = {}
        self._heard: tuple[Side, float] | None = None
        self._making = False
        self._more: Row = ()

    def say(self, message: str, *commands: str) -> None:
        """In place of the sliders: one calm line, and commands to type; empty: the sliders."""
        self._message, self._commands = clean(message), tuple(map(clean, commands))
        self.redraw()

    def note(self, words: str = "", corner: str | None = None) -> None:
        """A quiet line below the sliders; `corner` says which model it is."""
        self._notice = clean(words)
        self._corner = self._corner if corner is None else clean(corner)
        self.redraw()

    def show_sound(self, side: Side, spectrum: Spectrum) -> None:
        """What the point, or the middle, sounds like."""
        self._spectra[side] = spectrum
        self.redraw()

    def move(self, heard: tuple[Side, float] | None, *, making: bool = False) -> None:
        """Which side is heard, at which second; and whether a newer point is being made."""
        if (heard, making) != (self._heard, self._making):
            self._heard, self._making = heard, making
            self.redraw()

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """Sliders and pictures side by side, or one above the other where it is narrow."""
        inner, lines = width - 4, height - 2
        if self._message:
            content: list[Row] = [(Run(row, "text"),) for row in wrapped(self._message, inner)]
            for command in self._commands:
                content += [(), *[(Run("  "), Run(row, "strong")) for row in wrapped(command, inner - 2)]]
            keys: tuple[str, ...] = ("y copy the command", "esc close") if self._commands else ("esc close",)
        else:
            content, keys = self._content(inner, lines), KEYS
        corner: Row = (Run(self._corner, "muted"),) if self._corner else ()
        return framed(
            [(Run(" "), *row) for row in content[:lines]], width, height, title=(Run("Turn the latent", "strong"),),
            corner=corner, foot=_keys(keys, width - 5), foot_corner=() if self._message else self._more,
            focused=self.has_focus,
        )  # fmt: skip

    def repaint(self) -> None:
        """Other colours may be other shades."""
        self._rows = ()
        super().repaint()

    def _content(self, width: int, height: int) -> list[Row]:
        words = spread(
            (Run(self.turned.words(), "text"),), (Run("making it …", "muted"),) if self._making else (), width
        )
        foot: list[Row] = [fit((Run(self._notice, "muted"),), width)] if self._notice else []
        lines = height - 1 - len(foot)
        left = max(LIST_WIDTH[0], min(LIST_WIDTH[1], width * 9 // 20))
        if width - left - GAP >= FEWEST_PICTURE:
            listed = [fit(row, left) for row in self._listed(left, lines)]
            pictures = [fit(row, width - left - GAP) for row in self._pictures(width - left - GAP, lines)]
            body = beside([listed, [(Run(" " * GAP),)] * lines, pictures])
        else:
            below = lines // 2 if lines // 2 >= ONE_PICTURE else 0
            body = [*self._listed(width, lines - below), *self._pictures(width, below)]
        return [words, *body, *foot]

    def _listed(self, width: int, height: int) -> list[Row]:
        order, selected = self.turned.order, self.turned.selected
        digits = len(str(len(order)))
        room = max(1, height - 1)
        top = max(0, min(selected - room // 2, len(order) - room))
        shown = order[top : top + room]
        below = len(order) - top - len(shown)
        self._more = (Run(f"{below} more below", "muted"),) if below else ()
        rows = [head(width, digits)]
        for each in shown:
            chosen = each is self.turned.dimension
            rows.append(line(each, self.turned.place(each), width, digits, selected=chosen))
        return [*rows, *[()] * height][:height]

    def _pictures(self, width: int, height: int) -> list[Row]:
        sides: tuple[Side, ...] = ("point", "middle") if height >= 2 * ONE_PICTURE else ("point",)
        found = list(self._spectra.values())
        seconds = max((each.seconds for each in found), default=0.0)
        loudest = max((each.loudest_db for each in found), default=0.0)
        peak = max((max(each.high.max(), -each.low.min()) for each in found), default=0.0)
        rows: list[Row] = []
        for number, side in enumerate(sides):
            part = height // len(sides) + (number < height % len(sides))
            sound = self._spectra.get(side)
            title = {"point": "this point", "middle": "the middle"}[side]
            length = f"  {sound.seconds:.1f} s" if sound is not None else ""
            heard = self._heard[1] if self._heard is not None and self._heard[0] == side else None
            named: Row = (Run(title, "strong" if heard is not None else "text"), Run(length, "muted"))
            rows += picture(
                named, sound, width, part, seconds=seconds, loudest_db=loudest, peak=float(peak), heard=heard,
                shade_count=self._shades, role="train" if side == "point" else "raw",
            )  # fmt: skip
        return rows

    @property
    def _shades(self) -> int:
        """Half blocks need colours, and a font that has them."""
        return 0 if ascii.wanted() else palette_of(self.app).heat


def _keys(keys: tuple[str, ...], width: int) -> Row:
    """As many of the keys as there is room for, in their order."""
    named: list[Row] = [(Run(words, "muted"),) for words in keys]
    row = joined(zip(map(KEPT_FIRST.index, range(len(keys))), named, strict=True), width)
    return row if width_of(row) <= width else ()
