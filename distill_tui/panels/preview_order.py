"""The order in which previews are listed, which belong together, and how one sound fares over the epochs."""

from collections.abc import Iterable, Mapping

from core.run.events import PreviewEvent

RANK = {"reconstruction": 0, "original": 1, "sample": 2}
BEST = "★"


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


def sides(previews: Mapping[str, PreviewEvent], key: str) -> tuple[str, ...]:
    """What is compared with what, in turn: reconstruction, original and the first sample of the preview's step.

    A sample is compared with the first pair of its step. At least the preview itself, and no side that is missing.
    """
    preview = previews[key]
    step = [other for other, found in previews.items() if found.step == preview.step]
    if preview.kind == "sample":
        whole = (other for other in step if previews[other].kind == "reconstruction" and counterpart(previews, other))
        pair, sample = next(whole, None), key
    else:
        pair = key
        sample = next((other for other in step if previews[other].kind == "sample"), "")
    other = counterpart(previews, pair) if pair is not None else None
    both = sorted((one for one in (pair, other) if one), key=lambda one: RANK[previews[one].kind])
    return tuple(one for one in (*both, sample) if one)


def sound_of(preview: PreviewEvent) -> tuple[str, str]:
    """What is the same in all steps: the sound that is reconstructed, or the latent that is decoded."""
    if preview.kind == "sample":
        return "sample", preview.name
    return "pair", preview.pair.removeprefix(f"{preview.step}:")


def over_epochs(previews: Mapping[str, PreviewEvent], key: str) -> tuple[str, ...]:
    """The reconstructions of the preview's sound from the first step to the newest, the newest's original at the end.

    Of a sample: those from the same latent. A step that was gone over twice is heard as it was made last.
    """
    chosen = sound_of(previews[key])
    steps: dict[int, str] = {}
    for other, preview in previews.items():
        if preview.kind != "original" and sound_of(preview) == chosen:
            steps[preview.step] = other
    row = tuple(steps[step] for step in sorted(steps))
    original = counterpart(previews, row[-1]) if row else None
    return (*row, original) if original else row


def trends(previews: Iterable[PreviewEvent]) -> dict[str, str]:
    """A mark by key for reconstructions of sounds that were made more than once: the nearest to its original ★.

    The others are nearer (↓) or farther (↑) than the one before, as arrows say on charts; the first has no mark.
    """
    sounds: dict[tuple[str, str], list[PreviewEvent]] = {}
    for preview in sorted(previews, key=lambda preview: preview.step):
        if preview.kind == "reconstruction" and preview.mrstft is not None:
            sounds.setdefault(sound_of(preview), []).append(preview)
    marks: dict[str, str] = {}
    for made in sounds.values():
        distances = [preview.mrstft or 0.0 for preview in made]
        if len(set(distances)) < 2:
            continue
        marks |= {
            key_of(preview): "↓" if distance < before else "↑"
            for preview, distance, before in zip(made[1:], distances[1:], distances, strict=False)
            if distance != before
        }
        marks[key_of(made[distances.index(min(distances))])] = BEST
    return marks
