"""What a loss landscape means, in words: flat, steep or sharp, what lies between two checkpoints, what to know."""

import math

from core.insight.landscape_record import EpsilonSharpness, Landscape, Line

TENTH = 0.1  # the rise that counts as noticeable, as a share of the loss
FLAT, GENTLE = 0.5, 0.2  # distances at which it comes, in units of the weights' own size
WHOLE = 1.0  # that size itself: weights that may move as far at no cost contribute little
SMALL = 0.01  # a small step, in the same units
STEEP = TENTH / SMALL  # slope: % of loss per % of the weights' size, at which a small step uphill costs a tenth
HILL = 0.01  # of the larger end's loss: a barrier that is none
LITTLE, STEEP_UPHILL = "weights hardly count yet", " at random, steep uphill"
UNIT = "100 % is the weights' own size."
NEARLY = 1e-3  # positions are rounded
LOWER = 0.005  # of the loss: a place that is lower by more is worth a word


def room(landscape: Landscape) -> float:
    """How far the weights may move, in units of their own size, before the loss is a tenth higher.

    The mean over the directions that were measured, both ways; one in which it never rises so far counts as the whole
    span, and one that ends in NaN or infinity as ended there. NaN where a tenth means nothing: a loss of 0 or less.
    """
    if not landscape.lines or not landscape.loss > 0 or not math.isfinite(landscape.loss):
        return math.nan
    limit = landscape.loss * (1 + TENTH)
    reached = [_reached(line, limit, side) for line in landscape.lines for side in (-1, 1)]
    return math.fsum(reached) / len(reached)


def barrier(path: Line) -> float:
    """The highest point of the way above the straight line between its two ends (Frankle et al. 2020), at least 0.

    Infinity where the way has a point that is not finite, and NaN where an end is none: above what is not known then.
    """
    first, last = path.at(0.0), path.at(1.0)
    if not (math.isfinite(first) and math.isfinite(last)):
        return math.nan
    between = [(x, loss) for x, loss in zip(path.positions, path.losses, strict=True) if 0 < x < 1]
    if not all(math.isfinite(loss) for _, loss in between):
        return math.inf
    return max([0.0, *(loss - (first + (last - first) * x) for x, loss in between)])


def verdict(landscape: Landscape) -> tuple[str, str]:
    """A few words, and what they mean: "weights hardly count yet"; "flat", "gentle" or "sharp", the first two also
    with "at random, steep uphill"; of a way "one valley" or "two valleys"; where it cannot be told "unknown".
    """
    if landscape.path is not None:
        return _verdict_of_path(landscape.path)
    distance = room(landscape)
    if not math.isfinite(distance):
        return "unknown", "the loss here is not a number above 0, so its rise cannot be judged"
    if _hardly_counts(landscape):
        return (
            LITTLE,
            "moved at random by their whole size they barely raise the loss: the model leans on what it began with",
        )
    if distance >= GENTLE and landscape.epsilon is not None and _steep(landscape.epsilon):
        word, cost = ("flat", "hardly matter") if distance >= FLAT else ("gentle", "matter little")
        return (
            f"{word}{STEEP_UPHILL}",
            f"small changes of the weights at random {cost}, tiny ones straight uphill cost much",
        )
    if distance >= FLAT:
        return "flat", "small changes of the weights at random hardly matter"
    if distance >= GENTLE:
        return "gentle", "small changes of the weights at random matter little, larger ones soon do"
    return "sharp", "small changes of the weights cost much; such a model often does worse on what is new to it"


def facts(landscape: Landscape) -> list[tuple[str, str]]:
    """What was measured, each with its label. Moves are in percent of the weights' own size: see `UNIT`."""
    found = [("loss", f"{short(landscape.loss)}  ({landscape.label})")]
    if landscape.path is not None:
        found.append(("other end", short(landscape.path.at(1.0))))
        high = barrier(landscape.path)
        found.append(("barrier", "unknown" if math.isnan(high) else short(high)))
    if math.isfinite(distance := room(landscape)):
        span = landscape.lines[0].positions[-1]
        where = "not within" if distance >= span * (1 - NEARLY) else "at"
        found.append(("10 % higher", f"{where} {short(100 * float(f'{distance:.2g}'))} %"))
    if (epsilon := landscape.epsilon) is not None:
        found.append(("uphill", _uphill(epsilon)))
    if (curvature := landscape.curvature) is not None:
        known = (curvature.converged and curvature.exact) or not math.isfinite(curvature.eigenvalue)
        about = "" if known else "about "
        found.append(("curvature", f"{about}{short(curvature.eigenvalue)}"))
    return found


def remarks(landscape: Landscape) -> list[str]:
    """What a person should know of it, a sentence each."""
    said = []
    if landscape.nonfinite:
        places = "place" if landscape.nonfinite == 1 else "places"
        said.append(f"At {landscape.nonfinite} {places} the loss is not finite; they are left blank.")
    if (epsilon := landscape.epsilon) is not None and not math.isfinite(epsilon.gradient_norm):
        said.append("The gradient is not finite here: no way leads uphill, and how sharp it is cannot be told.")
    if (low := _lowest(landscape)) is not None and landscape.loss - low > LOWER * abs(landscape.loss):
        share = 100 * (landscape.loss - low) / abs(landscape.loss) if landscape.loss else math.inf
        said.append(f"It goes down by another {share:.2g} % nearby: this is not the very floor.")
    if landscape.curvature is not None and landscape.curvature.eigenvalue < 0:
        said.append("It bends most of all downwards: not the floor of a valley.")
    if landscape.curvature is None and landscape.path is None:
        said.append("This term is only measured, not learned from: it has no gradient to judge sharpness by.")
    return said


def short(value: float) -> str:
    """Three significant digits; thousands apart."""
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}" if abs(value) < 1e9 else f"{value:.2e}"
    return f"{value:.3g}"


def _verdict_of_path(path: Line) -> tuple[str, str]:
    first, last, high = path.at(0.0), path.at(1.0), barrier(path)
    if math.isnan(high):
        return "unknown", "the loss at one end is not finite"
    if high <= HILL * max(abs(first), abs(last)):
        return "one valley", "no hill lies between the two checkpoints"
    return "two valleys", "a hill lies between the two checkpoints"


def _hardly_counts(landscape: Landscape) -> bool:
    """Whether no place that was measured within the weights' own size is a tenth higher, and some lie that far."""
    limit = landscape.loss * (1 + TENTH)
    near = [(away, loss) for away, loss in _places(landscape) if away <= WHOLE * (1 + NEARLY)]
    far_enough = max((away for away, _ in near), default=0.0) >= WHOLE * (1 - NEARLY)
    return far_enough and all(math.isfinite(loss) and loss < limit for _, loss in near)


def _places(landscape: Landscape) -> list[tuple[float, float]]:
    """(distance from the checkpoint, loss) of everything that was measured in random directions."""
    if (surface := landscape.surface) is not None:
        rows = zip(surface.positions, surface.losses, strict=True)
        return [(math.hypot(x, y), v) for y, row in rows for x, v in zip(surface.positions, row, strict=True)]
    return [(abs(x), v) for line in landscape.lines for x, v in zip(line.positions, line.losses, strict=True)]


def _steep(epsilon: EpsilonSharpness) -> bool:
    """Whether a small step uphill raises the loss markedly. A step that was not small says nothing of one that is."""
    if not (epsilon.loss > 0 and epsilon.rho > 0 and math.isfinite(epsilon.gradient_norm)):
        return False
    share = epsilon.rho / epsilon.weight_norm if epsilon.weight_norm > 0 else math.inf
    if not share <= SMALL:
        return False
    return not math.isfinite(epsilon.raised) or epsilon.rise / epsilon.loss >= STEEP * share


def _uphill(epsilon: EpsilonSharpness) -> str:
    """What a small step straight uphill costs, and how small it is beside the weights."""
    if not math.isfinite(epsilon.rise):
        return "not finite"
    rise = f"{100 * epsilon.rise / epsilon.loss:+.2g} %" if epsilon.loss > 0 else f"{epsilon.rise:+.3g}"
    share = epsilon.rho / epsilon.weight_norm if epsilon.weight_norm > 0 else math.inf
    return f"{rise} at {100 * share:.2g} %"


def _reached(line: Line, limit: float, side: int) -> float:
    """How far from 0 towards one side the loss passes `limit`, on straight lines between the points.

    0 where the line itself is above it from the start: its middle need not be the loss that `limit` comes from.
    """
    points = sorted((abs(x), loss) for x, loss in zip(line.positions, line.losses, strict=True) if x * side >= 0)
    before, low = 0.0, limit
    for x, loss in points:
        if not math.isfinite(loss):
            return x
        if loss > limit:
            return before + (x - before) * (limit - low) / (loss - low)
        before, low = x, loss
    return before


def _lowest(landscape: Landscape) -> float | None:
    parts = [landscape.line.losses] if landscape.line is not None else []
    parts += landscape.surface.losses if landscape.surface is not None else []
    return min((loss for losses in parts for loss in losses if math.isfinite(loss)), default=None)
