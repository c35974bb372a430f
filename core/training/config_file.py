"""Reads and writes the config tree as TOML, and says in one line what is wrong with a key or a value."""

import difflib
import math
import re
import tomllib
from collections.abc import Container, Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import tomli_w

from core.training.config import ConfigError, TrainingConfig, flatten, nested, to_dict

MAX_CONFIG_BYTES = 1_000_000
HEADER = """\
# The config of a distill-tui run, with every value settled. It is enough to train again:
#     distill-tui train --config THIS_FILE
"""
GIVEN_HEADER = """\
# What was set for this distill-tui run; the rest is settled and written here once the data is read.
"""

_EXPECTED = {"float": "a number", "int": "a whole number", "str": "text", "bool": "true or false",
             "array": "a list", "object": "a section"}  # fmt: skip


def load_config(
    path: Path | None = None,
    assignments: Iterable[str] = (),
    overrides: Mapping[str, Any] | None = None,
) -> tuple[TrainingConfig, frozenset[str]]:
    """The defaults, changed by a TOML file, then by KEY=VALUE assignments, then by `overrides` (dotted keys).

    Also returns the dotted keys that one of the three has set. A relative `data.path` in the file is relative to
    the file. Raises ConfigError with one line that names the file or option, the key, and what to do.
    """
    given: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if path is not None:
        in_file = _read_tree(path)
        if isinstance(in_file.get("data.path"), str) and in_file["data.path"]:
            in_file["data.path"] = str(path.absolute().parent / Path(in_file["data.path"]).expanduser())
        _take(in_file, str(path), given, origins)
    for assignment in assignments:
        key, value = parse_assignment(assignment)
        _take({key: value}, "--set", given, origins)
    _take(dict(overrides or {}), "", given, origins)
    return _build(given, origins), frozenset(given)


def read_config(path: Path) -> tuple[TrainingConfig, frozenset[str]]:
    """The config in a TOML file exactly as it stands there, and the dotted keys that the file holds.

    Raises ConfigError as `load_config` does.
    """
    given: dict[str, Any] = {}
    origins: dict[str, str] = {}
    _take(_read_tree(path), str(path), given, origins)
    return _build(given, origins), frozenset(given)


def from_dict(tree: Mapping[str, Any]) -> TrainingConfig:
    """The config of nested plain values, as `core.training.config.to_dict` gives them. Raises ConfigError."""
    given: dict[str, Any] = {}
    origins: dict[str, str] = {}
    _take(flatten(dict(tree)), "", given, origins)
    return _build(given, origins)


def dump_config(config: TrainingConfig, keys: Container[str] | None = None) -> str:
    """The config as TOML text that `read_config` turns back into an equal config.

    With `keys` (dotted) only those are written: what a person set, before the rest is settled by the data.
    """
    flat = flatten(to_dict(config))
    tree = nested(flat if keys is None else {key: value for key, value in flat.items() if key in keys})
    body = re.sub(r"\[\n(?:    \d+,\n)+\]", lambda numbers: _on_one_line(numbers[0]), tomli_w.dumps(tree))
    return f"{HEADER if keys is None else GIVEN_HEADER}\n{body}"


def _on_one_line(numbers: str) -> str:
    return f"[{', '.join(re.findall(r'[0-9]+', numbers))}]"


def parse_assignment(text: str) -> tuple[str, Any]:
    """The dotted key and the value of one KEY=VALUE.

    A value is TOML (`2`, `1e-3`, `[512, 1024]`, `"text"`); a key that holds text takes the bare words as they are.
    """
    key, equals, raw = text.partition("=")
    key, raw = key.strip(), raw.strip()
    if not equals or not key:
        raise ConfigError(f"--set {_shown(text)}: expected KEY=VALUE, e.g. --set loss.stft.weight=2")
    if not raw:
        raise ConfigError(f"--set {_shown(text)}: no value after the =")
    value = _parse_value(raw)
    holds_text = _takes_text(_LEAVES.get(key))
    return key, raw if holds_text and not isinstance(value, str) else value


def _parse_value(raw: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {raw}")
    except (ValueError, RecursionError):  # not TOML: a bare word such as cuda:0
        return raw
    return parsed["value"] if parsed.keys() == {"value"} else raw


def _read_tree(path: Path) -> dict[str, Any]:
    """The file's values under dotted keys."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read as a config ({error.strerror or error})") from error
    if len(data) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{path}: more than {MAX_CONFIG_BYTES:,} bytes, which is no config; expected a TOML file")
    try:
        return flatten(tomllib.loads(data.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not text; expected a TOML file in UTF-8") from error
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path}: not TOML: {reason}") from error


def _take(values: dict[str, Any], origin: str, given: dict[str, Any], origins: dict[str, str]) -> None:
    """Adds `values` to what is given so far, once each key is known to exist."""
    for key, value in values.items():
        where = f"{origin}: " if origin else ""
        if key not in _LEAVES:
            raise ConfigError(f"{where}{_unknown(key, value)}")
        given[key] = value
        origins[key] = where


def _unknown(key: str, value: object) -> str:
    inside = [leaf for leaf in _LEAVES if leaf.startswith(f"{key}.")]
    if inside:
        return f"{_shown(key)} = {_shown(value)}: a section, not a value; set one of its keys, e.g. {inside[0]}"
    near = _nearest(key)
    return f"{_shown(key)}: no such key" + (f"; did you mean {near}?" if near else "; the README lists them all")


def _nearest(key: str) -> str | None:
    """The known key that a mistyped one most likely stands for: same last part, or nearly the same letters."""
    last = key.rpartition(".")[2]
    same_last = [leaf for leaf in _LEAVES if leaf.rpartition(".")[2] == last]
    close = difflib.get_close_matches(key, same_last or _LEAVES, n=1, cutoff=0.0 if same_last else 0.6)
    if not close:
        ends = {leaf.rpartition(".")[2]: leaf for leaf in reversed(_LEAVES)}
        close = [ends[end] for end in difflib.get_close_matches(last, ends, n=1, cutoff=0.7)]
    return close[0] if close else None


def _build(given: Mapping[str, Any], origins: Mapping[str, str]) -> TrainingConfig:
    for key, value in given.items():
        problem = _unusable(value)
        if problem:
            raise ConfigError(f"{origins[key]}{key} = {_shown(value)}: {problem}")
    try:
        return msgspec.convert(nested(given), TrainingConfig)
    except msgspec.ValidationError as error:
        raise _explained(error, given, origins) from error


def _unusable(value: object) -> str | None:
    """What is wrong with a value whatever its key; None for a value that may be right."""
    if isinstance(value, float) and not math.isfinite(value):
        return "expected a finite number"
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return "holds bytes that are not UTF-8, which TOML cannot store; rename it"
    return None


def _explained(error: msgspec.ValidationError, given: Mapping[str, Any], origins: Mapping[str, str]) -> ConfigError:
    """The one line for a person behind msgspec's error."""
    if isinstance(error.__cause__, ConfigError):  # a dataclass refused its values
        message = str(error.__cause__)
        key = message.partition(" = ")[0]
        return ConfigError(f"{origins.get(key, '')}{message}")
    what, _, where = str(error).rpartition(" - at `$.")
    key = re.sub(r"\[.*", "", where.rstrip("`"))
    choices = _choices(_LEAVES[key])
    if choices:
        expected = f"one of {', '.join(choices)}"
        near = difflib.get_close_matches(str(given[key]), choices, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
    else:
        wanted = re.match(r"Expected `(\w+)", what)
        expected = _EXPECTED.get(wanted[1], wanted[1]) if wanted else what
        if "[" in where:
            expected = f"{expected} at every place of the list"
        hint = ""
    return ConfigError(f"{origins[key]}{key} = {_shown(given[key])}: expected {expected}{hint}")


def _shown(value: object) -> str:
    """The value, short and on one line, whatever it holds."""
    text = value if isinstance(value, str) and value.isprintable() and " " not in value else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _choices(annotation: Any) -> list[str]:
    return [str(choice) for choice in get_args(annotation)] if get_origin(annotation) is Literal else []


def _takes_text(annotation: Any) -> bool:
    return annotation is str or get_origin(annotation) is Literal


def _leaves(section: type, prefix: str = "") -> dict[str, Any]:
    """Every dotted key of the tree with its annotation."""
    hints = get_type_hints(section)
    leaves: dict[str, Any] = {}
    for item in fields(section):
        annotation = hints[item.name]
        if is_dataclass(annotation) and isinstance(annotation, type):
            leaves.update(_leaves(annotation, f"{prefix}{item.name}."))
        else:
            leaves[prefix + item.name] = annotation
    return leaves


_LEAVES: dict[str, Any] = _leaves(TrainingConfig)
