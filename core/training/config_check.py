"""How a config says that a value is wrong."""

from core.errors import UsageError


class ConfigError(UsageError, ValueError):
    """A value or key of the config is wrong; the message is one line: what, where, what to do."""


def check(condition: bool, key: str, value: object, expected: str) -> None:
    """Raise ConfigError for `key` unless `condition` holds."""
    if not condition:
        raise ConfigError(f"{key} = {value!r}: expected {expected}")
