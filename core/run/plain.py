"""Between dataclasses' values and JSON: non-finite floats and unpaired surrogates, of which JSON has none."""

import math
from typing import Any

_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def to_json_ready(value: Any) -> Any:
    """`value` with non-finite floats as {"$float": "nan"}, tuples as lists, and bytes of undecodable names as \\xNN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": str(value)}
    if isinstance(value, str):
        # A file name that is not UTF-8 reaches Python with surrogates, which no encoder takes.
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {to_json_ready(key): to_json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_ready(item) for item in value]
    return value


def from_json_ready(value: Any) -> Any:
    """The inverse of `to_json_ready`, but for tuples, which stay lists."""
    if isinstance(value, dict):
        if value.keys() == {"$float"} and isinstance(value["$float"], str):
            return _NON_FINITE.get(value["$float"], math.nan)
        return {key: from_json_ready(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_json_ready(item) for item in value]
    return value
