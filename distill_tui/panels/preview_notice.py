"""What the preview list says when a sound cannot be heard here: why not, where the file is, and how else to hear it."""

from distill_tui.format import shortened
from distill_tui.hearing import copy_command
from distill_tui.player import Progress

SLOW_SECONDS = 3.0


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
