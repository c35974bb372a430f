"""A stopped run's standing in a few aligned lines."""

from rich.text import Text

from distill_tui.format import clean, count, duration, number
from distill_tui.resuming import ResumeFacts
from distill_tui.theme import Palette


def resume_words(facts: ResumeFacts, palette: Palette) -> Text:
    """Label and value, one pair a line; what stands in the way comes first."""
    words = Text()
    if facts.problem:
        words.append(f"{clean(facts.problem)}\n\n", palette["warning"])
    for label, value in resume_lines(facts):
        words.append(f"{label:<12}", palette["muted"])
        words.append(f"{value}\n", palette["text"])
    words.rstrip()
    return words


def resume_lines(facts: ResumeFacts) -> list[tuple[str, str]]:
    """The pairs of label and value that apply to this run."""
    ago = f", {duration(facts.ended_seconds_ago)} ago" if facts.ended_seconds_ago is not None else ""
    lines = [("state", f"{facts.status}{ago}")]
    if facts.error:
        lines.append(("because", clean(facts.error)))
    if facts.step or facts.epoch:
        lines.append(("epoch", _of(facts.epoch, facts.total_epochs)))
        lines.append(("step", _of(facts.step, facts.total_steps)))
    if facts.best_val_loss is not None:
        at = f" at epoch {count(facts.best_epoch)}" if facts.best_epoch is not None else ""
        lines.append(("best", f"{number(facts.best_val_loss)}{at}"))
    if facts.elapsed_seconds:
        left = (
            facts.elapsed_seconds / facts.step * (facts.total_steps - facts.step)
            if facts.step and facts.total_steps > facts.step
            else 0
        )
        lines.append(
            ("trained for", duration(facts.elapsed_seconds) + (f", about {duration(left)} to go" if left else ""))
        )
    lines.append(("config", clean(str(facts.config_path))))
    return lines


def _of(value: int, total: int) -> str:
    return f"{count(value)} of {count(total)}" if total else count(value)
