"""Where going back leads, whatever else was saved, pruned and warned of; and that it is done whole or not at all."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from core.run.commands import Apply, Command, Mark
from core.run.events import AlertStarted, Event, RolledBack
from core.run.folder import RunFolder
from core.training.checkpoint_files import (
    SEEN_WITHIN,
    find_checkpoint,
    is_before,
    list_checkpoints,
    prune_checkpoints,
    read_summary,
    way_back,
)
from core.training.checkpoints import load_checkpoint, save_checkpoint
from core.training.train import train
from tests.training.conftest import write_tones
from tests.training.test_advice import AUTO, CALM, REMEDIES, Tiny, answers, of, run, undo_last, warns
from tests.training.test_best import saved
from tests.training.test_resume import same


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "run")


def test_the_way_back_from_each_open_warning_is_kept(folder: RunFolder) -> None:
    for step in range(0, 1101, 50):
        saved(folder, step, good=True)
        open_now = {trouble for trouble in (100, 900) if trouble <= step}
        prune_checkpoints(folder, 3, open_now)
    assert [found.step for found in list_checkpoints(folder)] == [50, 850, 1000, 1050, 1100]
    assert [found.step for trouble in (100, 900) if (found := way_back(folder, trouble))] == [50, 850]


@pytest.mark.parametrize(("keep", "every"), [(1, 4), (2, 7), (3, 4), (1, 30)])
def test_one_more_open_warning_changes_no_way_back(tmp_path: Path, keep: int, every: int) -> None:
    """Whether there is one by the clock is not the same in a run that was stopped: it may only cost room."""
    plain, alarmed = (RunFolder.create(tmp_path, name) for name in ("plain", "alarmed"))
    for step in range(0, 151, every):
        for folder, troubles in ((plain, ()), (alarmed, (37, 61, 90))):
            saved(folder, step, good=step % 3 != 2)
            prune_checkpoints(folder, keep, {trouble for trouble in troubles if trouble <= step < trouble + 50})
        for found in range(step, step + every):
            one, other = (way_back(folder, found) for folder in (plain, alarmed))
            assert one is not None
            assert other is not None
            assert one.step == other.step
            assert one.step >= found - 2 * SEEN_WITHIN - 2 * keep * every  # and it is not as old as the run


def test_two_warnings_autosaves_and_a_checkpoint_at_every_epoch(tiny: Tiny, tmp_path: Path, monkeypatch: Any) -> None:
    """Wherever it is stopped and whatever the clock has found, a run goes back to the same weights by itself."""
    monkeypatch.setattr("core.training.saving.AUTOSAVE_SECONDS", 0.0)
    setup = tiny(**{**AUTO, "checkpoint__every": 1, "checkpoint__keep": 2}, steps=46)
    restored = set()

    def look(_: list[Event]) -> Command:
        found = way_back(folder, 27)
        assert found is not None
        assert is_before(found.step, 27) or "clock" not in name
        return Mark("looked")

    for name, stops in {"whole": (), "stopped": (34, 44), "clock": (), "clock stopped": (35, 43)}.items():
        folder, events = RunFolder.create(tmp_path, name), list[Event]()
        with monkeypatch.context() as patch:
            warns(patch, 44, REMEDIES[1], seen=0)
            if "clock" in name:
                warns(patch, 27, REMEDIES[1], kind="dead", seen=0)
            for stop in (*stops, 0):
                events += run(folder, None if events else setup, {41: (look,)}, stop)
        (back,) = of(RolledBack, events)
        restored.add((back.step, back.restored_step))
    ((step, target),) = restored
    assert step == 44
    assert 0 < target <= step - SEEN_WITHIN


def other_average(contents: dict[str, Any]) -> None:
    name = next(name for name, weights in contents["average"].items() if weights.ndim > 1 and len(weights) > 1)
    contents["average"][name] = contents["average"][name][:1]


def other_optimizer(contents: dict[str, Any]) -> None:
    kept = next(iter(contents["optimizer"]["state"].values()))
    kept["exp_avg"] = kept["exp_avg"].flatten()[:1]


def other_groups(contents: dict[str, Any]) -> None:
    contents["optimizer"]["param_groups"].pop()


def other_model(contents: dict[str, Any]) -> None:
    contents["config"]["model"]["latent_dim"] += 1


def other_warnings(contents: dict[str, Any]) -> None:
    contents["progress"]["detectors"]["nonfinite"] = 7


@pytest.mark.parametrize("spoil", [other_average, other_optimizer, other_groups, other_model, other_warnings])
def test_what_does_not_fit_changes_nothing(
    tiny: Tiny, tmp_path: Path, monkeypatch: Any, spoil: Callable[[dict[str, Any]], None]
) -> None:
    alert = warns(monkeypatch, 4)
    folder, plain = (RunFolder.create(tmp_path, name) for name in ("asked", "plain"))

    def look(_: list[Event]) -> Command:
        best = folder.checkpoints / "best.pt"
        contents = load_checkpoint(best)
        spoil(contents)
        save_checkpoint(best, contents, read_summary(best))
        return Apply(alert.id, 1)

    setup = tiny(epochs=30, **CALM)
    ((done, message),) = answers(run(folder, setup, {12: (look,)}, stop=12))
    run(plain, setup, stop=12)
    assert not done
    assert "best.pt" in message
    assert "\n" not in message
    now, never_asked = (load_checkpoint(find_checkpoint(each, "latest")) for each in (folder, plain))
    for part in ("model", "average", "optimizer", "config"):
        same(now[part], never_asked[part])


def test_a_leak_that_is_first_found_by_a_resume_is_news(tiny: Tiny, tmp_path: Path, folder: RunFolder) -> None:
    data = write_tones(tmp_path / "sounds")
    run(folder, tiny(data__path=str(data), epochs=30, **CALM), stop=3)
    (held_out, *_) = load_checkpoint(find_checkpoint(folder, "latest"))["held_out"]
    (data / "copy.wav").write_bytes((data / held_out).read_bytes())
    for restored in (False, True):
        events: list[Event] = []
        train(folder, checkpoint="latest", callback=events.append) if restored else events.extend(
            run(folder, None, stop=6)
        )
        (alert,) = [alert for alert in of(AlertStarted, events) if alert.kind == "leak"]
        assert alert.restored is restored


def test_going_back_shows_no_stale_warning_and_undoing_it_brings_back_what_stood(
    tiny: Tiny, folder: RunFolder, monkeypatch: Any
) -> None:
    alert = warns(monkeypatch, 4)
    stale, stood = (AlertStarted(f"spikes-{n}", "spikes", "warning", f"Spikes {n}", "x", "y", n, 1) for n in (2, 11))

    def plant(path: Path, planted: AlertStarted) -> None:
        contents = load_checkpoint(path)
        contents["progress"]["detectors"]["spikes"]["active"] = asdict(planted)
        save_checkpoint(path, contents, read_summary(path))

    def back(_: list[Event]) -> Command:
        plant(folder.checkpoints / "best.pt", stale)
        return Apply(alert.id, 1)

    def undo(events: list[Event]) -> Command:
        plant(next(folder.checkpoints.glob("before-*.pt")), stood)
        return undo_last(events)

    events = run(folder, tiny(epochs=30, **CALM), {12: (back,), 14: (undo,)}, stop=15)
    assert [done for done, _ in answers(events)] == [True, True]
    assert stale not in events
    assert stood in events
