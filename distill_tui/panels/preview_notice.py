"""What the previews say in words: what they are, why there is nothing to hear, where it is, and how else."""

import os
from collections.abc import Mapping

from core.run.command_lines import command_line
from core.run.events import PreviewEvent
from core.run.link import RunInfo
from distill_tui.desk_lines import copy_command, transfer_command
from distill_tui.format import clean, shortened
from distill_tui.panels.words import PanelHelp
from distill_tui.player import Progress

SLOW_SECONDS = 3.0

WORDS = PanelHelp(
    "Previews",
    "Sounds that the model made at an epoch. A reconstruction is one of your own sounds, taken apart and put together "
    "again; its original stands below it. A sample comes from the model alone. The distance to the original (MRSTFT) "
    "compares their spectra: 0 is identical. ★ is the nearest of its sound; ↓ is nearer than the one before, ↑ "
    "farther. The picture has the waveform, and below it which frequencies sound when, and how loud.",
    "The distance falls from epoch to epoch, and a reconstruction comes to look like its original: attacks as sharp, "
    "high frequencies as clear. Trust your ears: o plays the sound as every epoch made it, a switches between "
    "original and reconstruction at the same position.",
    "If reconstructions stay dull, train longer or give the latent more dimensions. If they are good but samples are "
    "noise, raise loss.kl.weight_max. If one sound stays bad while others are good, it is unlike the rest: add "
    "more of its kind.",
)
NOTHING_TO_COMPARE = {
    "sample": "A sample comes from the model alone: there is no original at its step to compare it with.",
    "original": "There is no reconstruction of it at this step to compare it with.",
    "reconstruction": "Its original is not among the previews of this step.",
}


def empty_line(status: str, info: RunInfo | None, *, keys: bool = True) -> str:
    """In place of the list while it is empty: when the first preview comes, as far as the run's config is known.

    `keys` says that there are any, and names the one that makes a preview now.
    """
    if status in ("finished", "cancelled", "preempted", "failed"):
        return "This run made no previews."
    every = (info.config.get("preview", {}) if info else {}).get("every", 0)
    when = f"epoch {every}" if every else "a few epochs"
    return f"The first preview comes after {when}." + ("  p makes one now." if keys else "")


def path_of(preview: PreviewEvent | None, info: RunInfo | None) -> str:
    """Where the preview's sound is, as a person would reach it; within the run where the run is not known yet."""
    if preview is None:
        return ""
    folder = (info.local_folder or info.location) if info else ""
    return clean(f"{folder.rstrip('/')}/{preview.audio_path}" if folder else preview.audio_path)


def notice_lines(
    progress: Progress,
    path: str,
    waited_seconds: float,
    width: int,
    *,
    roomy: bool,
    environ: Mapping[str, str] = os.environ,
) -> list[str]:
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
    command = copy_command(path, environ)
    if not roomy:
        short = f"{reason}. y copies "
        return [short + (command or shortened(path, max(12, width - len(short) - 1)))]
    lines = [f"{reason}." if command else f"{reason}. The selected sound is in {path}"]
    if command:
        lines.append(f"To hear it at your desk: {command}  (y copies this)")
    lines += _other_ways(path, advice, environ)
    return lines


def _other_ways(path: str, advice: str, environ: Mapping[str, str]) -> list[str]:
    """How else to hear the previews of the run that `path` lies in: the likeliest to work first."""
    lines = []
    run, within, _ = path.rpartition("/previews/")
    if within and not environ.get("DISTILL_PAGE"):  # otherwise it is a page that does not answer
        lines.append(f"To hear all of them in a browser: {command_line('watch', run, '--web')}")
    if advice:
        lines.append(f"To hear all of them here: {advice}")
    terminal, _ = transfer_command(path, environ)
    if terminal:
        lines.append(f"{terminal} can take it as well: distill-tui doctor has the line.")
    return lines
