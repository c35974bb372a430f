"""What the run tells of previews that could not be made, and what it costs: nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from core.run.events import Event, PreviewEvent, Reported
from core.run.folder import RunFolder
from core.run.store import RunWriter
from core.training.journal import Journal
from core.training.previewing import Previewer
from core.training.recipe import load_recipe
from core.training.state import TrainingState


class Run:
    """A run that is not trained, only heard; `told` is what its journal was told."""

    def __init__(self, setup: Any, place: Path) -> None:
        config, given = setup
        device = torch.device("cpu")
        self.recipe = load_recipe("audio").prepare(config, given, device, lambda done, total, what: None)
        self.state = TrainingState(self.recipe, device)
        self.folder = RunFolder.create(place, "run")
        self.told: list[Event] = []
        self.writer = RunWriter(self.folder.store_path)
        journal = Journal(self.writer, self.told.append)
        self.previewer = Previewer(self.recipe, self.state, self.folder, journal)

    def drafts(self, *refusals: str) -> None:
        """Draft previews as often; "" is a draft that succeeds, all else what memory or disk has to say."""
        draft = self.recipe.draft_previews

        def refused(model: torch.nn.Module) -> Any:
            raise RuntimeError(refusal)

        for refusal in refusals:
            self.recipe.draft_previews = refused if refusal else draft  # type: ignore[method-assign]
            self.previewer.draft()
        self.recipe.draft_previews = draft  # type: ignore[method-assign]


@pytest.fixture
def run(tiny: Callable[..., Any], tmp_path: Path) -> Iterator[Run]:
    run = Run(tiny(), tmp_path)
    yield run
    run.previewer.close()
    run.writer.close()
    run.recipe.close()


def test_close_waits_for_all_that_was_asked_for(run: Run) -> None:
    run.drafts("")
    run.previewer.close()
    made = [event for event in run.told if isinstance(event, PreviewEvent)]
    assert made == run.told
    assert {event.kind for event in made} == {"original", "reconstruction", "sample"}


def test_no_memory_for_a_draft_is_told_once_and_raises_nothing(run: Run) -> None:
    run.drafts("out of memory", "out of memory, again")
    assert [event.message for event in run.told if isinstance(event, Reported)] == [
        "a preview could not be made: out of memory"]  # fmt: skip


def test_a_full_disk_refuses_every_preview_and_is_told_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("core.training.previews.write_wav", full)
        run.drafts("", "")
        run.previewer.close()
    (told,) = run.told
    assert isinstance(told, Reported)
    assert "No space left" in told.message


def test_trouble_of_another_kind_or_after_a_success_is_told_again(run: Run) -> None:
    run.previewer._tell([OSError("full"), OSError("full"), RuntimeError("memory"), OSError("full")])
    event = PreviewEvent(1, "previews/x.wav", 8_000, 1, "sample", "x", "", 1.0)
    run.previewer._tell([event, OSError("full")])
    words = [event.message.rpartition(" ")[2] if isinstance(event, Reported) else "" for event in run.told]
    assert words == ["full", "memory", "full", "", "full"]


def test_the_fitted_density_outlives_the_averages_next_step(run: Run) -> None:
    average = run.state.average
    before = average.module.density.points.clone()
    with torch.no_grad():
        for weight in average.parameters():
            weight.add_(0.1)  # as training would: its material now lies elsewhere
    run.previewer.fit_density()
    fitted = average.module.density.points.clone()
    assert not torch.allclose(fitted, before)
    average.update_parameters(run.state.model)
    assert torch.equal(average.module.density.points, fitted)
