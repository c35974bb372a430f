"""What a person asks of a run from its dashboard: checked here, asked by the reader, answered by events."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work

from core.run.commands import Command, Mark, Preview, Save, Set, Stop, Undo
from core.run.events import AlertStarted, Reported
from core.run.state import RunState
from distill_tui.format import clean
from distill_tui.panels.status import StatusPanel
from distill_tui.reader import Reader, Snapshot
from distill_tui.screens.stage import Stage
from distill_tui.session import Session

if TYPE_CHECKING:
    from distill_tui.screens.dialogs import Confirm

SKIP = 1 / 20  # of a replay


class Commanding(Stage):
    """Asks the run of one session. Nothing here waits for it; `snapshot` is what was read last."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.reader = Reader(session, self._tell)
        self.snapshot = Snapshot()

    def _tell(self) -> None:
        """The reader has something new; it says so from its own thread."""
        raise NotImplementedError

    @property
    def state(self) -> RunState:
        """The run as last read."""
        return self.snapshot.state

    @property
    def live(self) -> bool:
        """Whether a trainer can be asked."""
        held = self.snapshot.info is not None and self.snapshot.info.live
        return self.state.complete is None and (held or self.snapshot.trains)

    @property
    def run_name(self) -> str:
        """What to call the run."""
        return self.snapshot.info.name if self.snapshot.info else self.session.name

    @property
    def local_folder(self) -> Path | None:
        """The run's folder where it is on this machine."""
        info = self.snapshot.info
        return Path(info.local_folder) if info is not None and info.local_folder else None

    def refusals(self) -> int:
        """How often the trainer has refused to stop, since it could not save."""
        log = self.state.log
        return sum(isinstance(s.event, Reported) and s.event.refusal for s in log)

    def action_save(self) -> None:
        """Ask for a checkpoint."""
        if self._can_ask("save"):
            self.reader.ask(Save(), "save")

    def action_preview(self) -> None:
        """Ask for previews."""
        if self._can_ask("make a preview"):
            self.reader.ask(Preview(), "preview")

    def action_cancel(self) -> None:
        """Ask the person, then the trainer."""
        if not self._can_ask("be cancelled"):
            return
        from distill_tui.screens.dialogs import Confirm

        step = self.state.step.step if self.state.step else None
        self.app.push_screen(Confirm.cancel_training(self.run_name, step), lambda yes: self.stop() if yes else None)

    def stop(self) -> None:
        """Ask the trainer to save and stop."""
        self.reader.ask(Stop(), "save and stop")

    def action_note(self) -> None:
        """A note at the step that the trainer is at."""
        if not self._can_ask("take a note"):
            return
        from distill_tui.screens.ask_text import AskText

        def noted(text: str | None) -> None:
            if text and self._can_ask("take a note"):
                self.reader.ask(Mark(text), "note")

        self.app.push_screen(AskText("Note", "Stands on the chart and among the events, at the current step."), noted)

    def action_set_value(self) -> None:
        """Change a safe value of the live run."""
        if not self._can_ask("be changed"):
            return
        from distill_tui.differences import config_in_force
        from distill_tui.screens.set_value import SetValue

        def chosen(answer: tuple[str, float] | None) -> None:
            if answer is not None and self._can_ask("be changed"):
                self.reader.ask(Set(*answer), "set")

        config = config_in_force(self.snapshot)
        if config:
            self.app.push_screen(SetValue(config), chosen)
        else:
            self.notify("The settings are there once the data has been read; ask again then.", markup=False)

    def advise(self, alert: AlertStarted) -> None:
        """What a warning means; what the person chooses there is asked of the trainer."""
        from distill_tui.differences import config_in_force
        from distill_tui.screens.advice import AdviceDialog

        dialog = AdviceDialog(alert, self.state, config_in_force(self.snapshot), live=self.live)
        self.app.push_screen(dialog, lambda command: self._take(command) if command is not None else None)

    def action_go_back(self) -> None:
        """To before the trouble at a lower rate, where a warning offers it; asks first."""
        if not self._can_ask("go back"):
            return
        from distill_tui.differences import config_in_force
        from distill_tui.screens.advice import ask_to_go_back

        asked = ask_to_go_back(self.state, config_in_force(self.snapshot))
        helps = "; w says what helps." if self.state.alerts else "."
        self._confirm(asked, f"No open warning asks to go back{helps}")

    def action_undo_advice(self) -> None:
        """Take back the last advice that was taken; asks first."""
        if not self._can_ask("undo advice"):
            return
        from distill_tui.screens.advice import ask_to_undo

        self._confirm(ask_to_undo(self.state), "No advice was taken, so there is none to undo.")

    def _confirm(self, asked: "tuple[Confirm, Command] | None", nothing: str) -> None:
        """Ask a question and, after a yes, the trainer; one calm line where there is nothing to ask."""
        if asked is None:
            self.notify(nothing, timeout=3, markup=False)
            return
        question, command = asked
        self.app.push_screen(question, lambda yes: self._take(command) if yes else None)

    def _take(self, command: Command) -> None:
        if self._can_ask("take advice"):
            self.reader.ask(command, "undo" if isinstance(command, Undo) else "advice")

    def action_overlay(self) -> None:
        """Choose the runs that are drawn over this one."""
        folder = self.local_folder
        if folder is None:
            self.notify("Compare runs on the machine where their folders are.", severity="warning", markup=False)
            return
        self._choose_overlays(folder)

    @work(exclusive=True, group="overlay")
    async def _choose_overlays(self, folder: Path) -> None:
        """The baseline is the folder of runs' own: it may be this very run, and is written only when it was changed."""
        from core.errors import UsageError
        from core.run.shelf import baseline, set_baseline
        from distill_tui.screens.choose_runs import ChooseRuns

        runs_dir, chosen = folder.parent, [overlay.target for overlay in self.snapshot.overlays]
        before = await asyncio.to_thread(baseline, runs_dir)
        answer = await self.app.push_screen_wait(ChooseRuns(runs_dir, folder, chosen, before))
        if answer is None:
            return
        self.reader.overlay(*answer)
        if answer[1] == before:
            return
        try:
            await asyncio.to_thread(set_baseline, runs_dir, answer[1])
        except (OSError, UsageError) as error:
            self.notify(f"The baseline could not be kept: {clean(str(error))}", severity="warning", markup=False)

    def action_replay(self) -> None:
        """Watch a run that is over again as it went, from the chart's cursor or its start; then pause and go on."""
        if self.live:
            self.notify("The run is still training; it can be replayed once it is over.", markup=False)
            return
        step = self.chart.cursor
        if self.snapshot.replay is None:
            self.chart.drop_cursor()  # it has said where to begin
        self.reader.replay(step)

    def action_replay_skip(self, direction: int) -> None:
        """A twentieth of the run back (-1) or forth (1)."""
        if self._replays():
            self.reader.steer(lambda clock: clock.skip(direction * SKIP))

    def action_replay_speed(self, direction: int) -> None:
        """Half (-1) or twice (1) as fast."""
        if self._replays():
            self.reader.steer(lambda clock: clock.change_speed(2.0**direction))

    @on(StatusPanel.Sought)
    def _sought(self, message: StatusPanel.Sought) -> None:
        """A click on the replay's bar."""
        self.reader.steer(lambda clock: clock.seek(message.share * clock.length))

    def action_resume(self) -> None:
        """Show where the run stands, then train on in this process."""
        if self.live:
            self.notify("The run is training; there is nothing to resume.", markup=False)
            return
        if self.local_folder is None:
            self.notify("Resume the run on the machine where its folder is.", severity="warning", markup=False)
            return
        self._summarise(self.local_folder)

    @work(exclusive=True, group="resume")
    async def _summarise(self, path: Path) -> None:
        from core.errors import UsageError
        from core.run.folder import RunFolder
        from distill_tui.resuming import resume_facts
        from distill_tui.screens.dialogs import ResumeSummary

        try:
            facts = await asyncio.to_thread(lambda: resume_facts(RunFolder.open(path)))
        except (UsageError, OSError) as error:
            self.notify(clean(str(error)), severity="error", markup=False)
            return
        if from_ := await self.app.push_screen_wait(ResumeSummary(facts)):
            self.reader.resume(from_)

    def _replays(self) -> bool:
        if self.snapshot.replay is None:
            self.notify("That steers a replay; R begins one of a run that is over.", timeout=3, markup=False)
        return self.snapshot.replay is not None

    def _can_ask(self, what: str) -> bool:
        if self.live:
            return True
        self.notify(f"Only a run that is training can {what}; no trainer is at work. r resumes it.", markup=False)
        return False
