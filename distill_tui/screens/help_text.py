"""Help as text: words with their labels, and keys in one column or two. Pure functions of the room there is."""

from collections.abc import Callable, Sequence

from rich.cells import chop_cells
from rich.text import Text

from distill_tui.format import clean
from distill_tui.panels.frame import wrapped
from distill_tui.panels.words import PanelHelp
from distill_tui.theme import Palette

LABEL = 23  # cells of the labels that stand beside the words
BESIDE = 66  # cells from which they stand there rather than above
MEASURE = 72  # cells of the longest line of words that is read with ease
KEY = 12  # cells of the keys before what they do
TWO_COLUMNS = 100  # cells from which keys stand in two columns
GAP = 3

Line = tuple[str, str]  # how a key is written, and what it does


def explanation(words: PanelHelp, width: int, height: int, palette: Palette) -> Text:
    """The title, and three paragraphs with a label each: beside them, above, or as their first words if that is what
    it takes to fit `width` by `height` cells.
    """
    ways = [_beside_label, _below_label, _after_label] if width >= BESIDE else [_below_label, _after_label]
    texts = [_laid_out(words, width, way, palette) for way in ways]
    return next((text for text in texts if len(text.split("\n")) <= height), texts[-1])


def _laid_out(words: PanelHelp, width: int, way: Callable[[str, str, int, Palette], Text], palette: Palette) -> Text:
    text = Text(no_wrap=True).append(clean(words.title), palette["strong"])
    for label, said in (
        ("What it shows", words.means),
        ("What good looks like", words.good),
        ("What to do", words.todo),
    ):
        if said := clean(said).strip():
            text.append("\n\n").append_text(way(label, said, width, palette))
    return text


def _beside_label(label: str, said: str, width: int, palette: Palette) -> Text:
    text = Text().append(f"{label:<{LABEL}}", palette["accent"])
    return text.append(f"\n{' ' * LABEL}".join(_lines(said, min(MEASURE, width - LABEL))), palette["text"])


def _below_label(label: str, said: str, width: int, palette: Palette) -> Text:
    text = Text().append(f"{label}\n", palette["accent"])
    return text.append("\n".join(_lines(said, min(MEASURE, width))), palette["text"])


def _after_label(label: str, said: str, width: int, palette: Palette) -> Text:
    first, *more = _lines(f"{label}. {said}", width)
    text = Text().append(first, palette["text"])
    text.stylize(palette["accent"], 0, len(label) + 1)
    return text.append("".join(f"\n{line}" for line in more), palette["text"])


def key_lists(here: Sequence[Line], groups: Sequence[tuple[str, Sequence[Line]]], width: int, palette: Palette) -> Text:
    """The keys that matter here, then all keys in their groups; in two even columns where there is room."""
    two = width >= TWO_COLUMNS
    column = (width - GAP) // 2 if two else width
    blocks = [_block(title, lines, column, palette) for title, lines in groups if lines]
    half = (len(here) + 1) // 2
    if not two:
        return _joined(_stacked([_block("Keys here", here, column, palette), *blocks] if here else blocks))
    above = _block("Keys here", here[:half], column, palette), _block("", here[half:], column, palette)
    cut = min(range(len(blocks) + 1), key=lambda at: max(len(_stacked(blocks[:at])), len(_stacked(blocks[at:]))))
    pairs = ([above] if here else []) + ([(_stacked(blocks[:cut]), _stacked(blocks[cut:]))] if blocks else [])
    left_width = max((row.cell_len for left, _ in pairs for row in left), default=0) + GAP
    return Text("\n\n").join([_joined(_beside(left, right, left_width)) for left, right in pairs])


def _block(title: str, lines: Sequence[Line], width: int, palette: Palette) -> list[Text]:
    """A heading and its keys, as lines of at most `width` cells."""
    rows = [Text().append(title, palette["strong"])]
    for shown, said in lines:
        first, *more = _lines(said, max(20, width - KEY)) or [""]
        rows.append(Text.assemble((f" {shown:<{KEY - 1}}", palette["key"]), (first, palette["text"])))
        rows += [Text(" " * KEY).append(line, palette["text"]) for line in more]
    return rows


def _stacked(blocks: Sequence[list[Text]]) -> list[Text]:
    rows: list[Text] = []
    for block in blocks:
        rows += [Text(), *block] if rows else block
    return rows


def _beside(left: Sequence[Text], right: Sequence[Text], left_width: int) -> list[Text]:
    rows = []
    for index in range(max(len(left), len(right))):
        row = left[index].copy() if index < len(left) else Text()
        row.pad_right(left_width - row.cell_len)
        rows.append(row.append_text(right[index]) if index < len(right) else row)
    return rows


def _joined(rows: Sequence[Text]) -> Text:
    return Text("\n").join(rows)


def _lines(said: str, width: int) -> list[str]:
    """Lines of at most `width` cells; a word longer than that, such as a path, is broken."""
    return [piece for line in wrapped(said, width) for piece in chop_cells(line, width)]
