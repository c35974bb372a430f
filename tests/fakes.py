"""A run that is made up: deterministic, controllable, and a `RunLink` like any other."""

import math
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from core.run.commands import Command, Mark, Preview, Save, Set, Stop, kind_of
from core.run.events import (
    AlertEnded,
    AlertStarted,
    CheckpointSaved,
    CommandAnswered,
    CompletionReason,
    EpochMetrics,
    Event,
    LatentMap,
    NoteAdded,
    PhaseChanged,
    PreviewEvent,
    RunStarted,
    SkippedFile,
    StepMetrics,
    Stored,
    TermInfo,
    TrainingCompleteEvent,
    ValueSet,
)
from core.run.link import LinkError, RunInfo, Series
from core.training.config import TrainingConfig, to_dict

NOON = 1_760_000_400.0  # 2025-10-09 09:00 UTC
STEP_SECONDS = 1 / 21.4

AUDIO_TERMS = (
    TermInfo("total_loss", "total", "total", judged=False, help="All terms at their weights."),
    TermInfo("stft_loss", "stft", "reconstruction", help="Spectral distance at several resolutions."),
    TermInfo("mag_recon_loss", "magnitude", "reconstruction", help="Distance of the log magnitudes."),
    TermInfo("if_recon_loss", "IF", "reconstruction", help="Distance of the instantaneous frequency."),
    TermInfo("kl_loss", "KL", "kl", judged=False, help="How much the latent says."),
)


def many_terms(count: int) -> tuple[TermInfo, ...]:
    """As many terms as a large loss framework has."""
    groups = ("reconstruction", "kl", "adversarial", "constraints", "weights")
    return tuple(TermInfo(f"term_{i:02d}", f"term {i:02d}", groups[i % len(groups)]) for i in range(count))


SYSTEM = {
    "system/gpu_percent": 62.0, "system/gpu_memory_bytes": 3.1e9, "system/gpu_memory_total_bytes": 139e9,
    "system/gpu_celsius": 54.0, "system/gpu_watts": 312.0, "system/cpu_percent": 104.0,
    "system/host_cpu_percent": 31.0, "system/memory_bytes": 2.4e9, "system/host_memory_percent": 18.0,
    "system/disk_free_bytes": 512e9,
}  # fmt: skip
SOUNDS = ("tabla_na", "bell_07", "gong", "click", "drone", "rain", "voice", "string", "plate", "tom", "wood", "bowl")


def noise(step: int, salt: int) -> float:
    """-1 to 1, the same every time."""
    value = math.sin(step * 12.9898 + salt * 78.233) * 43758.5453
    return 2 * (value - math.floor(value)) - 1


@dataclass
class FakeLink:
    """A run of `total_epochs` epochs that has made `steps` steps so far; `advance` makes more.

    Commands are kept in `sent` and answered at once unless `answers` is off. `before_read` runs at the start of every
    `read`: raise in it to break the line, sleep in it to make it slow.
    """

    steps: int = 1184
    steps_per_epoch: int = 32
    total_epochs: int = 200
    terms: tuple[TermInfo, ...] = AUDIO_TERMS
    name: str = "bells-03"
    live: bool = True
    answers: bool = True
    trouble_line: str | None = None
    local_folder: str = ""
    curve: Callable[[int, int], float] | None = None
    skipped: tuple[SkippedFile, ...] = (SkippedFile("old/broken.wav", "not audio (empty file)"),)
    system: dict[str, float] = field(default_factory=lambda: dict(SYSTEM))
    sent: list[Command] = field(default_factory=list)
    before_read: Callable[[], None] = lambda: None
    reads: int = 0

    def __post_init__(self) -> None:
        self.stored: list[Stored] = []
        self.step = 0
        self._epochs: list[EpochMetrics] = []
        self._best = math.inf
        self._closed = False
        self.emit(self._started())
        self.emit(PhaseChanged("training"))
        self.advance(self.steps)

    def emit(self, event: Event) -> None:
        """Store an event at the time of the step that the run is at."""
        self.stored.append(Stored(len(self.stored) + 1, NOON + self.step * STEP_SECONDS, event))

    def advance(self, steps: int) -> None:
        """So many steps further, with the epochs, previews and checkpoints that fall due."""
        for _ in range(steps):
            self.step += 1
            if self.step % self.steps_per_epoch == 0:
                self._end_epoch(self.step // self.steps_per_epoch)

    def warn(self, severity: Any = "warning", id: str = "overfitting-1") -> None:
        """A warning begins."""
        self.emit(
            AlertStarted(
                id, "overfitting", severity, f"Overfitting since epoch {self.epoch}",
                "Validation is 27 % above training and rising.",
                "Stop here and keep the best checkpoint, or train on with the conservative preset.",
                self.step, self.epoch,
            )
        )  # fmt: skip

    def calm(self, id: str = "overfitting-1") -> None:
        """It ends."""
        self.emit(AlertEnded(id, self.step, self.epoch))

    def complete(self, reason: CompletionReason = "finished", error: str = "") -> None:
        """The session is over."""
        best = min(self._epochs, key=lambda epoch: epoch.val_loss, default=None)
        self.emit(CheckpointSaved(self.step, self.epoch, f"checkpoints/step-{self.step:08d}.pt", reason))
        self.emit(
            TrainingCompleteEvent(
                reason, self.epoch, self.step, self.step * STEP_SECONDS, best.val_loss if best else None,
                best.epoch if best else None, f"checkpoints/step-{self.step:08d}.pt", error,
            )
        )  # fmt: skip
        self.live = False

    @property
    def epoch(self) -> int:
        """The epoch that the run is in, from 1."""
        return (max(1, self.step) - 1) // self.steps_per_epoch + 1

    def value(self, term: int, step: int) -> float:
        """The training value of a term at a step."""
        if self.curve is not None:
            return self.curve(term, step)
        fall = math.exp(-step / (180 + 60 * term))
        if self.terms[term].group == "kl":
            return 14 * (1 - math.exp(-step / 400)) * (1 + 0.03 * noise(step, term)) + 0.2
        return (0.28 + 0.9 * fall / (1 + term)) * (1 + (0.04 + 0.1 * fall) * noise(step, term))

    def validation(self, term: int, step: int) -> float:
        """Its validation value: follows, then parts from it."""
        late = max(0.0, step / 1200 - 0.6)
        return (self.value(term, step) * 0.3 + self.value(term, max(1, step - 7)) * 0.7) * (1.08 + 0.18 * late * late)

    @property
    def trouble(self) -> str | None:
        return self.trouble_line

    def info(self) -> RunInfo:
        config = to_dict(
            TrainingConfig(recipe="audio", name=self.name, preset="balanced", epochs=self.total_epochs, batch_size=16)
        )
        config["adversarial"]["mode"] = "off"  # a run's config has nothing left open
        config["data"]["path"] = "/home/me/sounds/bells"
        return RunInfo(self.name, f"runs/{self.name}", config, self.live, self.local_folder)

    def read(self, after: int = 0) -> list[Stored]:
        self.reads += 1
        self.before_read()
        newest = self.stored[-1]
        step = [Stored(newest.seq, newest.time, self._metrics(self.step))] if self.step else []
        return [stored for stored in self.stored if stored.seq > after] + step

    def series(self, term: str, lo: int = 0, hi: int | None = None, width: int = 100) -> Series:
        validating = term.startswith("val/")
        name = term.removeprefix("val/")
        flat = {**self.extras, "step_time_s": STEP_SECONDS, "data_time_s": STEP_SECONDS * 0.04}
        if name in flat and self.step:
            return self._flat(name, flat[name], lo, hi)
        index = next((i for i, info in enumerate(self.terms) if info.name == name), None)
        if index is None or not self.step:
            return Series(term)
        end = min(self.step + 1, hi if hi is not None else self.step + 1)
        bucket = 1
        while (end - lo) / bucket > width:
            bucket *= 2
        first = lo // bucket * bucket
        buckets: list[list[float]] = [[] for _ in range(max(0, -(-(end - first) // bucket)))]
        for step, value in self._points(index, validating, lo, end):
            buckets[(step - first) // bucket].append(value)
        finite = [[value for value in values if math.isfinite(value)] for values in buckets]
        bad = tuple(i for i, values in enumerate(buckets) if len(values) > len(finite[i]))

        def each(function: Callable[[list[float]], float]) -> tuple[float, ...]:
            return tuple(function(values) if values else math.nan for values in finite)

        mean = each(lambda values: math.fsum(values) / len(values))
        return Series(term, first, bucket, each(min), each(max), mean, each(lambda v: v[-1]), bad, 1, self.step)

    def expect(self, curves: Iterable[tuple[str, int, int | None, int]]) -> None:
        pass

    def send(self, command: Command) -> int:
        if not self.live:
            raise LinkError(f"{self.name}: no trainer is at work; resume it first")
        self.sent.append(command)
        if self.answers:
            self.answer(len(self.sent))
        return len(self.sent)

    def answer(self, number: int, done: bool = True, message: str = "") -> None:
        """The trainer's answer to the command so numbered, and what it does."""
        command = self.sent[number - 1]
        if isinstance(command, Save) and done:
            self.emit(CheckpointSaved(self.step, self.epoch, f"checkpoints/step-{self.step:08d}.pt", "requested"))
        if isinstance(command, Preview) and done:
            self._previews(self.epoch)
        if isinstance(command, Set) and done:
            self.emit(ValueSet(self.step, command.key, 1e-3, command.value))
        if isinstance(command, Mark) and done:
            self.emit(NoteAdded(self.step, command.note))
        self.emit(CommandAnswered(number, kind_of(command), done, message or f"{kind_of(command)} done", self.step))
        if isinstance(command, Stop) and done:
            self.complete("cancelled")

    def fetch(self, artifact: str) -> bytes:
        samples = struct.pack("<800h", *(int(8000 * math.sin(i / 5)) for i in range(800)))
        head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2,
                           16, b"data", len(samples))  # fmt: skip
        return head + samples

    def close(self) -> None:
        self._closed = True

    @property
    def extras(self) -> dict[str, float]:
        """What a step measures beside its terms."""
        counted = [info for info in self.terms if info.group in ("reconstruction", "kl")]
        weights = {f"weight/{info.name}": 0.1 if info.group == "kl" else 1.0 for info in counted}
        parts = [1 / (1 + place) for place in range(len(counted))]
        shares = {f"gradient/{info.name}": part / sum(parts) for info, part in zip(counted, parts, strict=True)}
        return weights | shares | self.system

    def _flat(self, name: str, value: float, lo: int, hi: int | None) -> Series:
        """A curve that hardly moves."""
        end = min(self.step + 1, hi if hi is not None else self.step + 1)
        bucket = 64
        first = lo // bucket * bucket
        places = range(max(1, -(-(end - first) // bucket)))
        values = tuple(value * (1 + 0.05 * noise(first + place, len(name))) for place in places)
        return Series(name, first, bucket, values, values, values, values, (), 1, self.step)

    def _started(self) -> RunStarted:
        return RunStarted(
            session=0, recipe="audio", representation="magnitude + IF", terms=self.terms, device="cuda:0", host="box",
            pid=4242, start_step=0, total_steps=self.total_epochs * self.steps_per_epoch,
            total_epochs=self.total_epochs, steps_per_epoch=self.steps_per_epoch, parameters=2_134_000,
            preset="balanced", train_files=44, val_files=19, train_seconds=92.0, skipped=self.skipped,
            extras=tuple(self.extras),
        )  # fmt: skip

    def _metrics(self, step: int) -> StepMetrics:
        terms = {info.name: self.value(i, step) for i, info in enumerate(self.terms)}
        return StepMetrics(
            epoch=self.epoch, step=step, total_steps=self.total_epochs * self.steps_per_epoch,
            train_loss=self.value(0, step), kl_weight=0.0062, learning_rate=8.1e-4, step_time_s=STEP_SECONDS,
            elapsed_s=step * STEP_SECONDS, device_memory_bytes=3.1e9, terms=terms, extras=self.extras,
            data_time_s=STEP_SECONDS * 0.04,
        )  # fmt: skip

    def _points(self, index: int, validating: bool, lo: int, end: int) -> Iterator[tuple[int, float]]:
        if validating:
            first = max(1, -(-lo // self.steps_per_epoch))
            steps = range(first * self.steps_per_epoch, end, self.steps_per_epoch)
            return ((step, self.validation(index, step)) for step in steps)
        return ((step, self.value(index, step)) for step in range(max(1, lo), end))

    def _end_epoch(self, epoch: int) -> None:
        step = epoch * self.steps_per_epoch
        val = {info.name: self.validation(i, step) for i, info in enumerate(self.terms)}
        train = {info.name: self.value(i, step) for i, info in enumerate(self.terms)}
        first = self.terms[0].name
        best = val[first] < self._best
        self._best = min(self._best, val[first])
        kl = tuple(max(0.0, (1 - math.exp(-epoch / 8)) * (1.4 - i / 29) + 0.05 * noise(epoch, i)) for i in range(64))
        metrics = EpochMetrics(
            epoch, self.total_epochs, train[first], val[first], step=step, active_dimensions=41, latent_dimensions=64,
            is_best=best, train_terms=train, val_terms=val, elapsed_seconds=step * STEP_SECONDS,
            kl_per_dimension=kl, kl_divergence=sum(kl),
        )  # fmt: skip
        self._epochs.append(metrics)
        self.emit(metrics)
        angle = 1 / (1 + epoch)
        self.emit(
            LatentMap(
                epoch, step, SOUNDS, tuple(2 * noise(i, 1) * math.cos(angle) for i in range(len(SOUNDS))),
                tuple(noise(i, 2) + math.sin(angle) for i in range(len(SOUNDS))), (0.41, 0.23),
            )
        )  # fmt: skip
        if epoch % 10 == 0:
            self.emit(CheckpointSaved(step, epoch, f"checkpoints/step-{step:08d}.pt", "interval"))
        if epoch % 5 == 0:
            self._previews(epoch)

    def _previews(self, epoch: int) -> None:
        peaks = tuple(abs(math.sin(i / 3)) * math.exp(-i / 24) for i in range(64))
        for kind, name, pair, mrstft in (
            ("original", "tabla_na", "tabla", None), ("reconstruction", "tabla_na", "tabla", 1.42),
            ("sample", "fixed 7", "", None),
        ):  # fmt: skip
            self.emit(
                PreviewEvent(epoch, f"previews/{epoch:04d}-{kind}-{name}.wav", 48_000, self.step, kind, name, pair, 1.0,
                             mrstft, peaks)  # type: ignore[arg-type]
            )  # fmt: skip
