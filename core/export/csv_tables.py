"""A run as a folder of CSV tables: steps.csv, epochs.csv, events.csv and config.csv."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from core.export import tables
from core.export.place import Exported, ExportError, claim_folder, files_of, writing
from core.run.folder import RunFolder
from core.run.raw_steps import RawRun
from core.training.config import flatten

TARGET = "csv"
NAMES = ("steps.csv", "epochs.csv", "events.csv", "config.csv")
FORMULAS, GUARD = tuple("=+-@"), "'"  # what a spreadsheet reads as a formula, and what keeps it from that
EVENT_COLUMNS = ("seq", "time", "kind", "epoch", "step", "body")

Row = Iterable[object]


def export(folder: RunFolder, path: Path) -> Exported:
    """Write the tables into the folder at `path`. Raises ExportError, LinkError and RunFolderError.

    Times are in seconds since 1970. What is not a number is "nan", "inf" or "-inf"; what was not logged is empty.
    Characters that cannot be seen are escaped as in JSON. A text that a spreadsheet would take for a formula, since it
    begins with =, +, - or @, has a ' before it; numbers have none.
    """
    if path.suffix.lower() == ".csv" and not path.is_dir():
        raise ExportError(f"{path}: csv makes four tables; name a folder with -o")
    claim_folder(path, TARGET)
    with tables.opened(folder) as raw, writing(path):
        contents = (_steps(raw), _epochs(raw), _events(raw), _config(folder.config()))
        with files_of(path, TARGET, folder.name, NAMES) as files:
            for file, rows in zip(files, contents, strict=True):
                _write(file, rows)
    return Exported(path, tuple(path / name for name in NAMES))


def _steps(raw: RawRun) -> Iterator[Row]:
    yield map(_cell, (*tables.STEP_COLUMNS, *raw.columns))
    for rows in tables.step_rows(raw, "", {}):
        yield from rows


def _epochs(raw: RawRun) -> Iterator[Row]:
    names = dict.fromkeys(
        name for event, body in tables.on_path(raw, "epoch") for name in tables.epoch_row(event, body)
    )
    yield map(_cell, names)
    for event, body in tables.on_path(raw, "epoch"):
        row = tables.epoch_row(event, body)
        yield [_cell(row.get(name)) for name in names]


def _events(raw: RawRun) -> Iterator[Row]:
    yield EVENT_COLUMNS
    for event in raw.events():
        body = tables.body_of(event)
        place = _cell(body.get("epoch")), _cell(body.get("step"))
        # Escaped as JSON does it, the text stays JSON.
        yield event.seq, f"{event.time:.3f}", _cell(event.kind), *place, _seen(json.dumps(body, ensure_ascii=False))


def _config(config: dict[str, Any]) -> Iterator[Row]:
    yield "key", "value"
    for key, value in flatten(config).items():
        yield _cell(key), _cell(value)


def _cell(value: object) -> object:
    """A value as a table's cell: numbers as they are, yes or no as 1 or 0, lists as JSON, texts that do no harm."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list | tuple | dict):
        return json.dumps(value)
    if isinstance(value, str):
        return f"{GUARD if value.lstrip()[:1] in FORMULAS else ''}{_seen(value)}"
    return value


def _seen(text: str) -> str:
    """What a terminal or an editor would obey instead of showing it, as JSON's escapes: "\\u009b", "\\n"."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in text)


def _write(file: BinaryIO, rows: Iterable[Row]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
    try:
        csv.writer(text, lineterminator="\n").writerows(rows)
        text.flush()
    finally:
        text.detach()  # the file is closed by whoever opened it
