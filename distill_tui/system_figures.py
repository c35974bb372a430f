"""The figures of the machine that trains as a person reads them: their names and units, and when one needs a word."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from core.run.link import Series
from core.run.state import RunState
from distill_tui.format import gigabytes, number
from distill_tui.reader import Snapshot

WAITING = "waiting"  # the name of the curve of `waiting`, which is no term of the store
LITTLE_DISK = 1e9  # bytes
FULL_MEMORY = 95.0  # percent of the host's
WAITS_LONG = 0.3  # of the steps' time
BYTES_PER_SAMPLE = 4  # of the bank of sounds
HOT = 87.0  # degrees; most GPUs slow down soon above
ROUNDED = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)  # tops of axes, times a power of ten


@dataclass(frozen=True)
class Figure:
    """A figure of the panel: `now` reads as `value`; `full` is as much as there can be, None where nobody knows.

    Its curve is the series `name`. `role` is "text" unless the figure needs a word; `text` writes other values of it.
    """

    name: str
    label: str
    now: float
    value: str
    full: float | None = None
    role: str = "text"
    text: Callable[[float], str] = field(default=number, compare=False)

    def top(self, series: Series | None) -> float:
        """Where the axis of its curve ends: at what there can be, else at a round value that the curve stays below."""
        if self.full is not None:
            return self.full
        seen = (value for value in (series.mean if series is not None else ()) if math.isfinite(value))
        highest = max(seen, default=self.now)
        if highest <= 0:
            return 1.0
        power = 10.0 ** math.floor(math.log10(highest))
        return next(rung * power for rung in ROUNDED if rung * power >= highest or rung == ROUNDED[-1])


@dataclass(frozen=True)
class _Kind:
    """How a figure reads, and from which value on (`high`), or below which (`low`), it needs a word of that role."""

    name: str
    label: str
    text: Callable[[float], str]
    full: float | None = None
    high: float = math.inf
    low: float = -math.inf
    role: str = "warning"

    def of(self, value: float) -> Figure:
        wrong = value > self.high or value < self.low
        role = self.role if wrong else "text"
        return Figure(self.name, self.label, value, self.text(value), self.full, role, self.text)


def size(amount: float) -> str:
    """Bytes in three digits or so: 2.4 GB, 512 GB, 1.8 TB."""
    if amount >= 1e12:
        return f"{amount / 1e12:.1f} TB"
    return f"{amount / 1e9:.0f} GB" if amount >= 1e11 else gigabytes(amount)


def _whole(unit: str, times: float = 1.0) -> Callable[[float], str]:
    return lambda value: f"{value * times:.0f} {unit}"


_KINDS = (
    _Kind("system/gpu_percent", "GPU", _whole("%"), 100),
    _Kind(WAITING, "data wait", _whole("%", 100), 1, high=WAITS_LONG),
    _Kind("system/gpu_memory_bytes", "GPU memory", size),
    _Kind("system/cpu_percent", "run's CPU", lambda value: f"{value / 100:.1f} cores"),
    _Kind("system/host_cpu_percent", "all CPUs", _whole("%"), 100),
    _Kind("system/memory_bytes", "run's memory", size),
    _Kind("system/host_memory_percent", "all memory", _whole("%"), 100, high=FULL_MEMORY),
    _Kind("system/disk_free_bytes", "disk left", size, low=LITTLE_DISK, role="danger"),
    _Kind("system/gpu_celsius", "GPU heat", _whole("°C"), 100, high=HOT),
    _Kind("system/gpu_watts", "GPU power", _whole("W")),
)


def figures(measured: Mapping[str, float], waits: float | None) -> list[Figure]:
    """Those that are there, the most telling first, one that means danger before all.

    `measured` are a step's extras; `waits` is the share of the steps' time that went into waiting for data.
    """
    values = {**measured, WAITING: math.nan if waits is None else waits}
    found = [kind.of(values[kind.name]) for kind in _KINDS if math.isfinite(values.get(kind.name, math.nan))]
    total = measured.get("system/gpu_memory_total_bytes", 0.0)
    if total > 0:
        found = [
            replace(figure, value=f"{values[figure.name] / 1e9:.1f} / {size(total)}", full=total)
            if figure.name == "system/gpu_memory_bytes" else figure
            for figure in found
        ]  # fmt: skip
    return sorted(found, key=lambda figure: figure.role != "danger")


def waiting(data: Series | None, step: Series | None) -> Series | None:
    """The share of the time that went into waiting for data, bucket by bucket; None until both curves are there."""
    if data is None or step is None or (data.first, data.bucket) != (step.first, step.bucket):
        return None
    shares = tuple(
        min(1.0, waited / took) if took > 0 else math.nan for waited, took in zip(data.mean, step.mean, strict=False)
    )
    return replace(data, term=WAITING, mean=shares)


def lately(share: Series | None, state: RunState) -> float | None:
    """The mean of the curve's last quarter, which can be read while it changes; without a curve the newest step's."""
    known = [value for value in (share.mean if share else ()) if math.isfinite(value)]
    if known:
        last = known[-max(1, len(known) // 4) :]
        return math.fsum(last) / len(last)
    step = state.step
    return min(1.0, max(0.0, step.data_time_s / step.step_time_s)) if step and step.step_time_s > 0 else None


def advice(found: Iterable[Figure], snapshot: Snapshot) -> tuple[str, str] | None:
    """(in a few words, in full with what helps) on the figure that most needs it; None when all is well."""
    wrong = {figure.name: figure for figure in found if figure.role != "text"}
    if "system/disk_free_bytes" in wrong:
        return "the disk is nearly full", "The disk is nearly full: make room, or no checkpoint can be saved soon."
    if WAITING in wrong:
        share, started = wrong[WAITING].value, snapshot.state.started
        what, ways = "sounds", ["vary them less (augment.pitch_probability=0, augment.speed_probability=0)"]
        if started is not None and started.recipe == "midi":
            what, ways = "tunes", ["vary them less (tunes.stretch_probability=0)"]
        elif _lies_on_disk(snapshot):
            ways.insert(0, "raise data.memory_mb so that all stay in memory")
        full = f"{share} of the time the model waits for its {what}: {', or '.join(ways)}."
        return "waiting for data: see ?", full
    if "system/host_memory_percent" in wrong:
        return "the memory is nearly full", "The machine's memory is nearly full: end what else runs there."
    if "system/gpu_celsius" in wrong:
        return "the GPU is hot", "The GPU is hot and may slow down: see to its cooling."
    return None


def _lies_on_disk(snapshot: Snapshot) -> bool:
    """Whether the sounds are more than the run may hold in memory, as far as its config tells."""
    started, config = snapshot.state.started, snapshot.info.config if snapshot.info else {}
    data, spectrogram = config.get("data"), config.get("spectrogram")
    if started is None or not started.train_files or not isinstance(data, dict) or not isinstance(spectrogram, dict):
        return False
    rate, memory_mb = spectrogram.get("sample_rate"), data.get("memory_mb")
    if not isinstance(rate, int) or not isinstance(memory_mb, int):
        return False
    seconds = started.train_seconds * (1 + started.val_files / started.train_files)
    return seconds * rate * BYTES_PER_SAMPLE > memory_mb * 2**20
