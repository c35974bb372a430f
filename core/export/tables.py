"""What the table formats share: a run's steps as text, its validated epochs, and its events, piece by piece."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core.export.place import ExportError
from core.run import event_json
from core.run.folder import RunFolder
from core.run.plain import from_json_ready, to_json_ready
from core.run.raw_steps import RawEvent, RawRun, StepChunk

STEP_COLUMNS = ("step", "time", "elapsed_s")
MOST_STEPS = 2**63  # what formats hold
WHOLE = ("epoch", "skipped", "device_memory_bytes")  # whole numbers, which the store has as float32


@contextmanager
def opened(folder: RunFolder) -> Iterator[RawRun]:
    """The run's store. Raises ExportError for a run that has logged nothing, and LinkError for one that is broken."""
    raw = RawRun(folder.store_path)
    try:
        if not raw.has_events:
            raise ExportError(f"{folder.path}: nothing is logged yet; export it once it has begun to train")
        yield raw
    finally:
        raw.close()


def step_rows(raw: RawRun, absent: str, not_finite: dict[str, str]) -> Iterator[list[list[str]]]:
    """Every step as texts, STEP_COLUMNS first, some thousands at a time.

    Numbers are the shortest that read back as the same float32. `absent` stands for what was not logged; texts in
    `not_finite` ("nan", "inf", "-inf") are replaced.
    """
    whole = [place for place, name in enumerate(raw.columns) if name in WHOLE]
    for chunk in raw.steps():
        columns = [_column(chunk, place, absent, not_finite) for place in range(len(raw.columns))]
        for place in whole:
            columns[place] = [text.removesuffix(".0") for text in columns[place]]
        times = [f"{time:.3f}" for time in chunk.times.tolist()]
        elapsed = [f"{seconds:.6g}" if seconds < 1 else f"{seconds:.4f}" for seconds in chunk.elapsed.tolist()]
        steps = [str(step) for step in chunk.steps.tolist()]
        yield [list(row) for row in zip(steps, times, elapsed, *columns, strict=True)]


def _column(chunk: StepChunk, place: int, absent: str, not_finite: dict[str, str]) -> list[str]:
    import numpy as np

    values, missing = chunk.values[:, place], chunk.absent[:, place]
    texts: list[str] = values.astype("U").tolist()
    for row in np.flatnonzero(~np.isfinite(values)).tolist():
        texts[row] = absent if missing[row] else not_finite.get(texts[row], texts[row])
    return texts


def body_of(event: RawEvent) -> dict[str, Any]:
    """An event's body as JSON-ready values; empty for one that cannot be read."""
    try:
        body = to_json_ready(json.loads(event.body))
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def on_path(raw: RawRun, kind: str) -> Iterator[tuple[RawEvent, dict[str, Any]]]:
    """The events of a kind that carry a step, less those of steps that a later resume began before.

    One whose fields are not what they should be, which the monitor passes over, is passed over here.
    """
    started = [(event.seq, body_of(event).get("start_step", 0)) for event in raw.events(("run",))]
    starts = [(seq, start) for seq, start in started if isinstance(start, int)]
    for event in raw.events((kind,)):
        if (known := event_json.decode(kind, event.body)) is None:
            continue
        step = getattr(known, "step", 0)
        if abs(step) < MOST_STEPS and all(step <= start for seq, start in starts if seq > event.seq):
            yield event, body_of(event)


def epoch_row(event: RawEvent, body: dict[str, Any]) -> dict[str, Any]:
    """A validated epoch as one flat row: its own numbers, then train/TERM and val/TERM."""
    body = from_json_ready(body)
    flat = {name: value for name, value in body.items() if name not in ("train_terms", "val_terms")}
    for side in ("train", "val"):
        flat.update({f"{side}/{name}": value for name, value in body.get(f"{side}_terms", {}).items()})
    return {"epoch": flat.pop("epoch", None), "step": flat.pop("step", None), "time": event.time, **flat}
