"""What else is known of the selected run, below the list."""

from collections.abc import Iterable

from rich.text import Text

from core.run.command_lines import command_line
from core.run.facts import value_of
from core.run.folder import RunSummary
from distill_tui.format import MISSING, clean, count, number
from distill_tui.screens.run_words import epoch_words, value_words
from distill_tui.theme import Palette


def detail_words(
    run: RunSummary, palette: Palette, keys: Iterable[str] = (), now: float = 0.0, *, resumes: bool = True
) -> Text:
    """A line each: folder, data, state, best, note, the values under `keys`, and the command that shows it again.

    `resumes` says whether a run can be trained on from here.
    """
    lines = [("folder", clean(str(run.path)))]
    if run.error:
        lines.append(("problem", clean(run.error)))
    else:
        lines.append(("data", clean(run.data) or MISSING))
        step = f", step {count(run.step)}" if run.step else ""
        put = ", archived" if run.archived else ""
        put += ", the baseline" if run.baseline else ""
        lines.append(("state", f"{run.status}{put}, epoch {epoch_words(run)}{step}"))
        at = f" at epoch {count(run.best_epoch)}" if run.best_epoch is not None else ""
        lines.append(("best", f"{number(run.best_val_loss)}{at}"))
        verb = "resume" if resumes and not run.live and run.status != "finished" else "watch"
        lines.append(("command", command_line(verb, run.path)))
    if run.note:
        lines.insert(1, ("note", clean(run.note)))
    named = [(clean(key), value_words(value_of(run, key, now))) for key in keys]
    if named:
        lines.insert(-1, ("values", "   ".join(f"{key} {value}" for key, value in named)))
    words = Text()
    for label, value in lines:
        words.append(f"{label:<9}", palette["muted"])
        words.append(f"{value}\n", palette["text"])
    words.rstrip()
    return words
