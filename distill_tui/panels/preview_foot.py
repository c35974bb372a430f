"""The bottom line of the preview panel's frame: what is heard, whether it goes round, and what is seen."""

from core.run.events import PreviewEvent

LOOP = "↻"


def foot(heard: PreviewEvent | None, row: tuple[PreviewEvent, ...], *, loop: bool, brief: str, seen: str) -> str:
    """What there is to say in a few words, the most fleeting first. `brief` is a word that passes, as of the volume."""
    words = [brief, place(heard, row) if heard is not None else "", LOOP if loop else "", seen]
    return "   ".join(word for word in words if word)


def place(heard: PreviewEvent, row: tuple[PreviewEvent, ...]) -> str:
    """Which one is heard; within a row that goes through the epochs, which epoch."""
    if len(row) > 1 and heard.kind != "original":
        last = max(preview.epoch for preview in row)
        return f"♪ epoch {heard.epoch} of {last}"
    return f"♪ {heard.kind}"
