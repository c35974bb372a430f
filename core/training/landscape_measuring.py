"""All that is measured around a checkpoint, in one go: a surface, a line or a way, and how sharp the place is."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from core.insight.curvature import NoGradient
from core.insight.landscape import LossLandscapeAnalyzer, Progress
from core.insight.landscape_record import Landscape
from core.training.landscape import LandscapeMaterial


@dataclass(frozen=True)
class Asked:
    """What of a landscape is wanted: of which `term`, at `points` places along a direction as far as `span` times the
    weights' own size, in one direction or two; `seed` draws the directions.
    """

    term: str
    points: int
    span: float
    one_d: bool
    seed: int
    threads: int


def measure(path: Path, other: Path | None, name: str, asked: Asked, progress: Progress) -> Landscape:
    """The landscape around the checkpoint `path` of the run `name`, or on the way from it to the checkpoint `other`.

    Uses `asked.threads` threads of torch from here on. Raises CheckpointError for a checkpoint of another model, and
    what `LandscapeMaterial.load` raises.
    """
    torch.set_num_threads(asked.threads)
    material = LandscapeMaterial.load(path, asked.term, progress)
    try:
        return _measured(material, name, other, asked, progress)
    finally:
        material.close()


def _measured(
    material: LandscapeMaterial, name: str, other: Path | None, asked: Asked, progress: Progress
) -> Landscape:
    analyzer = LossLandscapeAnalyzer(material.model, material.loss, seed=asked.seed, progress=progress)
    end = material.other(other) if other is not None else None
    with torch.no_grad():
        loss = float(material.loss(material.model))
    epsilon, curvature = None, None
    with suppress(NoGradient):  # a term of weight 0 is only measured
        epsilon, curvature = analyzer.epsilon_sharpness(), analyzer.top_eigenvalue()
    place, points = material.place, asked.points
    return Landscape(
        run=name, checkpoint=place.path.name, step=place.step, epoch=place.epoch, term=material.term.name,
        label=material.term.label, loss=loss, items=material.items, seed=asked.seed,
        surface=None if end is not None or asked.one_d else analyzer.surface(points, asked.span),
        line=analyzer.line(points, asked.span) if asked.one_d and end is None else None,
        path=analyzer.path(end.weights, points) if end is not None else None,
        other=end.path.name if end is not None else "", curvature=curvature, epsilon=epsilon,
    )  # fmt: skip
