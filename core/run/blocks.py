"""Step metrics as the run store keeps them: rows of float32, in blocks of 64 steps."""

import json
import sys
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from core.run.events import StepMetrics

BLOCK_STEPS = 64
"""A block holds the steps first_step <= step < first_step + BLOCK_STEPS, where first_step is a multiple of it."""

FIXED = ("offset", "elapsed_s", "epoch", "train_loss", "kl_weight", "learning_rate", "step_time_s", "data_time_s",
         "grad_norm", "device_memory_bytes", "skipped")  # fmt: skip
"""Every row begins with these; the terms follow. `offset` is the step's place in its block, and `elapsed_s` counts
from the block's own start, since float32 would blur a long run's clock."""

ABSENT_BITS = 0x7FC0ABE1
"""The float32 for "nothing logged": a NaN that no arithmetic gives, so that a term which is NaN stays apart from it."""
ABSENT = array("f", ABSENT_BITS.to_bytes(4, sys.byteorder))[0]


@dataclass(frozen=True)
class Columns:
    """What the columns of one session's blocks mean: FIXED, then the terms, then the extras."""

    names: tuple[str, ...]

    @classmethod
    def of_terms(cls, terms: Iterable[str]) -> "Columns":
        """The columns for a recipe's terms and the extras (with a slash). A name of FIXED is that column."""
        return cls(FIXED + tuple(dict.fromkeys(term for term in terms if term not in FIXED)))

    @classmethod
    def from_json(cls, text: str) -> "Columns":
        """The inverse of `to_json`."""
        return cls(tuple(json.loads(text)))

    def to_json(self) -> str:
        """As the store's sessions table holds them."""
        return json.dumps(self.names)

    @property
    def measured(self) -> tuple[str, ...]:
        """The terms and the extras, without the fixed columns."""
        return self.names[len(FIXED) :]

    def row(self, metrics: StepMetrics, first_step: int, elapsed_s: float) -> "array[float]":
        """One step as float32; `first_step` and `elapsed_s` are its block's. Too large a number becomes infinity."""
        measured = {**metrics.terms, **metrics.extras}
        return array(
            "f",
            (
                metrics.step - first_step,
                metrics.elapsed_s - elapsed_s,
                metrics.epoch,
                metrics.train_loss,
                metrics.kl_weight,
                metrics.learning_rate,
                metrics.step_time_s,
                metrics.data_time_s,
                metrics.grad_norm,
                metrics.device_memory_bytes,
                metrics.skipped,
                *[measured.get(name, ABSENT) for name in self.measured],
            ),
        )

    def metrics(self, row: bytes, first_step: int, elapsed_s: float, total_steps: int) -> StepMetrics:
        """The step that `row` packed, at float32's precision."""
        values = dict(zip(self.names, array("f", row), strict=True))
        bits = array("I", row)
        measured = {
            name: values[name] for name, pattern in zip(self.names, bits, strict=True)
            if name not in FIXED and pattern != ABSENT_BITS
        }  # fmt: skip
        terms = {name: value for name, value in measured.items() if "/" not in name}
        return StepMetrics(
            epoch=int(values["epoch"]),
            step=first_step + int(values["offset"]),
            total_steps=total_steps,
            train_loss=values["train_loss"],
            recon_loss=terms.get("recon_loss", 0.0),
            kl_loss=terms.get("kl_loss", 0.0),
            kl_weight=values["kl_weight"],
            learning_rate=values["learning_rate"],
            step_time_s=values["step_time_s"],
            stft_loss=terms.get("stft_loss", 0.0),
            mag_recon_loss=terms.get("mag_recon_loss", 0.0),
            if_recon_loss=terms.get("if_recon_loss", 0.0),
            grad_norm=values["grad_norm"],
            data_time_s=values["data_time_s"],
            elapsed_s=values["elapsed_s"] + elapsed_s,
            device_memory_bytes=values["device_memory_bytes"],
            skipped=bool(values["skipped"]),
            terms=terms,
            extras={name: value for name, value in measured.items() if "/" in name},
        )


class StoredBlock(NamedTuple):
    """A row of the store's blocks table. `time` is the newest step's wall clock; `elapsed_s` the block's own start."""

    session: int
    first_step: int
    time: float
    elapsed_s: float
    rows: int
    data: bytes

    def newest_first(self) -> Iterator[tuple[int, bytes]]:
        """(step, row) of each step."""
        size = len(self.data) // self.rows
        for start in range((self.rows - 1) * size, -1, -size):
            row = self.data[start : start + size]
            yield self.first_step + int(array("f", row[:4])[0]), row


@dataclass
class Block:
    """A block while it is written. `saved` counts the rows that the disk has."""

    session: int
    first_step: int
    elapsed_s: float
    time: float = 0.0
    count: int = 0
    saved: int = 0
    data: bytearray = field(default_factory=bytearray)

    def add(self, row: "array[float]", now: float) -> None:
        """Append one step; `now` is its wall-clock time."""
        self.data += row.tobytes()
        self.count += 1
        self.time = now

    def stored(self) -> StoredBlock:
        """What the disk should hold now."""
        return StoredBlock(self.session, self.first_step, self.time, self.elapsed_s, self.count, bytes(self.data))
