"""How every benchmark prints its figures: JSON first, then a table for people."""

import json
import os
import platform
from typing import Any


def show(name: str, rows: list[dict[str, Any]], details: dict[str, Any] | None = None) -> None:
    """Print `rows` (one figure each: what, median, goal, ...) as JSON and as a table."""
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "machine": platform.machine()}
    print(json.dumps({"benchmark": name, "machine": machine, "rows": rows, **(details or {})}))
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [columns] + [[_text(row.get(column, "")) for column in columns] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print()


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
