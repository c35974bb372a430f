"""A finished run, watched again as it went: a link that shows another one as it stood at a moment of a clock."""

import math
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace

from core.run.blocks import FIXED
from core.run.buckets import Buckets
from core.run.commands import Command
from core.run.events import EpochMetrics, RunStarted, StepMetrics, Stored
from core.run.link import LinkError, RunInfo, RunLink, Series
from core.run.replay_clock import ReplayClock, ReplayPosition, usual_speed
from core.run.replay_timeline import Moment, Timeline

VALIDATION = "val/"
LOGGED = FIXED[1:]  # of a step, beside what the session declared; the first is its place in the store
KEPT_CURVES = 192
ASKED_BEFORE_A_LOOK = 512  # a link over ssh lets go of old curves when it reads events

Key = tuple[str, int, int | None, int]


class ReplayLink:
    """A `RunLink` on the run of `inner`, of which nothing is shown that came after the moment where `clock` stands.

    Events come when they came. Steps are told between the events that carry one (see `Timeline`), so that nothing
    but the events needs to be read beforehand. Curves are those of the run's final path: steps that a later session
    went over again are shown, even before it began, as that session made them.

    The last bucket of a curve, where the clock stands inside it, holds the newest step only. For one thread at a time,
    but for `fetch`. After the clock went back (`ReplayClock.generation`) read from 0 into an empty state.
    """

    def __init__(self, inner: RunLink, speed: float | None = None, now: Callable[[], float] = time.monotonic) -> None:
        """Read all events; blocks. `speed` is the usual one unless given. The clock stands at the beginning."""
        self._inner = inner
        self._stored, self._newest = _everything(inner)
        self._timeline = Timeline(self._stored, self._newest)
        length = self._timeline.length
        self.clock = ReplayClock(length, usual_speed(length) if speed is None else speed, now)
        self._known_trouble = inner.trouble  # how the run ended, which is no news of the replay
        self._seen = self._timeline.at(0.0)
        self._seen_in = -1  # the clock's generation then
        self._told: tuple[int, int, bool] | None = None
        self._step: tuple[tuple[int, int], StepMetrics] | None = None  # session and step, and what it measured
        self._curves: OrderedDict[Key, Series] = OrderedDict()
        self._asked = 0

    @property
    def position(self) -> ReplayPosition:
        """Where the replay stood when it was last read."""
        seen = self._seen
        return ReplayPosition(self.clock.playing, self.clock.speed, seen.seconds, self.clock.length, seen.step)

    @property
    def is_whole(self) -> bool:
        """Whether nothing was to come when it was last read: then the run is shown as it is."""
        return self._seen.whole

    @property
    def trouble(self) -> str | None:
        """As `RunLink.trouble`; what was the matter when the replay began is left out."""
        trouble = self._inner.trouble
        return None if trouble == self._known_trouble else trouble

    def info(self) -> RunInfo:
        """As `RunLink.info`; a replay is never live."""
        return replace(self._inner.info(), live=False)

    def seek_step(self, step: int) -> None:
        """To the moment at which the step of the run's final path was made."""
        self.clock.seek(self._timeline.seconds_of(step))

    def read(self, after: int = 0) -> list[Stored]:
        """As `RunLink.read`, up to the clock."""
        moment = self._look()
        # Sequence numbers have gaps where another version wrote events of a kind that is not known here.
        batch = self._stored[bisect_right(self._stored, after, key=lambda stored: stored.seq) : moment.events]
        told = moment.session, moment.step, moment.whole
        if after == 0 or told != self._told:
            self._told = told
            metrics = self._metrics(moment)
            if metrics is not None and moment.events:
                last = self._stored[moment.events - 1]
                at = self._newest.time if moment.whole and self._newest else last.time
                batch.append(Stored(last.seq, at, metrics))
        return batch

    def series(self, term: str, lo: int = 0, hi: int | None = None, width: int = 100) -> Series:
        """As `RunLink.series`, without a step past the clock. It reads a curve once for each size of its buckets."""
        moment = self._now()
        if moment.whole:
            return self._inner.series(term, lo, hi, width)
        key = _key(term, lo, hi, width, moment, self._newest_step)
        whole = self._curves.get(key)
        if whole is None:
            self._asked += 1
            whole = self._curves[key] = self._inner.series(*key)
            if len(self._curves) > KEPT_CURVES:
                self._curves.popitem(last=False)
        self._curves.move_to_end(key)
        if term.startswith(VALIDATION):
            epoch = moment.epoch
            step = min(epoch.step, moment.step) if epoch else -1
            value = _validated(epoch, term.removeprefix(VALIDATION)) if epoch and step == epoch.step else None
        else:
            step, value = moment.step, _measured(self._metrics(moment), term)
        return cut(whole, step, value)

    def expect(self, curves: Iterable[Key]) -> None:
        """As `RunLink.expect`; what has been read already is not asked for again."""
        moment = self._now()
        if moment.whole:
            self._inner.expect(curves)
            return
        keys = dict.fromkeys(_key(*curve, moment, self._newest_step) for curve in curves)
        missing = [key for key in keys if key not in self._curves]
        if missing:
            self._inner.expect(missing)

    def send(self, command: Command) -> int:
        """Raises LinkError: what is over cannot be asked."""
        raise LinkError("this is a replay of what has been; leave it to ask the run anything")

    def fetch(self, artifact: str) -> bytes:
        """As `RunLink.fetch`."""
        return self._inner.fetch(artifact)

    def close(self) -> None:
        """As `RunLink.close`."""
        self._inner.close()

    @property
    def _newest_step(self) -> int:
        return getattr(self._newest.event, "step", -1) if self._newest is not None else -1

    def _look(self) -> Moment:
        self._seen, self._seen_in = self._timeline.at(self.clock.position), self.clock.generation
        return self._seen

    def _now(self) -> Moment:
        """As last read, so that curves and state agree; unless the clock went back since."""
        return self._seen if self._seen_in == self.clock.generation else self._look()

    def _metrics(self, moment: Moment) -> StepMetrics | None:
        """The step at this moment, None before the first; read once, all that it measured in one round trip."""
        if moment.whole and self._newest is not None and isinstance(self._newest.event, StepMetrics):
            return self._newest.event
        if moment.step < 1 or moment.started is None:
            return None
        place = moment.session, moment.step
        if self._step is None or self._step[0] != place:
            self._step = place, self._read_step(moment.step, moment.started)
        return self._step[1]

    def _read_step(self, step: int, started: RunStarted) -> StepMetrics:
        if self._asked > ASKED_BEFORE_A_LOOK:
            self._inner.read(self._stored[-1].seq)
            self._asked = 0
        names = dict.fromkeys((*LOGGED, *(term.name for term in started.terms), *started.extras))
        keys: list[Key] = [(name, step, step + 1, 1) for name in names]
        self._asked += len(keys)
        self._inner.expect(keys)
        return step_metrics(step, started, {key[0]: _only(self._inner.series(*key), step) for key in keys})


def step_metrics(step: int, started: RunStarted, logged: dict[str, float | None]) -> StepMetrics:
    """A step of the session `started` from what was `logged` of it by name; None stands for nothing."""
    found = {name: value for name, value in logged.items() if value is not None}
    terms = {term.name: found[term.name] for term in started.terms if term.name in found}
    fixed = {name: found[name] for name in LOGGED if name in found}
    named = {name: value for name, value in terms.items() if name in NAMED_TERMS}
    epoch = fixed.pop("epoch", (step - 1) // max(1, started.steps_per_epoch) + 1)
    train_loss, skipped = fixed.pop("train_loss", 0.0), bool(fixed.pop("skipped", 0.0))
    extras = {name: found[name] for name in started.extras if name in found}
    return StepMetrics(
        int(epoch), step, started.total_steps, train_loss, skipped=skipped, terms=terms, extras=extras, **fixed, **named
    )


NAMED_TERMS = ("recon_loss", "kl_loss", "stft_loss", "mag_recon_loss", "if_recon_loss")
"""What `StepMetrics` has a field for, beside its terms."""


def cut(series: Series, step: int, value: float | None) -> Series:
    """The curve without what came after `step`: its whole buckets, and `value` for the one that `step` has begun."""
    if series.lowest_step < 0 or step < series.lowest_step:
        return Series(series.term)
    count = max(0, min(len(series.mean), (step + 1 - series.first) // series.bucket))
    begun = count < len(series.mean) and step >= series.first + count * series.bucket
    last: tuple[float, ...] = ()
    nonfinite = tuple(bucket for bucket in series.nonfinite if bucket < count)
    if begun and value is not None:
        finite = math.isfinite(value)
        last = (value if finite else math.nan,)
        nonfinite += () if finite else (count,)
    return Series(
        series.term,
        series.first,
        series.bucket,
        series.minimum[:count] + last,
        series.maximum[:count] + last,
        series.mean[:count] + last,
        series.last[:count] + last,
        nonfinite,
        series.lowest_step,
        min(series.highest_step, step),
    )


def _everything(link: RunLink) -> tuple[list[Stored], Stored | None]:
    """All events, and the newest step. Over a line that may take several readings."""
    events: list[Stored] = []
    newest: Stored | None = None
    while True:
        batch = link.read(events[-1].seq if events else 0)
        newest = next((stored for stored in reversed(batch) if isinstance(stored.event, StepMetrics)), newest)
        fresh = [stored for stored in batch if not isinstance(stored.event, StepMetrics)]
        if not fresh:
            return events, newest
        events += fresh


def _key(term: str, lo: int, hi: int | None, width: int, moment: Moment, newest: int) -> Key:
    """The curve to cut this one from: its buckets are as wide, and it goes as far as they can stay so.

    Thus a curve that grows with the clock is read when its buckets double, and not at every step.
    """
    if hi is not None:
        return term, lo, hi, width
    buckets = Buckets.covering(lo, moment.step + 1, width)
    furthest = max(0, lo) + buckets.size * max(1, width)
    return term, lo, furthest if furthest <= newest else None, width


def _only(series: Series, step: int) -> float | None:
    """The value of a curve over one step; None when nothing was logged."""
    place = step - series.first
    if not (series.bucket == 1 and 0 <= place < len(series.last)):
        return None
    value = series.last[place]
    return value if math.isfinite(value) or place in series.nonfinite else None


def _measured(metrics: StepMetrics | None, name: str) -> float | None:
    if metrics is None:
        return None
    value = metrics.terms.get(name, metrics.extras.get(name))
    return getattr(metrics, name, None) if value is None and name in LOGGED else value


def _validated(epoch: EpochMetrics, name: str) -> float | None:
    return epoch.val_terms.get(name, epoch.val_loss if name in ("total_loss", "train_loss") else None)
