"""A run as one JSON document: config, validated epochs, events, and every step."""

import json
from pathlib import Path
from typing import Any, BinaryIO

from core.export import tables
from core.export.place import FORMAT, Exported, claim_file, is_export_document, writing
from core.run.atomic import atomic_file
from core.run.folder import RunFolder
from core.run.plain import to_json_ready
from core.run.raw_steps import RawEvent, RawRun

NOT_FINITE = {text: json.dumps({"$float": text}) for text in ("nan", "inf", "-inf")}


def export(folder: RunFolder, path: Path) -> Exported:
    """Write the document to `path`. Raises ExportError, LinkError and RunFolderError.

    Times are in seconds since 1970; what is not a number is {"$float": "nan"}, and what was not logged is null. "steps"
    has "columns" and "data", a row for each step: `pandas.DataFrame(**document["steps"])` takes it as it is. Each of
    "events" is {"seq", "time", "kind", "data"}, as `watch --json` tells it.
    """
    claim_file(path, is_export_document)
    with tables.opened(folder) as raw, writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            _write(raw, folder, file)
    return Exported(path, (path,))


def _write(raw: RawRun, folder: RunFolder, file: BinaryIO) -> None:
    """Piece by piece: a document of a million steps is larger than what may be in memory."""
    config = json.dumps(to_json_ready(folder.config()), default=str)
    file.write(f'{{"format": "{FORMAT}",\n"run": {json.dumps(folder.name)},\n"config": {config}'.encode())
    for name, entries in (
        ("epochs", ({**body, **_about(event)} for event, body in tables.on_path(raw, "epoch"))),
        ("events", ({**_about(event), "data": tables.body_of(event)} for event in raw.events())),
    ):
        file.write(f',\n"{name}": ['.encode())
        for number, entry in enumerate(entries):
            file.write(b",\n" * (number > 0) + json.dumps(entry, allow_nan=False).encode())
        file.write(b"]")
    columns = json.dumps([*tables.STEP_COLUMNS, *raw.columns])
    file.write(f',\n"steps": {{"columns": {columns},\n"data": ['.encode())
    between = b""
    for rows in tables.step_rows(raw, "null", NOT_FINITE):
        file.write(between + ",\n".join(f"[{','.join(row)}]" for row in rows).encode())
        between = b",\n"
    file.write(b"]}}\n")


def _about(event: RawEvent) -> dict[str, Any]:
    return {"seq": event.seq, "time": event.time, "kind": event.kind}
