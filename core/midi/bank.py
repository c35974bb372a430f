"""The tunes of one side of the split, read once and held ready, and the windows of tokens that are cut from them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.folders import relative_name
from core.midi.augment import Augmenter
from core.midi.files import Tune, UnreadableTune, read_tune
from core.midi.tokens import encode
from core.midi.vocabulary import NOTE_OFF, TIME_SHIFT, VELOCITY
from core.midi.windows import Columns, notes_for, token_rows
from core.run.events import SkippedFile
from core.training.drawing import drawn
from core.training.tunes_config import TunesConfig

Progress = Callable[[int, int], None]


class TuneBank:
    """`tunes[i]` is the tune of `files[i]`; `tokens` counts the tokens of all of them.

    A window begins at an onset and knows nothing of what came before: notes that still sound there are left out of it.
    """

    def __init__(self, files: Sequence[Path], tunes: Sequence[Tune], skipped: Sequence[SkippedFile] = ()) -> None:
        self.files = list(files)
        self.tunes = list(tunes)
        self.skipped = list(skipped)
        self._notes = [_columns(tune) for tune in self.tunes]
        self._lengths, self._places = _token_places(self.tunes)

    @classmethod
    def load(
        cls,
        files: Sequence[Path],
        config: TunesConfig,
        progress: Progress = lambda done, total: None,
        root: Path | None = None,
    ) -> "TuneBank":
        """Read `files`; those that cannot be used are listed in `skipped`, by their path in `root`, never raised.

        `progress(done, total)` is called after each file.
        """
        used: list[Path] = []
        tunes: list[Tune] = []
        skipped: list[SkippedFile] = []
        for done, path in enumerate(files, start=1):
            try:
                tune = read_tune(path)
                _check_worth(tune, config)
            except UnreadableTune as error:
                skipped.append(SkippedFile(relative_name(path, root), str(error)))
            else:
                used.append(path)
                tunes.append(tune)
            progress(done, len(files))
        return cls(used, tunes, skipped)

    @property
    def seconds(self) -> float:
        """The length of all tunes together."""
        return sum(tune.seconds for tune in self.tunes)

    @property
    def tokens(self) -> int:
        """How many tokens all tunes are, each as a whole."""
        return sum(self._lengths)

    def subset(self, files: Sequence[Path]) -> "TuneBank":
        """A bank of some of these files; skipped files are not carried over."""
        place = {path: index for index, path in enumerate(self.files)}
        return TuneBank(files, [self.tunes[place[path]] for path in files])

    def window_counts(self, length: int) -> list[int]:
        """How many windows of `length` tokens each tune counts for: its own length in them, rounded, at least one."""
        return [max(1, round(tokens / length)) for tokens in self._lengths]

    def windows(self, length: int) -> int:
        """The number of windows of all tunes."""
        return sum(self.window_counts(length))

    def starts(self, tune: int, length: int) -> Columns:
        """Where a training window may begin: the first note of each onset from which on about half of it is filled.

        A tune of less than half a window has one, its beginning.
        """
        first, token = self._places[tune]
        return first[: max(1, int(np.searchsorted(token, self._lengths[tune] - length // 2, side="right")))]

    def cut(self, places: Sequence[tuple[int, int]], length: int) -> Columns:
        """The notes of a window of `length` tokens from each place (tune, first note) on, as `_cut` gives them."""
        return _cut([(self._notes[tune], first) for tune, first in places], length)

    def close(self) -> None:
        """Let go of the notes."""
        for held in (self.files, self.tunes, self._notes, self._lengths, self._places):
            held.clear()


def training_batch(bank: TuneBank, config: TunesConfig, batch_size: int, generator: torch.Generator) -> Tensor:
    """Random augmented windows, int64 [batch_size, window_tokens]: a pure function of the CPU generator's state.

    A tune is drawn in proportion to its windows, a window begins at any of its onsets, and places after a tune's end
    are ABSENT.
    """
    length = config.window_tokens
    tunes = drawn(bank.window_counts(length), batch_size, generator)
    places = []
    for tune, place in zip(tunes, torch.rand(batch_size, generator=generator, dtype=torch.float64), strict=True):
        starts = bank.starts(tune, length)
        places.append((tune, int(starts[int(place * len(starts))])))
    notes = Augmenter(config)(bank.cut(places, length), batch_size, generator)
    return torch.from_numpy(token_rows(notes, batch_size, length))


def validation_batches(
    bank: TuneBank, config: TunesConfig, batch_size: int, most: int | None = None
) -> Iterator[Tensor]:
    """The fixed windows of a bank, end to end through each tune, never augmented: int64 [batch, window_tokens].

    Each next window begins at the first onset that the last one did not hold whole. A last piece of fewer than
    `min_notes` notes is left out unless it is the tune's only one. Of more windows than `most` an even choice is taken.
    """
    length = config.window_tokens
    places = [
        (tune, first)
        for tune, notes in enumerate(bank.tunes)
        for first in _end_to_end(_columns(notes), length, config.min_notes)
    ]
    if most is not None and len(places) > most:
        places = [places[number * len(places) // most] for number in range(most)]
    for start in range(0, len(places), batch_size):
        chosen = places[start : start + batch_size]
        yield torch.from_numpy(token_rows(bank.cut(chosen, length), len(chosen), length))


def fixed_windows(tune: Tune, length: int, min_notes: int = 1) -> tuple[list[int], Tensor]:
    """A tune's windows end to end, as `validation_batches` cuts them: (their starts in steps, [windows, length])."""
    notes = _columns(tune)
    firsts = _end_to_end(notes, length, min_notes)
    rows = token_rows(_cut([(notes, first) for first in firsts], length), len(firsts), length)
    return notes[0, firsts].tolist(), torch.from_numpy(rows)


def _columns(tune: Tune) -> Columns:
    """[4, notes]: start, end, pitch, level."""
    return np.array(tune.notes, dtype=np.int64).reshape(-1, 4).T


def _cut(places: Sequence[tuple[Columns, int]], length: int) -> Columns:
    """The notes that `length` tokens can hold, from each place (a tune's columns, its first note) on: [5, notes].

    They are (row, start, end, pitch, level), in the places' order; each row's time begins at its first note.
    """
    most = notes_for(length)
    cuts = [notes[:, first : first + most] for notes, first in places]
    row = np.repeat(np.arange(len(cuts)), [cut.shape[1] for cut in cuts])
    start, end, pitch, level = np.concatenate(cuts, axis=1)
    begin = np.array([cut[0, 0] for cut in cuts])[row]
    return np.stack([row, start - begin, end - begin, pitch, level])


def _end_to_end(notes: Columns, length: int, min_notes: int) -> list[int]:
    """The first notes of a tune's windows, end to end."""
    starts = notes[0]
    firsts: list[int] = []
    first = 0
    while first < len(starts) and (not firsts or len(starts) - first >= min_notes):
        firsts.append(first)
        row = token_rows(_cut([(notes, first)], length), 1, length)
        held = int(((row >= 0) & (row < NOTE_OFF)).sum())
        if first + held >= len(starts):
            break
        begin = int(np.searchsorted(starts, starts[first + held]))
        # A chord that fills a window by itself is not begun a second time.
        first = begin if begin > first else int(np.searchsorted(starts, starts[first], side="right"))
    return firsts


def _token_places(tunes: Sequence[Tune]) -> tuple[list[int], list[tuple[Columns, Columns]]]:
    """Of each tune its number of tokens, and of its onsets the first note and the token that they are reached at."""
    lengths, places = [], []
    for tune in tunes:
        tokens = np.array(encode(tune.notes), dtype=np.int64)
        shifts = (tokens >= TIME_SHIFT) & (tokens < VELOCITY)
        now = np.cumsum(np.where(shifts, tokens - TIME_SHIFT + 1, 0))
        onsets, first = np.unique(np.array([note.start for note in tune.notes], dtype=np.int64), return_index=True)
        lengths.append(len(tokens))
        places.append((first, np.searchsorted(now, onsets)))
    return lengths, places


def _check_worth(tune: Tune, config: TunesConfig) -> None:
    """Raises UnreadableTune for a tune of too few notes to learn from."""
    if len(tune.notes) < config.min_notes:
        count = f"{len(tune.notes)} note{'s' if len(tune.notes) > 1 else ''}"
        raise UnreadableTune(f"too short: {count}, under tunes.min_notes = {config.min_notes}")
