"""The sounds of one side of the split, decoded once and held ready, and the batches that are cut from them."""

import mmap
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import platformdirs
import torch
from torch import Tensor

from core.audio.augment import Augmenter
from core.audio.files import UnreadableSound, read_sound
from core.audio.fractional import read_at_rates, source_span
from core.errors import DataError
from core.folders import relative_name
from core.run.events import SkippedFile
from core.training.config import DataConfig, TrainingConfig
from core.training.drawing import drawn

Progress = Callable[[int, int], None]

LEAD_SECONDS = 0.02  # how late a training crop of a short sound may start: about two hops, so that frames vary
BYTES_PER_SAMPLE = 4


class SoundBank:
    """Mono float32 sounds at one sample rate; `waveforms[i]` [samples] is the sound of `files[i]`.

    Up to `DataConfig.memory_mb` they live in memory; a bigger bank lives in an unnamed temporary file in the cache
    folder, mapped into memory, which vanishes with the process however that ends. Nothing is written beside the files.
    """

    def __init__(
        self, files: Sequence[Path], waveforms: Sequence[Tensor], sample_rate: int, skipped: Sequence[SkippedFile] = ()
    ) -> None:
        self.files = list(files)
        self.waveforms = list(waveforms)
        self.sample_rate = sample_rate
        self.skipped = list(skipped)

    @classmethod
    def load(
        cls,
        files: Sequence[Path],
        config: DataConfig,
        sample_rate: int,
        progress: Progress = lambda done, total: None,
        root: Path | None = None,
    ) -> "SoundBank":
        """Read `files`; those that cannot be used are listed in `skipped`, by their path in `root`, never raised.

        `progress(done, total)` is called after each file. Raises DataError where the temporary file cannot be written.
        """
        used: list[Path] = []
        skipped: list[SkippedFile] = []
        with _Storage(config.memory_mb * 2**20) as storage:
            for done, path in enumerate(files, start=1):
                try:
                    waveform = read_sound(path, sample_rate)[0]
                    _check_worth(waveform, sample_rate, config)
                except UnreadableSound as error:
                    skipped.append(SkippedFile(relative_name(path, root), str(error)))
                else:
                    storage.add(waveform)
                    used.append(path)
                progress(done, len(files))
            return cls(used, storage.finish(), sample_rate, skipped)

    @property
    def seconds(self) -> float:
        """The length of all sounds together."""
        return sum(len(w) for w in self.waveforms) / self.sample_rate

    def subset(self, files: Sequence[Path]) -> "SoundBank":
        """A bank of some of these files, sharing their samples; skipped files are not carried over."""
        place = {path: index for index, path in enumerate(self.files)}
        return SoundBank(files, [self.waveforms[place[path]] for path in files], self.sample_rate)

    def chunk_counts(self, chunk_samples: int) -> list[int]:
        """How many chunks each sound counts for: its length in chunks, rounded, at least one."""
        return [max(1, round(len(w) / chunk_samples)) for w in self.waveforms]

    def chunks(self, chunk_samples: int) -> int:
        """The number of chunks of all sounds."""
        return sum(self.chunk_counts(chunk_samples))

    def crop(self, sounds: Sequence[int], starts: Sequence[int], length: int) -> Tensor:
        """[len(sounds), length]: of each sound the samples from its start on, which may be negative.

        Before a sound's first sample and after its last there are zeros.
        """
        crops = torch.zeros(len(sounds), length)
        for row, sound, start in zip(crops, sounds, starts, strict=True):
            waveform = self.waveforms[sound]
            first, last = max(0, start), min(len(waveform), start + length)
            if first < last:
                row[first - start : last - start] = waveform[first:last]
        return crops

    def close(self) -> None:
        """Let go of the samples; the temporary file, if there is one, vanishes with them."""
        self.waveforms.clear()
        self.files.clear()


def training_batch(
    bank: SoundBank, config: TrainingConfig, batch_size: int, generator: torch.Generator, device: torch.device
) -> Tensor:
    """Random augmented crops [batch_size, 1, samples] on `device`: a pure function of the CPU generator's state.

    A sound is drawn in proportion to its chunks, evenly over the batch (systematic sampling; Madow 1949), so that one
    long file does not crowd out the rest by luck. A sound shorter than a chunk stands at its start, after at most
    20 ms of silence, and is followed by zeros; a longer one is cut anywhere.
    """
    samples = round(config.data.chunk_seconds * bank.sample_rate)
    augmenter = Augmenter(config.augment)
    sounds = drawn(bank.chunk_counts(samples), batch_size, generator)
    rates = augmenter.rates(batch_size, generator)
    places = torch.rand(batch_size, generator=generator, dtype=torch.float64)
    lead = round(LEAD_SECONDS * bank.sample_rate)
    starts = []
    for sound, rate, place in zip(sounds, rates.tolist(), places.tolist(), strict=True):
        slack = len(bank.waveforms[sound]) - round(samples * rate)
        starts.append(round(place * slack) if slack >= 0 else -round(place * min(-slack, lead)))
    before, span = source_span(samples, rates)
    source = bank.crop(sounds, [start - before for start in starts], span).to(device)
    waveform = read_at_rates(source, rates, before, samples)
    return augmenter(waveform, generator)[:, None]


def validation_batches(
    bank: SoundBank, config: TrainingConfig, batch_size: int, most: int | None = None
) -> Iterator[Tensor]:
    """The fixed chunks of a bank, end to end from each sound's first sample, never augmented: [batch, 1, samples].

    A last piece of less than half a chunk is left out; any other is filled up with zeros. Of more chunks than `most`
    an even choice is taken. One batch is in memory at a time, however large the bank is.
    """
    samples = round(config.data.chunk_seconds * bank.sample_rate)
    counts = enumerate(bank.chunk_counts(samples))
    places = [(sound, samples * number) for sound, count in counts for number in range(count)]
    if most is not None and len(places) > most:
        places = [places[number * len(places) // most] for number in range(most)]
    for first in range(0, len(places), batch_size):
        sounds, starts = zip(*places[first : first + batch_size], strict=True)
        yield bank.crop(sounds, starts, samples)[:, None]


def _check_worth(waveform: Tensor, sample_rate: int, config: DataConfig) -> None:
    """Raises UnreadableSound for a sound that is too short or silent to learn from."""
    seconds = len(waveform) / sample_rate
    if seconds < config.min_seconds:
        raise UnreadableSound(f"too short: {seconds:.3f} s, under data.min_seconds = {config.min_seconds:g}")
    peak = float((waveform - waveform.mean()).abs().max())  # a constant offset cannot be heard
    if peak < 10 ** (config.silence_db / 20):
        raise UnreadableSound(f"silent as mono: never above data.silence_db = {config.silence_db:g} dB")


class _Storage:
    """Sounds kept in memory until they pass the ceiling, and in a temporary file from then on."""

    def __init__(self, ceiling_bytes: int) -> None:
        self._ceiling = ceiling_bytes
        self._waveforms: list[Tensor] = []
        self._lengths: list[int] = []
        self._file: BinaryIO | None = None
        self._folder = platformdirs.user_cache_path("distill-tui")

    def __enter__(self) -> "_Storage":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, waveform: Tensor) -> None:
        self._lengths.append(len(waveform))
        if self._file is not None:
            self._write(waveform)
        elif sum(self._lengths) * BYTES_PER_SAMPLE <= self._ceiling:
            self._waveforms.append(waveform)
        else:
            self._move_to_file()
            self._write(waveform)

    def finish(self) -> list[Tensor]:
        """The sounds in the order they came; the mapping keeps the file alive once its handle is closed."""
        if self._file is None:
            return self._waveforms
        try:
            self._file.flush()
        except OSError as error:
            raise self._no_room(error) from error
        # A private mapping: torch wants writable memory, and nothing that is written to it would reach the file.
        mapping = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_COPY)
        return list(torch.split(torch.frombuffer(mapping, dtype=torch.float32), self._lengths))

    def _move_to_file(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Without a name from the start (or at once after), so that not even a kill leaves it behind.
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        except OSError as error:
            raise self._no_room(error) from error
        for waveform in self._drained():
            self._write(waveform)

    def _drained(self) -> Iterator[Tensor]:
        self._waveforms.reverse()
        while self._waveforms:
            yield self._waveforms.pop()

    def _write(self, waveform: Tensor) -> None:
        assert self._file is not None
        try:
            self._file.write(waveform.contiguous().numpy().data)
        except OSError as error:
            raise self._no_room(error) from error

    def _no_room(self, error: OSError) -> DataError:
        return DataError(
            f"{self._folder}: no temporary file for sounds above data.memory_mb ({error.strerror}); "
            "make room there, raise data.memory_mb or set XDG_CACHE_HOME to a roomy disk"
        )
