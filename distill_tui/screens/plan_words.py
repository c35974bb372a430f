"""A plan in words: what was found in the folder, and what follows from it."""

from rich.text import Text

from distill_tui.format import clean, count, duration, number, plural
from distill_tui.plans import Plan
from distill_tui.theme import Palette

LISTED = 4


def found_words(plan: Plan, palette: Palette) -> Text:
    """The files, their total length and rates, and which cannot be read and why."""
    words = Text()
    if plan.problem:
        words.append(f"{clean(plan.problem)}\n", palette["warning"])
    found = plan.found
    if found is None:
        return words
    words.append(plural(len(found.files), plan.noun), palette["strong"])
    words.append(f", {duration(found.seconds)} in all", palette["text"])
    if found.like:
        words.append(f", {found.like}", palette["text"])
    if found.unreadable:
        words.append(
            f"\n{plural(len(found.unreadable), 'file')} cannot be read and will be left out:", palette["warning"]
        )
        for skipped in found.unreadable[:LISTED]:
            words.append(f"\n  {clean(skipped.path)}: {clean(skipped.reason)}", palette["muted"])
        if len(found.unreadable) > LISTED:
            words.append(f"\n  and {count(len(found.unreadable) - LISTED)} more", palette["muted"])
    return words


def settings_words(plan: Plan, palette: Palette) -> Text:
    """The settings that follow, one a line; empty while there is a problem."""
    words = Text()
    if plan.problem:
        return words
    for label, value in settings_lines(plan):
        words.append(f"{label:<11}", palette["muted"])
        words.append(f"{value}\n", palette["text"])
    words.rstrip()
    return words


def settings_lines(plan: Plan) -> list[tuple[str, str]]:
    """Pairs of label and value."""
    config, found = plan.config, plan.found
    if found is None:
        return []
    steps = plan.steps_per_epoch
    return [
        ("run", clean(plan.run_name)),
        (plan.noun, found.form),
        ("preset", f"{config.preset} for {plural(len(found.files), 'sound')}"),
        ("split", f"{count(found.train_files)} train · {count(found.val_files)} validation"),
        ("chunks", f"about {count(found.chunks)} {found.chunk}"),
        ("batch", f"{config.batch_size}, rate {number(config.learning_rate)}"),
        ("epochs", f"{count(config.epochs)}, about {plural(steps, 'step')} each"),
        ("previews", f"every {plural(config.preview.every, 'epoch')}"),
    ]
