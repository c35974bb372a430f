"""What a stability monitor reports: a verdict, what was found, and the figures that it rests on."""

import json
import math
from dataclasses import asdict, dataclass
from typing import Literal

from core.insight.gradient_alarms import spoken
from core.insight.remedies import figure
from core.run.events import AlertStarted
from core.run.plain import to_json_ready

Status = Literal["unknown", "stable", "warning", "danger"]
WORDS: dict[Status, str] = {
    "unknown": "nothing was measured yet",
    "stable": "stable: nothing is wrong that could be seen",
    "warning": "something to look at",
    "danger": "something is wrong",
}


@dataclass(frozen=True)
class Advice:
    """A finding: what is wrong since which step, the evidence, what to do, and how to say it to the program.

    `settings` are what would be given to a new run, `--set KEY=VALUE`; `remedies` are what the trainer does by itself.
    """

    kind: str
    severity: str
    step: int
    title: str
    evidence: str
    recommendation: str
    remedies: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    @classmethod
    def of(cls, alert: AlertStarted) -> "Advice":
        """An alert as a finding."""
        settings = [f"--set {remedy.key}={figure(remedy.value)}" for remedy in alert.remedies if remedy.kind == "set"]
        words = tuple(remedy.words for remedy in alert.remedies)
        return cls(
            alert.kind, alert.severity, alert.step, alert.title, alert.explanation, alert.action, words, tuple(settings)
        )


@dataclass(frozen=True)
class PartFigures:
    """A part of the model when it was last measured; NaN for what was not.

    `norm` is that of its gradient, `share` of it in the whole, 0 to 1; `update` is how far a step moves its weights, in
    their own size; `dead` is the share of its units that say nothing.
    """

    name: str
    norm: float = math.nan
    share: float = math.nan
    update: float = math.nan
    dead: float = math.nan


@dataclass(frozen=True)
class StabilityReport:
    """`findings` are what is wrong now, the worst first; `past` what was and is over.

    `gradient_norm` is the median of the last 100 steps and `typical_norm` that of all that are kept, `spikes` how many
    of the last 100 stand far above. `noise` is each judged term's jump from step to step, in per cent of its level.
    """

    status: Status
    steps: int
    findings: tuple[Advice, ...] = ()
    past: tuple[Advice, ...] = ()
    gradient_norm: float = math.nan
    typical_norm: float = math.nan
    gradient_trend: float = 0.0
    spikes: int = 0
    parts: tuple[PartFigures, ...] = ()
    noise: tuple[tuple[str, float], ...] = ()

    @property
    def recommendations(self) -> tuple[str, ...]:
        """What to do, a line for each finding."""
        return tuple(found.recommendation for found in self.findings)

    def to_json(self) -> str:
        """The report as JSON; what is not finite as {"$float": "nan"}."""
        return json.dumps(to_json_ready(asdict(self)), allow_nan=False)

    def __str__(self) -> str:
        lines = [f"{WORDS[self.status]} ({self.steps:,} steps)"]
        for found in self.findings:
            lines += ["", f"{found.title} (since step {found.step:,})", f"  {found.evidence}"]
            lines.append(f"  -> {found.recommendation}")
            if found.settings:
                lines.append(f"     in a new run: {' or '.join(found.settings)}")
        if not math.isnan(self.gradient_norm):
            spikes = f", {self.spikes} spikes in the last 100" if self.spikes else ""
            trend = f", {self.gradient_trend:+.1f} % in 100 steps" if self.gradient_trend else ""
            lines += ["", f"gradient norm {figure(self.gradient_norm)}{trend}{spikes}"]
        if self.noise:
            lines.append("noise from step to step: " + ", ".join(f"{name} {jump:.0f} %" for name, jump in self.noise))
        if self.parts:
            lines += ["", f"{'part':<26}{'gradient':>10}{'share':>8}{'update':>10}{'dead':>7}"]
            for part in self.parts:
                cells = (_cell(part.norm), _share(part.share), _cell(part.update), _share(part.dead))
                lines.append(f"{spoken(part.name):<26}{cells[0]:>10}{cells[1]:>8}{cells[2]:>10}{cells[3]:>7}")
        for found in self.past:
            lines.append(f"over: {found.title} (since step {found.step:,})")
        return "\n".join(lines)


def _cell(value: float) -> str:
    return "" if math.isnan(value) else figure(value)


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.0%}"
