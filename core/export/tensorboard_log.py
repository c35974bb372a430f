"""A run as a TensorBoard log: curves, previews to listen to, and the config and notes as text."""

import math
import wave
from pathlib import Path
from typing import Any

import tomli_w

from core.export import tables
from core.export.event_file import EXTRA, EventFile
from core.export.extras import needed
from core.export.place import Exported, claim_folder, files_of, writing
from core.run.blocks import FIXED
from core.run.folder import RunFolder
from core.run.link import LinkError
from core.run.links.folder import FolderLink
from core.run.plain import from_json_ready
from core.run.raw_steps import RawRun

TARGET = "tensorboard"
NAME = "events.out.tfevents.1.distill-tui"  # always the same: a later export replaces it
EPOCH_MEASURES = ("kl_divergence", "overfitting_gap", "active_dimensions")


def export(folder: RunFolder, path: Path) -> Exported:
    """Write the log into the folder at `path`. Raises ExportError, LinkError and RunFolderError.

    Tags: train/TERM at every step and val/TERM at every validation, beside train/loss and val/loss; learning_rate,
    kl_weight and what else every step has; weight/TERM, gradient/TERM and system/NAME; previews by kind and sound.
    """
    needed("tensorboardX", EXTRA)
    claim_folder(path, TARGET)
    config = folder.config()
    with tables.opened(folder) as raw, writing(path), files_of(path, TARGET, folder.name, (NAME,)) as (file,):
        began = next((event.time for event in raw.events()), 0.0)
        log = EventFile(file, began)
        if config:
            log.text(0, began, "config", f"```\n{tomli_w.dumps(config)}\n```")
        _write_steps(raw, log)
        for event, body in tables.on_path(raw, "epoch"):
            log.scalars(body.get("step", 0), event.time, _epoch_values(from_json_ready(body)))
        for event, body in tables.on_path(raw, "note"):
            log.text(body.get("step", 0), event.time, "note", body.get("text", ""))
        lost = _write_previews(raw, log, folder)
    return Exported(path, (path / NAME,), (_left_out(folder, lost),) if lost else ())


def _write_steps(raw: RawRun, log: EventFile) -> None:
    tags = [_tag(name) for name in raw.columns]
    for chunk in raw.steps():
        there = (~chunk.absent).tolist()
        rows = zip(chunk.steps.tolist(), chunk.times.tolist(), chunk.values.tolist(), there, strict=True)
        for step, time, values, present in rows:
            log.scalars(
                step, time, {t: value for t, value, logged in zip(tags, values, present, strict=True) if logged}
            )


def _tag(column: str) -> str:
    """Terms go under train/; what every step has, and what has a slash, is known by its own name."""
    if column == "train_loss":
        return "train/loss"
    return column if "/" in column or column in FIXED else f"train/{column}"


def _epoch_values(body: dict[str, Any]) -> dict[str, float]:
    measured = {f"val/{name}": body[name] for name in EPOCH_MEASURES if name in body}
    terms = {f"val/{name}": value for name, value in body.get("val_terms", {}).items()}
    return {"val/loss": body.get("val_loss", math.nan), **measured, **terms}


def _write_previews(raw: RawRun, log: EventFile, folder: RunFolder) -> list[str]:
    """Returns the paths of those that are not there, or no sounds."""
    lost: list[str] = []
    link = FolderLink(folder)
    try:
        for event, body in tables.on_path(raw, "preview"):
            path = str(body.get("audio_path", ""))
            name = body.get("name") or body.get("pair") or "preview"
            try:
                log.sound(body.get("step", 0), event.time, f"{body.get('kind', 'preview')}/{name}", link.fetch(path))
            except (LinkError, wave.Error, EOFError):
                lost.append(path)
    finally:
        link.close()
    return lost


def _left_out(folder: RunFolder, lost: list[str]) -> str:
    previews = "1 preview is" if len(lost) == 1 else f"{len(lost)} previews are"
    return f"{folder.name}: {previews} left out, their files being gone or no sounds; the first is {lost[0]}"
