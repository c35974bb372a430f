"""Trouble that shows from epoch to epoch: divergence, overfitting, posterior collapse."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from statistics import median
from typing import ClassVar, Literal

from core.insight.alarm import Alarm, Finding
from core.insight.remedies import FREE_BITS, KL_WEIGHT, STOP, Settings, figure, go_back, lower_rate, set_to
from core.insight.trends import geometric_mean, noise, rises_in_a_row
from core.run.events import EpochMetrics, Event

HISTORY = 32
"""Epochs that a detector remembers: enough to know the noise."""

RISING_EPOCHS = 5
RISE_SHARE = 0.05
RISE_NOISE = 6.0
"""Six values of pure noise stand in rising order once in 720 epochs; hardly any of those also spans 6 deviations."""
FORGIVEN_AFTER = 10

GAP = 0.2
OVERFIT_EPOCHS = 3
SMOOTHED = 3
IMPROVEMENT = 0.01
WORSENING = 0.02
WORSENING_NOISE = 2.0
STALE_EPOCHS = 10

COLLAPSED_KL = 0.5
COLLAPSE_EPOCHS = 2
EARLY_STEPS = 200


@dataclass
class Rise:
    """A term on its way up: the mean it rose from, the highest since, and the epochs that have passed since then."""

    low: float
    high: float
    epochs_since_high: int = 0

    def follow(self, value: float) -> None:
        """Take the next epoch's mean."""
        self.epochs_since_high = 0 if value > self.high else self.epochs_since_high + 1
        self.high = max(self.high, value)

    def over(self, value: float) -> bool:
        """Half of the rise is won back, or nothing has got worse for so long that this is the new level."""
        return value <= (self.low + self.high) / 2 or self.epochs_since_high >= FORGIVEN_AFTER


@dataclass
class Divergence(Alarm):
    """A term at constant weight whose epoch mean rises 5 epochs in a row, by more than 5 % and more than its noise.

    Never judged on the total, which KL annealing raises by itself. One detector watches the training means, another
    the validation means; either is told to be `quiet` while a better name for the trouble is on screen.
    """

    kind: ClassVar = "divergence"
    split: Literal["training", "validation"] = "training"
    history: dict[str, list[float]] = field(default_factory=dict)
    rises: dict[str, Rise] = field(default_factory=dict)

    def epoch(
        self, metrics: EpochMetrics, labels: Mapping[str, str], settings: Settings, quiet: bool = False
    ) -> list[Event]:
        """Judge the means of the terms in `labels` (name to label)."""
        means = metrics.train_terms if self.split == "training" else metrics.val_terms
        for name in labels:
            value = means.get(name)
            if value is None or not isfinite(value):
                continue
            series = self.history.setdefault(name, [])
            series.append(value)
            del series[:-HISTORY]
            if name in self.rises:
                self.rises[name].follow(value)
                if self.rises[name].over(value):
                    del self.rises[name]
            elif (low := _risen_from(series)) is not None:
                self.rises[name] = Rise(low, value)
        if self.active is not None and (quiet or not self.rises):
            return self._end(metrics.step, metrics.epoch)
        if self.active is None and self.rises and not quiet:
            return self._start(self._finding(labels, settings), metrics.step, metrics.epoch)
        return []

    def _finding(self, labels: Mapping[str, str], settings: Settings) -> Finding:
        worst = max(self.rises, key=lambda name: self.rises[name].high / self.rises[name].low)
        rise = self.rises[worst]
        names = _listed(labels[name] for name in self.rises)
        figures = f"{labels[worst]} went from {rise.low:.3g} to {rise.high:.3g} over at least {RISING_EPOCHS} epochs"
        if self.split == "training":
            lower = figure(rate) if (rate := settings.learning_rate * settings.share_of_rate(0.5)) else ""
            live = f"Press = and set the learning rate to {lower}; if that does not help, press" if lower else "Press"
            again = f" with --set learning_rate={lower}" if lower else ""
            return Finding(
                title=f"Diverging: {names} rising {RISING_EPOCHS} epochs in a row",
                explanation=f"The training loss gets worse, not better: {figures}. The steps are probably too large.",
                action=f"{live} c to save and stop, and train again{again}",
                severity="danger",
                remedies=(*lower_rate(settings), go_back(settings), STOP),
            )
        return Finding(
            title=f"Validation of {names} rising {RISING_EPOCHS} epochs in a row",
            explanation=f"What was held back from training comes out worse: {figures}, while training does not.",
            action="The best epoch is kept. Press c to save and stop, or go on and see whether it turns",
            remedies=(*lower_rate(settings), go_back(settings, safe=False), STOP),
        )


def _risen_from(series: list[float]) -> float | None:
    """The value from which the series has risen to its end, if that is divergence and not noise."""
    rises = rises_in_a_row(series)
    if rises < RISING_EPOCHS:
        return None
    low, high = series[-1 - rises], series[-1]
    return low if high - low > max(RISE_SHARE * abs(low), RISE_NOISE * noise(series[:-rises])) else None


@dataclass
class Overfitting(Alarm):
    """Validation more than 20 % above training for 3 epochs in a row, and getting worse or no better for 10.

    The level of validation is the geometric mean of the judged terms: the gap alone says little on a few files, whose
    held-out ones may just be harder. Level and gap are medians of 3 epochs and have to stand out from their noise.
    """

    kind: ClassVar = "overfitting"
    levels: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    best_level: float | None = None
    best_level_epoch: int = 0
    best_epoch: int | None = None
    in_a_row: int = 0

    def epoch(self, metrics: EpochMetrics, judged: Iterable[str], settings: Settings) -> list[Event]:
        """Judge the gap and the validation means of the terms in `judged`."""
        if metrics.is_best:
            self.best_epoch = metrics.epoch
        level = geometric_mean(metrics.val_terms[name] for name in judged if name in metrics.val_terms)
        if level is None or not isfinite(metrics.overfitting_gap):
            return []
        self.levels = [*self.levels, level][-HISTORY:]
        self.gaps = [*self.gaps, metrics.overfitting_gap][-HISTORY:]
        smooth = median(self.levels[-SMOOTHED:])
        if self.best_level is None or smooth < (1 - IMPROVEMENT) * self.best_level:
            self.best_level, self.best_level_epoch = smooth, metrics.epoch
            self.in_a_row = 0
            return self._end(metrics.step, metrics.epoch)

        gap, gap_noise = median(self.gaps[-SMOOTHED:]), noise(self.gaps)
        worse = smooth - self.best_level > max(WORSENING * self.best_level, WORSENING_NOISE * noise(self.levels))
        stale = metrics.epoch - self.best_level_epoch >= STALE_EPOCHS
        overfits = gap - gap_noise > GAP and (worse or stale)
        recovered = gap + gap_noise < GAP
        # Counts epochs that disagree with what is on screen, so that starting and ending both take three in a row.
        self.in_a_row = self.in_a_row + 1 if (overfits if self.active is None else recovered) else 0
        if self.in_a_row < OVERFIT_EPOCHS:
            return []
        self.in_a_row = 0
        if self.active is not None:
            return self._end(metrics.step, metrics.epoch)
        return self._start(self._finding(gap, smooth / self.best_level - 1, settings), metrics.step, metrics.epoch)

    def _finding(self, gap: float, worsening: float, settings: Settings) -> Finding:
        trend = f"is {worsening:.0%} worse than" if worsening > WORSENING else "has hardly improved since"
        best = self.best_level_epoch if self.best_epoch is None else self.best_epoch
        return Finding(
            title=f"Overfitting: validation is {gap:.0%} above training",
            explanation=f"The model learns what it is trained on by heart: validation {trend} around epoch "
            f"{self.best_level_epoch}.",
            action=f"The model of epoch {best} is kept as the best. Press c to save and stop. More files help most; "
            "or train again with a higher regularization.dropout or regularization.weight_decay (--set)",
            remedies=(STOP, go_back(settings, safe=False)),
        )


@dataclass
class BrokenValidation(Alarm):
    """A validation term that is NaN or infinite: such an epoch can neither be judged nor become the best."""

    kind: ClassVar = "validation"

    def epoch(self, metrics: EpochMetrics, labels: Mapping[str, str], settings: Settings) -> list[Event]:
        """Look at every validation term; `labels` names them for people."""
        broken = [labels.get(name, name) for name, value in metrics.val_terms.items() if not isfinite(value)]
        if not broken:
            return self._end(metrics.step, metrics.epoch)
        if self.active is not None:
            return []
        finding = Finding(
            title=f"Validation is not a number: {broken[-1]}",
            explanation=f"On what was held back {' and '.join(broken)} came out as no number at epoch {metrics.epoch}, "
            "so this epoch cannot become the best one.",
            action="If it stays, go back to the best checkpoint (c, then r and best) and lower the learning rate (=)",
            severity="danger",
            remedies=(go_back(settings),),
        )
        return self._start(finding, metrics.step, metrics.epoch)


@dataclass
class PosteriorCollapse(Alarm):
    """Raw validation KL below 0.5 nats, or more than half of the dimensions inactive, 2 epochs in a row.

    Judged only after 200 steps, in epochs in which the KL weight is on and no longer rises: before the encoder has
    learned anything its KL is near 0 in every healthy run.
    """

    kind: ClassVar = "collapse"
    kl_weight: float = 0.0
    previous_kl_weight: float = 0.0
    in_a_row: int = 0

    def epoch(self, metrics: EpochMetrics, settings: Settings) -> list[Event]:
        """Judge the KL of the epoch; `kl_weight` is to be the one of its last step."""
        early = self.kl_weight == 0 or self.kl_weight > self.previous_kl_weight or metrics.step < EARLY_STEPS
        self.previous_kl_weight = self.kl_weight
        if early or metrics.latent_dimensions == 0 or not isfinite(metrics.kl_divergence):
            return []
        low = metrics.kl_divergence < COLLAPSED_KL
        collapsed = low or 2 * metrics.active_dimensions < metrics.latent_dimensions
        # Counts epochs that disagree with what is on screen, so that starting and ending both take two in a row.
        self.in_a_row = self.in_a_row + 1 if collapsed == (self.active is None) else 0
        if self.in_a_row < COLLAPSE_EPOCHS:
            return []
        self.in_a_row = 0
        if not collapsed:
            return self._end(metrics.step, metrics.epoch)
        return self._start(self._finding(metrics, low, settings), metrics.step, metrics.epoch)

    def _finding(self, metrics: EpochMetrics, low: bool, settings: Settings) -> Finding:
        weight = (settings.number(KL_WEIGHT) or self.kl_weight) / 10
        lower = figure(weight)
        remedies = (
            set_to(FREE_BITS, "at least", max(0.5, 2 * settings.number(FREE_BITS)), "Raise the free bits"),
            set_to(KL_WEIGHT, "at most", weight, "Take a tenth of the weight of the KL"),
        )
        weaker = f"press = and set loss.kl.weight_max to {lower}, or train again with --set loss.kl.weight_max={lower}"
        if low:
            return Finding(
                title="Collapse: the latent is hardly used",
                explanation=f"What the model notes down of a sound, its latent, says almost nothing (KL "
                f"{metrics.kl_divergence:.2g} nats, under {COLLAPSED_KL}): whatever goes in, much the same comes out.",
                action=f"Let the latent say more: {weaker}",
                remedies=remedies,
            )
        fewer = 1 << max(0, 2 * metrics.active_dimensions - 1).bit_length()
        keys = f"--set model.latent_dim={fewer}, for tunes token_model.latent_dim"
        smaller = f"{fewer} dimensions ({keys})"
        return Finding(
            title=f"Only {metrics.active_dimensions} of {metrics.latent_dimensions} latent dimensions are in use",
            explanation="The others say next to nothing of a sound: the latent is larger than this material needs, or "
            "the weight of the KL, which keeps it simple, holds it down.",
            action=f"Let the latent say more: {weaker}; or train again with a smaller one, {smaller}"
            if fewer < metrics.latent_dimensions
            else f"Let the latent say more: {weaker}",
            remedies=remedies,
        )


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
