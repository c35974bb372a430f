"""The order in which previews are listed, and which original and reconstruction belong together."""

from collections.abc import Iterable, Mapping

from core.run.events import PreviewEvent

RANK = {"reconstruction": 0, "original": 1, "sample": 2}


def key_of(preview: PreviewEvent) -> str:
    """What tells a preview from all others: the steps of a run share the files of their originals."""
    return f"{preview.step}:{preview.audio_path}"


def listed(previews: Iterable[PreviewEvent]) -> dict[str, PreviewEvent]:
    """The previews by key, newest step first; within a step each reconstruction, its original, and samples last.

    A step that was trained again after a resume shows what was made last.
    """
    steps: dict[int, dict[str, PreviewEvent]] = {}
    for preview in previews:
        steps.setdefault(preview.step, {})[key_of(preview)] = preview
    ordered: dict[str, PreviewEvent] = {}
    for step in sorted(steps, reverse=True):
        group = steps[step]
        pairs = list(dict.fromkeys(preview.pair for preview in group.values() if preview.kind != "sample"))
        place = {pair: index for index, pair in enumerate(pairs)}
        last = len(pairs)
        ordered.update(sorted(group.items(), key=lambda item: (place.get(item[1].pair, last), RANK[item[1].kind])))
    return ordered


def firsts(previews: Mapping[str, PreviewEvent]) -> set[str]:
    """The keys of the first preview of each step, in the order in which they are listed."""
    above = [-1, *(preview.step for preview in previews.values())]
    return {key for (key, preview), former in zip(previews.items(), above, strict=False) if preview.step != former}


def counterpart(previews: Mapping[str, PreviewEvent], key: str) -> str | None:
    """The original of a reconstruction, or the reconstruction of an original, from the same step; None for a sample."""
    preview = previews[key]
    if not preview.pair or preview.kind == "sample":
        return None
    wanted = "original" if preview.kind == "reconstruction" else "reconstruction"
    for other_key, other in previews.items():
        if (other.step, other.pair, other.kind) == (preview.step, preview.pair, wanted):
            return other_key
    return None
