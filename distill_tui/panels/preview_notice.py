"""What the preview list says when there is nothing to hear: none yet, or why not here, where it is, and how else."""

from core.run.events import PreviewEvent
from core.run.link import RunInfo
from distill_tui.format import clean, shortened
from distill_tui.hearing import copy_command
from distill_tui.player import Progress

SLOW_SECONDS = 3.0


def empty_line(status: str, info: RunInfo | None) -> str:
    """In place of the list while it is empty: when the first preview comes, as far as the run's config is known."""
    if status in ("finished", "cancelled", "preempted", "failed"):
        return "This run made no previews."
    every = (info.config.get("preview", {}) if info else {}).get("every", 0)
    when = f"epoch {every}" if every else "a few epochs"
    return f"The first preview comes after {when}.  p makes one now."


def path_of(preview: PreviewEvent | None, info: RunInfo | None) -> str:
    """Where the preview's sound is, as a person would reach it; within the run where the run is not known yet."""
    if preview is None:
        return ""
    folder = (info.local_folder or info.location) if info else ""
    return clean(f"{folder.rstrip('/')}/{preview.audio_path}" if folder else preview.audio_path)


def notice_lines(progress: Progress, path: str, waited_seconds: float, width: int, *, roomy: bool) -> list[str]:
    """Nothing while sound works. `path` is the selected preview's; where there is no room it all is one line."""
    available = progress.availability
    if available is not None and not available.ok:
        reason, advice = available.reason, available.advice
    elif progress.trouble:
        reason, advice = progress.trouble, ""
    elif progress.state == "opening" and waited_seconds > SLOW_SECONDS:
        return ["The sound device does not answer yet."]
    else:
        return []
    reason = f"{reason[:1].upper()}{reason[1:]}"
    command = copy_command(path)
    if not roomy:
        short = f"{reason}. y copies "
        return [short + (command or shortened(path, max(12, width - len(short) - 1)))]
    lines = [f"{reason}. The selected sound is in {path}"]
    if command:
        lines.append(f"To hear it at your desk: {command}  (y copies this)")
    if advice:
        lines.append(f"To hear all of them here: {advice}")
    return lines
