"""Numbers, times and foreign text as a person reads them in a terminal cell."""

import math
import time
from pathlib import Path
from unicodedata import category

MISSING = "–"


def clean(text: str) -> str:
    """Text of a file or host made safe to show: line breaks become spaces, control codes and their like vanish.

    Every name that did not come from this program goes through here, so that no file name can move the cursor,
    recolour the screen or reverse the reading direction.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\n\r\t\v\f\u2028\u2029":
        return " "
    return "" if category(character) in ("Cc", "Cf", "Cs", "Co", "Cn") else character


def number(value: float | None) -> str:
    """Three significant digits in at most seven cells: 0.473, 14.2, 8.1e-4, 12.3k; a dash when there is none yet."""
    if value is None:
        return MISSING
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    size = abs(value)
    if size == 0:
        return "0"
    if size < 0.001:
        return scientific(value)
    for limit, decimals in ((0.9995, 3), (9.995, 2), (99.95, 1), (999.5, 0)):
        if size < limit:
            return f"{value:.{decimals}f}"
    for divisor, suffix in ((1e3, "k"), (1e6, "M"), (1e9, "G")):
        if size < divisor * 999.5:
            return f"{value / divisor:.3g}{suffix}"
    return scientific(value)


def scientific(value: float) -> str:
    """Two significant digits with a short exponent: 8.1e-4."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def count(value: int) -> str:
    """A whole number with its thousands apart: 1,184."""
    return f"{value:,}"


def percent(share: float) -> str:
    """A share of 0 to 1 as whole percent, never 100 before it is all: 18 %."""
    return f"{math.floor(share * 100 + 1e-9)} %"


def duration(seconds: float) -> str:
    """A span of time in its largest sensible unit: 45 s, 12 min, 3 h 20 min, 2 d 4 h."""
    if not math.isfinite(seconds) or seconds < 0:
        return MISSING
    total = round(seconds)
    if total < 90:
        return f"{total} s"
    minutes = round(total / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def gigabytes(size: float) -> str:
    """Bytes as GB with one decimal, or as MB under a tenth of one."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"


def clock(moment: float) -> str:
    """Local time of day of a moment in seconds since 1970: 12:03:11."""
    return time.strftime("%H:%M:%S", time.localtime(moment))


def plural(amount: int, word: str) -> str:
    """`3 files`, `1 file`."""
    return f"{count(amount)} {word}" if amount == 1 else f"{count(amount)} {word}s"


def shortened(path: str, width: int) -> str:
    """A path with ~ for the home folder; the end, which tells paths apart, stays when it is cut."""
    home = str(Path.home())
    if path == home or path.startswith(home + "/"):
        path = "~" + path[len(home) :]
    return path if len(path) <= width else "…" + path[len(path) - width + 1 :]
