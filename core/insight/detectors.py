"""All detectors of a run behind one face: metrics go in, the starts and ends of alerts come out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import msgspec

from core.insight.alarm import Alarm
from core.insight.data_alarms import EmptyData, Leak
from core.insight.epoch_alarms import BrokenValidation, Divergence, Overfitting, PosteriorCollapse
from core.insight.game_alarm import Adversary
from core.insight.gradient_alarms import CutOff, Gradient, Spikes, located, measured
from core.insight.part_alarms import DeadUnits, Updates
from core.insight.remedies import Settings
from core.insight.step_alarms import Explosion, NonFinite, Starvation
from core.insight.trend_alarms import Plateau, Unsteady
from core.run.events import AlertStarted, EpochMetrics, Event, StepMetrics, TermInfo


@dataclass
class _Memory:
    """What a checkpoint keeps: all that later events depend on. `learning_rate` is the highest of the run."""

    learning_rate: float = 0.0
    nonfinite: NonFinite = field(default_factory=NonFinite)
    broken: BrokenValidation = field(default_factory=BrokenValidation)
    explosion: Explosion = field(default_factory=Explosion)
    training: Divergence = field(default_factory=Divergence)
    overfitting: Overfitting = field(default_factory=Overfitting)
    validation: Divergence = field(default_factory=lambda: Divergence(split="validation"))
    collapse: PosteriorCollapse = field(default_factory=PosteriorCollapse)
    gradient: Gradient = field(default_factory=Gradient)
    spikes: Spikes = field(default_factory=Spikes)
    unsteady: Unsteady = field(default_factory=Unsteady)
    plateau: Plateau = field(default_factory=Plateau)
    adversary: Adversary = field(default_factory=Adversary)
    leak: Leak = field(default_factory=Leak)


@dataclass
class _Measured:
    """What is not remembered: it follows from the clock, which no resume repeats, and is measured anew before long.

    `parts` are the newest gradient norms of the model's parts.
    """

    parts: dict[str, float] = field(default_factory=dict)
    starvation: Starvation = field(default_factory=Starvation)
    updates: Updates = field(default_factory=Updates)
    cut_off: CutOff = field(default_factory=CutOff)
    dead: DeadUnits = field(default_factory=DeadUnits)
    empty: EmptyData = field(default_factory=EmptyData)


MEASURED_KINDS = frozenset(alarm.kind for alarm in vars(_Measured()).values() if isinstance(alarm, Alarm))
"""Kinds of alert that follow from the clock: nothing that a resume has to repeat may depend on one."""

BY_EPOCHS = (BrokenValidation, Divergence, Overfitting, PosteriorCollapse, Plateau)
"""What speaks of whole epochs, at their end: all else that is remembered of a run speaks of its last steps."""


class Detectors:
    """Judges a run by its metrics: whether it diverges, overfits, collapses, starves, moves too far or gets nowhere.

    They warn; the person decides. Only terms that are `judged` count towards divergence and overfitting, and an alert
    that is on is not told again. The same metrics after the same `restore` give the same events. `ask` gives the
    config's value of a dotted key as it is now, so that what is advised has the right figures; None where it has none.
    """

    def __init__(self, terms: tuple[TermInfo, ...], ask: Callable[[str], Any] = lambda key: None) -> None:
        self._settings = Settings(ask)
        self._labels = {term.name: term.label for term in terms}
        self._judged = {term.name: term.label for term in terms if term.judged}
        self._memory = _Memory()
        self._measured = _Measured()

    def step(self, metrics: StepMetrics) -> list[Event]:
        """The events that follow from one optimizer step."""
        memory, now, settings = self._memory, self._measured, self._settings
        now.parts = measured(metrics, "norm/") or now.parts
        memory.learning_rate = settings.highest_rate = max(memory.learning_rate, metrics.learning_rate)
        memory.collapse.kl_weight, memory.plateau.rate = metrics.kl_weight, metrics.learning_rate
        events = memory.explosion.step(metrics, self._judged, settings)
        diverges = memory.explosion.active is not None or memory.training.active is not None
        events += [located(event, now.parts) for event in memory.gradient.step(metrics, settings, quiet=diverges)]
        unruly = diverges or memory.gradient.active is not None
        events += now.updates.step(metrics, settings, quiet=unruly)
        return [
            *events,
            *memory.spikes.step(metrics, settings, quiet=unruly),
            *memory.unsteady.step(metrics, self._judged, settings, quiet=unruly),
            *now.cut_off.step(metrics, settings, quiet=unruly or now.updates.active is not None),
            *now.dead.step(metrics, settings),
            *now.empty.step(metrics),
            *memory.adversary.step(metrics, settings),
            *memory.nonfinite.step(metrics),
            *now.starvation.step(metrics),
        ]

    def nonfinite(self, step: int, epoch: int, term: str) -> list[Event]:
        """The events that follow from a skipped step; `term` is the term, or "the gradient", that was not finite."""
        return self._memory.nonfinite.report(step, epoch, self._labels.get(term, term), self._settings)

    def leaks(self, pairs: Sequence[tuple[str, str]], step: int, epoch: int) -> list[Event]:
        """The events that follow from files (held out, learned from) that hold the same, as a session begins."""
        return self._memory.leak.found(pairs, step, epoch)

    def epoch(self, metrics: EpochMetrics) -> list[Event]:
        """The events that follow from one epoch and its validation."""
        memory, settings = self._memory, self._settings
        overfitting = memory.overfitting.epoch(metrics, self._judged, settings)
        exploded = memory.explosion.active is not None
        training = memory.training.epoch(metrics, self._judged, settings, quiet=exploded)
        named = exploded or memory.overfitting.active is not None or memory.training.active is not None
        validation = memory.validation.epoch(metrics, self._judged, settings, quiet=named)
        broken = memory.broken.epoch(metrics, self._labels, settings)
        collapse = memory.collapse.epoch(metrics, settings)
        named = named or memory.collapse.active is not None
        plateau = memory.plateau.epoch(metrics, self._judged, settings, quiet=named)
        return [*broken, *overfitting, *training, *validation, *collapse, *plateau]

    @property
    def active(self) -> tuple[AlertStarted, ...]:
        """The alerts that are on: after `restore` they are to be told again, since a new session starts without any."""
        parts = [getattr(held, each.name) for held in (self._memory, self._measured) for each in fields(held)]
        alarms = [alarm for alarm in parts if isinstance(alarm, Alarm)]
        return tuple(alarm.active for alarm in alarms if alarm.active is not None)

    def state(self) -> dict[str, Any]:
        """Everything that later events depend on, as JSON-ready values."""
        return asdict(self._memory)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`. What an older state lacks starts afresh; raises ValueError for one that is damaged."""
        self._memory = msgspec.convert(dict(state), _Memory)
        self._settings.highest_rate = self._memory.learning_rate
        self._measured = _Measured()

    def rewind(self, state: Mapping[str, Any]) -> None:
        """Like `restore`, of a run that went back to earlier weights: what is known of its files and of the machine,
        which are the same, stays."""
        leak, measured = self._memory.leak, self._measured
        self.restore(state)
        self._memory.leak = leak
        self._measured.empty, self._measured.starvation = measured.empty, measured.starvation

    def forget_recent(self, step: int) -> None:
        """The run goes on from the weights of `step`, at another rate: drop the alerts about what led there.

        What is known of the files and of the machine stays, and so does what was found at the end of an epoch before.
        """
        for each in fields(self._memory):
            alarm = getattr(self._memory, each.name)
            if not isinstance(alarm, Alarm) or alarm.active is None or isinstance(alarm, Leak):
                continue
            if not (isinstance(alarm, BY_EPOCHS) and alarm.active.step < step):
                alarm.forget()
