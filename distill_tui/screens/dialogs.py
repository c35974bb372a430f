"""The questions the monitor asks."""

from typing import ClassVar, Literal

from rich.text import Text

from distill_tui.format import clean, count
from distill_tui.panels.choices import Choice
from distill_tui.panels.words import PanelHelp
from distill_tui.resuming import ResumeFacts
from distill_tui.screens.dialog import Dialog
from distill_tui.screens.resume_words import resume_words
from distill_tui.theme import palette_of

QuitAnswer = Literal["keep", "stop", "stay"]


class QuitDialog(Dialog[QuitAnswer]):
    """Asked when a person leaves while a run trains in this process. Answers "keep", "stop" or "stay"."""

    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "Leaving while a run trains",
        "The run trains in the program behind this window. It can go on without the window, or be saved and stopped.",
        "Nothing is lost either way. If you stop it, a checkpoint is saved first, and the run can be resumed from that "
        "very step.",
        "Keep it going to have your prompt back and the training done; distill-tui watch shows it again, from here or "
        "from elsewhere, and distill-tui stop ends it. Save and stop to free the machine; r on the home screen or "
        "distill-tui resume goes on with it. d keeps it going without asking.",
    )

    def __init__(self, name: str, step: int | None = None, epoch: int | None = None) -> None:
        super().__init__(
            "Quit",
            [
                Choice(("k",), "Keep it going", "keep", "without a screen; watch it again any time"),
                Choice(("s", "y"), "Save and stop", "stop", "nothing is lost; resume it any time"),
                Choice(("escape", "g", "n"), "Go back", "stay", "nothing changes"),
            ],
        )
        self._run, self._step, self._epoch = name, step, epoch

    def words(self) -> Text:
        """Which run, and how far it is."""
        at = f", at step {count(self._step)}" if self._step is not None else ""
        at += f" of epoch {count(self._epoch)}" if at and self._epoch is not None else ""
        return Text(f"{clean(self._run)} is training{at}. What becomes of it when you leave?")


class Confirm(Dialog[bool]):
    """A question with yes and no. `question` says what will happen and what will not."""

    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "A question first",
        "What you asked for changes something that is at work or on the disk. The words say what will happen, and what "
        "will not.",
        "",
        "Take the first answer to go on. Escape changes nothing.",
    )

    def __init__(self, title: str, question: str, yes: str = "Yes", no: str = "Go back", tone: str = "") -> None:
        super().__init__(title, [Choice(("y",), yes, True), Choice(("escape", "n"), no, False)], tone)
        self._question = question

    @classmethod
    def cancel_training(cls, name: str, step: int | None = None) -> "Confirm":
        """The question that `c` asks."""
        at = f" at step {count(step)}" if step is not None else " at its current step"
        question = (
            f"Stop training {clean(name)}{at}? A checkpoint is saved first, and r resumes it from that very step."
        )
        return cls("Cancel training", question, yes="Save and stop", no="Train on")

    def words(self) -> Text:
        """The question."""
        return Text(self._question)


class ResumeSummary(Dialog[str | None]):
    """Where a stopped run stands. Answers the checkpoint to train on from ("latest" or "best"), or None."""

    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "Training a run on",
        "How far the run came, how well it did, and from which saved states it can go on.",
        "From the newest state it goes on exactly as if it had never stopped.",
        "Take the newest unless it went wrong lately; then take the best, which forgets the steps after it. To change "
        "settings first, edit the config file that is named here.",
    )

    def __init__(self, facts: ResumeFacts) -> None:
        choices: list[Choice[str | None]] = []
        if not facts.problem:
            for letters, name, label, checkpoint in (
                (("l", "y"), "latest", "Continue from the newest checkpoint", facts.latest),
                (("b",), "best", "Continue from the best one", facts.best),
            ):
                if checkpoint is not None:
                    choices.append(Choice(letters, label, name, f"step {count(checkpoint.step)}"))
        super().__init__(
            f"Resume {clean(facts.name)}",
            [*choices, Choice(("escape", "n"), "Back", None)],
            tone="warning" if facts.problem else "",
        )
        self._facts = facts

    def words(self) -> Text:
        """The run's standing."""
        return resume_words(self._facts, palette_of(self.app))
