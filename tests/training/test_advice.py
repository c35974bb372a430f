"""Advice that acts: a remedy is carried out once, told, saved and can be undone; and a run may help itself."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.insight.alarm import Alarm
from core.insight.detectors import Detectors, _Measured, _Memory
from core.run.commands import Apply, Command, Set, Stop, Undo
from core.run.events import (
    AdviceTaken,
    AdviceUndone,
    AlertStarted,
    CommandAnswered,
    Event,
    Remedy,
    RolledBack,
    StepMetrics,
    TrainingCompleteEvent,
    ValueSet,
)
from core.run.folder import RunFolder
from core.run.links.folder import FolderLink
from core.run.state import RunState, fold
from core.training.advice import LEFT_ALONE
from core.training.checkpoint_files import find_checkpoint
from core.training.checkpoints import load_checkpoint
from core.training.config_file import read_config
from core.training.control import Control
from core.training.train import train
from tests.training.test_resume import same

Tiny = Callable[..., Any]
CALM = {"preview__every": 1000, "checkpoint__every": 1000, "learning_rate": 1e-3}
REMEDIES = (
    Remedy("set", "Halve the learning rate, to 5e-4", "learning_rate", 5e-4, True, "at most"),
    Remedy("back", "Go back to before it began, at half the rate", value=0.5, safe=True),
    Remedy("stop", "Stop here"),
    Remedy("set", "Change what cannot be", "model.latent_dim", 9),
)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "run")


def warns(monkeypatch: Any, at: int, *remedies: Remedy, kind: str = "divergence", seen: int = 100) -> AlertStarted:
    """The real detectors of every run find this as well, from step `at` on.

    The alert says that it is of the step `seen` later: by itself, every checkpoint counts as from before the trouble.
    """
    alert = AlertStarted(f"{kind}-{at}", kind, "danger", "It rises", "Up.", "Do.", at + seen, 1, remedies or REMEDIES)
    active = Detectors.active.fget  # type: ignore[attr-defined]

    def now(self: Any) -> tuple[AlertStarted, ...]:
        step = self._memory.explosion.steps  # which counts the steps, and is in the checkpoint
        return (*active(self), *((alert,) if step >= at else ()))

    monkeypatch.setattr(Detectors, "active", property(now))
    return alert


Asks = Mapping[int, tuple[Command | Callable[[list[Event]], Command], ...]]


def run(folder: RunFolder, setup: Any, asks: Asks | None = None, stop: int = 0) -> list[Event]:
    """What a session tells that is asked for these commands right after these steps, and to stop after `stop`."""
    link, events, control, asks = FolderLink(folder), list[Event](), Control(), asks or {}

    def callback(event: Event) -> None:
        events.append(event)
        if not isinstance(event, StepMetrics):
            return
        for command in asks.get(event.step, ()):
            link.send(command(events) if callable(command) else command)
        control.poke()
        if event.step == stop:
            control.stop("cancelled")

    config, given = setup or (None, frozenset())
    train(
        folder, config=config, given=given, checkpoint=None if setup else "latest", callback=callback, control=control
    )
    return events


def of(kind: type[Any], events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def undo_last(events: list[Event]) -> Command:
    return Undo(of(AdviceTaken, events)[-1].id)


def answers(events: list[Event]) -> list[tuple[bool, str]]:
    return [(answer.done, answer.message) for answer in of(CommandAnswered, events)]


def test_a_value_is_set_as_advised_told_with_its_reason_and_undone(
    tiny: Tiny, folder: RunFolder, monkeypatch: Any
) -> None:
    alert = warns(monkeypatch, 4)
    events = run(folder, tiny(epochs=30, steps=14, **CALM), {6: (Apply(alert.id, 0),), 9: (undo_last,)})
    (taken,), (undone,) = of(AdviceTaken, events), of(AdviceUndone, events)
    assert (taken.step, taken.alert, taken.reason, taken.by) == (6, alert.id, "It rises", "person")
    assert (taken.before, taken.remedy, undone.id, undone.step) == (1e-3, REMEDIES[0], taken.id, 9)
    assert [(c.step, c.before, c.after) for c in of(ValueSet, events)] == [(6, 1e-3, 5e-4), (9, 5e-4, 1e-3)]
    assert answers(events) == [
        (True, "learning_rate is 5e-4 from step 7 on"), (True, "learning_rate is 1e-3 again, from step 10 on"),
    ]  # fmt: skip
    rates = {step.step: step.learning_rate for step in of(StepMetrics, events)}
    assert rates[7] < 0.6 * rates[6]
    assert rates[10] > 1.2 * rates[9]
    assert read_config(folder.config_path)[0].learning_rate == 1e-3
    state = fold(RunState(), FolderLink(folder).read())
    assert state.advice == ()


def test_going_back_takes_the_best_weights_at_half_the_rate_and_the_count_goes_on(
    tiny: Tiny, folder: RunFolder, monkeypatch: Any
) -> None:
    alert = warns(monkeypatch, 4)
    setup = tiny(epochs=30, steps=14, **CALM)
    seen: dict[str, Any] = {}

    def look(events: list[Event]) -> Command:
        seen["best"] = load_checkpoint(folder.checkpoints / "best.pt")
        return Apply(alert.id, 1)

    events = run(folder, setup, {12: (look,)}, stop=12)
    (taken,), (back,) = of(AdviceTaken, events), of(RolledBack, events)
    assert (taken.restored_step, back.restored_step, back.step) == (seen["best"]["step"],) * 2 + (12,)
    assert (taken.before, back.reason) == (1e-3, "It rises")
    now = load_checkpoint(find_checkpoint(folder, "latest"))
    for part in ("model", "average", "optimizer"):
        assert_same_weights(now[part], seen["best"][part])
    assert now["step"] == 12
    assert read_config(folder.config_path)[0].learning_rate == 5e-4
    before = load_checkpoint(folder.path / taken.checkpoint)
    assert before["step"] == 12
    assert before["config"]["learning_rate"] == 1e-3
    assert find_checkpoint(folder, "latest").name == "step-00000012.pt"  # and not the moment before

    events = run(folder, None, {13: (Undo(taken.id),)}, stop=13)
    assert answers(events) == [
        (True, "the weights of step 12 again, and learning_rate is 1e-3 again; the 1 steps since are given up")
    ]
    after = load_checkpoint(find_checkpoint(folder, "latest"))
    assert_same_weights(after["model"], before["model"])
    assert (after["step"], after["config"]["learning_rate"]) == (13, 1e-3)
    assert not (folder.path / taken.checkpoint).exists()  # it has done what it was kept for


def assert_same_weights(a: Any, b: Any) -> None:
    same({k: v for k, v in a.items() if k != "param_groups"}, {k: v for k, v in b.items() if k != "param_groups"})


def test_the_moment_before_is_kept_while_it_may_be_asked_for(tiny: Tiny, folder: RunFolder, monkeypatch: Any) -> None:
    alert = warns(monkeypatch, 4)
    asks = {step: (Apply(alert.id, 1),) for step in (6, 8, 10)}
    events = run(folder, tiny(epochs=30, steps=24, preview__every=1000, checkpoint__every=1), asks)
    kept = [taken.checkpoint for taken in of(AdviceTaken, events)][-2:]
    assert sorted(str(p.relative_to(folder.path)) for p in folder.checkpoints.glob("before-*.pt")) == sorted(kept)


def test_to_stop_as_advised_saves_and_tells_why(tiny: Tiny, folder: RunFolder, monkeypatch: Any) -> None:
    alert = warns(monkeypatch, 4)
    events = run(folder, tiny(epochs=30, **CALM), {6: (Apply(alert.id, 2),)})
    (taken,) = of(AdviceTaken, events)
    assert answers(events) == [(True, "saved and stopped at step 6")]
    assert of(TrainingCompleteEvent, events)[0].reason == "cancelled"
    assert taken.remedy.kind == "stop"
    resumed = run(folder, None, {8: (Undo(taken.id),)}, stop=8)
    assert answers(resumed)[0][0] is False
    assert "resume" in answers(resumed)[0][1]
    assert fold(RunState(), FolderLink(folder).read()).advice == ()


def test_what_cannot_be_is_refused_in_one_line_and_changes_nothing(
    tiny: Tiny, folder: RunFolder, monkeypatch: Any
) -> None:
    alert = warns(monkeypatch, 4)
    asks: Asks = {
        3: (Apply(alert.id, 0),),
        6: (Apply("nothing-1", 0), Apply(alert.id, 9), Apply(alert.id, -1), Apply(alert.id, 3), Undo("nothing-1")),
        8: (Apply(alert.id, 0), Set("learning_rate", 2e-4)),
        9: (undo_last,),
        10: (Apply(alert.id, 1), Apply(alert.id, 1)),
    }
    events = run(folder, tiny(epochs=30, steps=15, **CALM), asks)
    done = [(answer.step, answer.done) for answer in of(CommandAnswered, events) if answer.done]
    assert done == [(8, True), (8, True), (10, True)]
    refusals = [answer.message for answer in of(CommandAnswered, events) if not answer.done]
    parts = ["is over", "is over", "number 10", "number 0", "latent_dim", "nothing of that name"]
    parts += ["changed since, to 2e-4", "just gone back"]
    for refusal, part in zip(refusals, parts, strict=True):
        assert part in refusal
        assert "\n" not in refusal
    assert len(of(AdviceTaken, events)) == 2
    assert not of(AdviceUndone, events)


# By itself

AUTO = {**CALM, "auto": "conservative", "epochs": 30}
STRONGER = {
    "loss__kl__weight_max": 1e-6,
    "loss__kl__free_bits": 2.0,
    "regularization__gradient_clip_norm": 0.1,
}  # than is advised below
MEASURED = sorted(alarm.kind for alarm in vars(_Measured()).values() if isinstance(alarm, Alarm))


def test_what_follows_from_the_clock_is_left_alone() -> None:
    """By the fields of what no checkpoint keeps: one more of them, and it is among these."""
    assert set(MEASURED) >= {"updates", "dead", "cut off", "empty", "starvation"}
    assert set(MEASURED) < LEFT_ALONE
    remembered = {alarm.kind for alarm in vars(_Memory()).values() if isinstance(alarm, Alarm)}
    assert remembered & LEFT_ALONE == {"nonfinite"}


def test_a_run_that_may_helps_itself_and_not_again_at_once(tiny: Tiny, folder: RunFolder, monkeypatch: Any) -> None:
    warns(monkeypatch, 5, REMEDIES[1], kind="gradient")
    events = run(folder, tiny(**AUTO, steps=130))
    taken = of(AdviceTaken, events)
    assert [(each.step, each.by) for each in taken] == [
        (6, "auto"),
        (26, "auto"),
        (46, "auto"),
    ]  # at 5 the best is there
    assert not of(CommandAnswered, events)
    assert read_config(folder.config_path)[0].learning_rate == pytest.approx(1.25e-4)


@pytest.mark.parametrize(
    ("auto", "kind", "remedies"),
    [("off", "divergence", REMEDIES), ("conservative", "divergence", REMEDIES[2:]),
     ("conservative", "divergence", (Remedy("set", "Lower", "learning_rate", 5e-3, True, "at most"),)),
     ("conservative", "collapse", (Remedy("set", "A tenth", "loss.kl.weight_max", 2e-3, True, "at most"),)),
     ("conservative", "spikes", (Remedy("set", "Limit", "regularization.gradient_clip_norm", 5, True, "at most"),)),
     ("conservative", "collapse", (Remedy("set", "Raise", "loss.kl.free_bits", 0.5, True, "at least"),)),
     ("conservative", "divergence", (Remedy("set", "Halve, said an older version", "learning_rate", 5e-4, True),)),
     ("conservative", "divergence", (Remedy("back", "Unsafe", value=0.5),)),
     *(("conservative", kind, REMEDIES) for kind in (*MEASURED, "nonfinite"))],
)  # fmt: skip
def test_it_leaves_alone_what_is_not_for_it_to_decide(
    tiny: Tiny, folder: RunFolder, monkeypatch: Any, auto: str, kind: str, remedies: tuple[Remedy, ...]
) -> None:
    warns(monkeypatch, 5, *remedies, kind=kind)
    assert not of(AdviceTaken, run(folder, tiny(**{**AUTO, **STRONGER, "auto": auto}, steps=12)))


def test_one_that_a_person_took_already_and_further_changes_nothing_at_their_word(
    tiny: Tiny, folder: RunFolder, monkeypatch: Any
) -> None:
    alert = warns(monkeypatch, 4)
    events = run(folder, tiny(epochs=30, steps=8, **{**CALM, "learning_rate": 1e-4}), {6: (Apply(alert.id, 0),)})
    assert answers(events) == [(True, "learning_rate is 1e-4 already")]
    assert not of(AdviceTaken, events)


def test_what_a_person_has_undone_is_not_done_again(tiny: Tiny, folder: RunFolder, monkeypatch: Any) -> None:
    warns(monkeypatch, 5, REMEDIES[1])
    events = run(folder, tiny(**AUTO, steps=60), {8: (undo_last,)})
    assert len(of(AdviceTaken, events)) == len(of(AdviceUndone, events)) == 1


@pytest.mark.parametrize("stops", [(5,), (6, 8), (25, 26), (9, 10)], ids=str)
def test_stopped_anywhere_it_ends_as_the_run_that_was_never_stopped(
    tiny: Tiny, tmp_path: Path, monkeypatch: Any, stops: tuple[int, ...]
) -> None:
    alert = warns(monkeypatch, 5, REMEDIES[1])
    setup = tiny(**AUTO, steps=28)
    whole, cut = (RunFolder.create(tmp_path, name) for name in ("whole", "cut"))
    asks = {9: (undo_last,), 16: (Apply(alert.id, 0),)}
    run(whole, setup, asks)
    for index, stop in enumerate((*stops, 0)):
        told = [stored.event for stored in FolderLink(cut).read()] if index else []
        run(cut, None if index else setup, {9: (lambda events, told=told: undo_last([*told, *events]),), 16: asks[16]},
            stop)  # fmt: skip
    same(*(load_checkpoint(find_checkpoint(each, "latest")) for each in (whole, cut)))
    assert load_checkpoint(find_checkpoint(cut, "latest"))["progress"]["advised_kinds"] == {"divergence": 1}


def test_what_lies_ahead_of_an_earlier_checkpoint_has_not_been_advised(
    tiny: Tiny, folder: RunFolder, monkeypatch: Any
) -> None:
    alert = warns(monkeypatch, 4)
    run(folder, tiny(epochs=30, steps=14, **CALM), {6: (Apply(alert.id, 0),), 9: (Apply(alert.id, 1),)})
    before = fold(RunState(), FolderLink(folder).read())
    assert [taken.step for taken in before.advice] == [6, 9]
    train(folder, checkpoint="step-00000006")
    after = fold(RunState(), FolderLink(folder).read()).advice
    assert after == before.advice[:1]  # told again as it was told at first
    assert load_checkpoint(folder.path / after[0].checkpoint)["step"] == 6


def test_what_cannot_be_saved_is_said_and_costs_no_moment(tiny: Tiny, folder: RunFolder, monkeypatch: Any) -> None:
    alert = warns(monkeypatch, 4)

    def refused(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def full(events: list[Event]) -> Command:
        monkeypatch.setattr("core.training.checkpoints.atomic_write", refused)
        return undo_last(events)

    asks: Asks = {6: (Apply(alert.id, 1),), 8: (full,), 9: (Apply(alert.id, 0),), 10: (undo_last,)}
    told = run(folder, tiny(epochs=30, **CALM), {**asks, 11: (Stop(),), 12: (Stop(),)})
    assert [(done, "not saved" in message) for done, message in answers(told)[:4]] == [
        (True, False), (True, True), (True, True), (True, True),
    ]  # fmt: skip
    back, lower = of(AdviceTaken, told)
    assert lower.checkpoint == ""
    assert (folder.path / back.checkpoint).exists()  # the newest checkpoint can still be undone with it
