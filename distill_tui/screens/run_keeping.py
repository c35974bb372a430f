"""Archive, delete, note on, make the baseline: what the home screen asks and does about runs, and says afterwards."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from rich.text import Text
from textual.screen import Screen

from core.errors import UsageError
from core.run import shelf
from core.run.folder import RunSummary
from core.run.labels import NOTE_BYTES
from distill_tui.format import clean, count, gigabytes, plural
from distill_tui.panels.choices import Choice
from distill_tui.screens.ask_text import AskText
from distill_tui.screens.dialog import Dialog
from distill_tui.theme import palette_of

NAMED = 5  # runs that are named one by one


class DeleteRuns(Dialog[bool]):
    """The question before runs are deleted. Enter keeps them: only `y`, or choosing it, deletes."""

    def __init__(self, runs: Sequence[RunSummary], size: int) -> None:
        what = "the run" if len(runs) == 1 else plural(len(runs), "run")
        choices = [Choice(("escape", "n"), "Keep", False), Choice(("y",), f"Delete {what}", True, "for good")]
        super().__init__(f"Delete {what}", choices, "danger")
        self._runs, self._bytes = runs, size

    def words(self) -> Text:
        """Which runs, what they take on the disk, and that they are gone then."""
        words = Text()
        for run in self._runs[:NAMED]:
            words.append(f"{clean(run.name)}\n", palette_of(self.app)["strong"])
        if len(self._runs) > NAMED:
            words.append(f"and {count(len(self._runs) - NAMED)} more\n")
        words.append(f"\n{sized(self._bytes)} on the disk: the checkpoints, the previews and all that was logged.\n")
        words.append("This cannot be undone.", palette_of(self.app)["danger"])
        words.append("\na puts a run away without deleting anything.", palette_of(self.app)["muted"])
        return words

    def action_back(self) -> None:
        """Nothing is deleted."""
        self.dismiss(False)


async def put_away(screen: Screen[Any], runs: Sequence[RunSummary]) -> None:
    """Archive the runs, or bring them back when all of them are in the archive."""
    bring = all(run.archived for run in runs)
    done = await _each(screen, runs, lambda run: (shelf.bring_back if bring else shelf.archive)(run.path))
    if done:
        hint = "" if bring else "; A shows archived runs, a brings one back"
        _say(screen, f"{called(done)} {'brought back' if bring else 'archived'}{hint}")


async def delete(screen: Screen[Any], runs: Sequence[RunSummary]) -> None:
    """Delete the runs once the person has seen what that means; a run that is trained now stays."""
    live = [run for run in runs if run.live]
    if live:
        screen.notify(
            f"{called(live)}: being trained now; stop the training before deleting",
            severity="warning",
            markup=False,
        )
    runs = [run for run in runs if not run.live]
    if not runs:
        return
    size = await asyncio.to_thread(lambda: sum(shelf.disk_bytes(run.path) for run in runs))
    if await screen.app.push_screen_wait(DeleteRuns(runs, size)):
        done = await _each(screen, runs, lambda run: shelf.delete(run.path))
        if done:
            _say(screen, f"{called(done)} deleted")


async def write_note(screen: Screen[Any], runs: Sequence[RunSummary]) -> None:
    """Ask for a note and put it on the runs; no text removes it."""
    before = runs[0].note if len({run.note for run in runs}) == 1 else ""
    ask = AskText(
        f"Note on {called(runs)}",
        "What to remember of it. An empty line removes the note.",
        before,
        "warm bass, try a longer warm-up",
        check=lambda text: (
            f"too long: at most {NOTE_BYTES:,} bytes" if len(text.encode("utf-8", "replace")) > NOTE_BYTES else ""
        ),
    )
    text = await screen.app.push_screen_wait(ask)
    if text is not None and text != clean(before):
        await _each(screen, runs, lambda run: shelf.set_note(run.path, text))


async def choose_baseline(screen: Screen[Any], run: RunSummary) -> None:
    """Make the run the baseline of its folder, or none when it is that already."""
    done = await _each(
        screen, [run], lambda run: shelf.set_baseline(run.path.parent, None if run.baseline else run.path)
    )
    if done:
        _say(screen, "no baseline any more" if run.baseline else f"{called(done)} is the baseline; c compares with it")


def called(runs: Sequence[RunSummary]) -> str:
    """`bells`, or `3 runs`."""
    return clean(runs[0].name) if len(runs) == 1 else plural(len(runs), "run")


def sized(size: int) -> str:
    """Bytes as a person reads them; little is not nothing."""
    return gigabytes(size) if size >= 1_000_000 else f"{max(1, round(size / 1000)):,} kB"


async def _each(screen: Screen[Any], runs: Sequence[RunSummary], do: Callable[[RunSummary], None]) -> list[RunSummary]:
    """Do it to each run; those it was done to. What went wrong with the others is said."""
    done = []
    for run in runs:
        try:
            await asyncio.to_thread(do, run)
        except UsageError as error:
            screen.notify(clean(str(error)), severity="error", markup=False)
        else:
            done.append(run)
    return done


def _say(screen: Screen[Any], words: str) -> None:
    screen.notify(words, timeout=4, markup=False)
