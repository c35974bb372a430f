"""What the chart says in words: its help, and what will be there while it is empty."""

from dataclasses import replace

from core.run.events import TermInfo
from distill_tui.cells import Row, Run
from distill_tui.format import clean
from distill_tui.panels.curves import has_best, is_to_come
from distill_tui.panels.frame import wrapped
from distill_tui.panels.words import PanelHelp
from distill_tui.reader import Snapshot

WORDS = PanelHelp(
    title="Chart",
    means="The selected part of the loss over the steps: what the model gets wrong, on the sounds it trains on "
    "(train) and on sounds that were held back (validation). Lower is better. Below the curve stand what happened "
    "and when: ◆ checkpoint, ♪ preview, ▲ warning, ✎ note, ⚙ a value you changed. ◉ is the best step; ▴ marks "
    "values far above the chart, × a step that came out as no number.",
    good="Training and validation fall together, quickly at first and ever more slowly. Some jitter is normal: "
    "m smooths it.",
    todo="When validation stops falling while training falls on, the model begins to learn your sounds by heart: "
    "stop and keep the best step, take a more cautious preset, or add sounds. When both rise or jump, "
    "halve the learning rate with =.",
)
NO_BEST = "There is no best value of this one: it should settle and stay calm rather than be low."


def help_of(term: TermInfo | None) -> PanelHelp:
    """The words for a term, what it measures itself first."""
    if term is None:
        return WORDS
    means = f"{clean(term.help)} {WORDS.means}".strip()
    if has_best(term):
        return replace(WORDS, title=f"Chart of {clean(term.label)}", means=means)
    means = means.replace(" Lower is better.", "")
    return replace(WORDS, title=f"Chart of {clean(term.label)}", means=means, good=NO_BEST)


def empty_chart(snapshot: Snapshot, width: int, height: int, term: TermInfo | None = None) -> list[Row]:
    """What will be here, in the middle of the panel."""
    if snapshot.failure:
        lines = ["There is nothing to show.", clean(snapshot.failure)]
    elif term is not None and is_to_come(snapshot.state, term):
        over = snapshot.state.complete is not None
        first = "Nothing has measured this so far." if over else "Not measured yet."
        lines = [first, *wrapped(clean(term.help), width)]
    elif snapshot.state.step is not None:
        return []  # it is being read
    elif snapshot.state.complete is not None:
        lines = ["This run ended before its first step."]
    else:
        lines = ["The loss is drawn here from the first step on,", "training and validation together."]
    above = max(0, (height - len(lines)) // 2)
    rows: list[Row] = [()] * above
    return rows + [(Run(" " * max(0, (width - len(line)) // 2) + line, "muted"),) for line in lines]
