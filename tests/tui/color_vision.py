"""How far apart two colours look, also to eyes that lack one kind of cone."""

import math

from textual.color import Color

Triple = tuple[float, float, float]

# Machado, Oliveira, Fernandes 2009, "A Physiologically-based Model for Simulation of Color Vision Deficiency",
# severity 1, on linear RGB.
EYES: dict[str, tuple[Triple, Triple, Triple]] = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
}


def oklab(color: Color, eyes: str = "usual") -> Triple:
    """Lightness (0 to 1), green-red and blue-yellow of a colour as these eyes see it (Ottosson 2020)."""
    linear = [_linear(part / 255) for part in color.rgb]
    r, g, b = (_seen(row, linear) for row in EYES[eyes])
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    middle = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def apart(first: Color, second: Color, eyes: str = "usual") -> float:
    """Distance in OKLab; about 0.02 is just noticed side by side."""
    return math.dist(oklab(first, eyes), oklab(second, eyes))


def _seen(row: Triple, linear: list[float]) -> float:
    return min(1.0, max(0.0, sum(weight * part for weight, part in zip(row, linear, strict=True))))


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
