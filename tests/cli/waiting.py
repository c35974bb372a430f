"""Waiting for what other processes do, with an end to the patience."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float = 20.0) -> T:
    """The first true value of `condition()`. Raises AssertionError when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"nothing came of it in {seconds:g} s")
