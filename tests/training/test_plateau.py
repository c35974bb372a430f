"""A discriminator that waits for a plateau, in a real run: what counts as one, and what does not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from core.run.commands import Set
from core.run.events import EpochMetrics, Event, Reported, StepMetrics
from core.run.folder import RunFolder
from core.run.links.folder import FolderLink
from tests.training.test_adversarial_run import ADVERSARIAL, NAMES, of, trained

Tiny = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "run")


class TestAtAPlateau:
    STILL: ClassVar[dict[str, Any]] = {
        **ADVERSARIAL,
        "adversarial__start": "plateau",
        "learning_rate": 1e-9,  # nothing is gained
        "regularization__augmentation_expansion": 1,
    }

    def joined(self, events: list[Event]) -> int:
        """The epoch with whose first step it joins."""
        first = next(step for step in of(StepMetrics, events) if NAMES & step.terms.keys())
        assert first.step == min(step.step for step in of(StepMetrics, events) if step.epoch == first.epoch)
        (told,) = [report for report in of(Reported, events) if "discriminator" in report.message]
        assert told.step == first.step
        return int(first.epoch)

    def test_it_joins_when_five_epochs_gained_nothing_on_the_first(self, tiny: Tiny, folder: RunFolder) -> None:
        assert self.joined(trained(folder, tiny(**self.STILL, epochs=8))) == 7

    def test_other_loss_weights_while_it_waits_are_no_plateau(self, tiny: Tiny, folder: RunFolder) -> None:
        link = FolderLink(folder)

        def hook(event: Event) -> None:
            if isinstance(event, EpochMetrics) and event.epoch == 3:
                link.send(Set("loss.stft.weight", 2.0))

        assert self.joined(trained(folder, tiny(**self.STILL, epochs=10), hook)) == 10

    def test_its_own_weight_does_not_keep_it_waiting(self, tiny: Tiny, folder: RunFolder) -> None:
        link = FolderLink(folder)

        def hook(event: Event) -> None:
            if isinstance(event, EpochMetrics) and event.epoch == 3:
                link.send(Set("adversarial.weight", 0.25))

        assert self.joined(trained(folder, tiny(**self.STILL, epochs=8), hook)) == 7
