"""What of a file an HTTP request asks for: browsers ask for ranges of sounds, and Safari plays none without."""

import re

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class RangeError(ValueError):
    """No byte of the file lies in the range."""


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte of `header`'s range in a file of `size` bytes; None for all of it (RFC 9110, 14.2).

    A header that is malformed or names several ranges is ignored, as the RFC allows. Raises RangeError.
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":  # the last so many bytes
        start, end = max(0, size - int(last)), size - 1
        if int(last) == 0:
            raise RangeError
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < int(first):
            return None
    if start >= size:
        raise RangeError
    return start, end
