"""Looks over the machine: what a run needs, what is there, and what to do about the rest."""

import locale
import os
import platform
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from distill_tui.desk_lines import copy_command, over_ssh, transfer_command, tunnel_command
from distill_tui.format import gigabytes, plural

Verdict = Literal["ok", "warn", "fail"]

ENOUGH_DISK_BYTES = 2e9


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's. "warn" is something that a run can do without, "fail" something that it cannot."""

    subject: str
    verdict: Verdict
    found: str
    advice: str = ""


def examine(runs_dir: Path) -> list[Finding]:
    """Look at everything; takes the seconds that loading torch takes."""
    checks: tuple[Callable[[], Finding | None], ...] = (
        check_python,
        check_torch,
        check_torchaudio,
        check_soundfile,
        check_sound,
        check_browser,
        lambda: check_copy(runs_dir),
        lambda: check_transfer(runs_dir),
        check_terminal,
        check_ssh,
        lambda: check_disk(runs_dir),
    )
    return [finding for check in checks if (finding := check()) is not None]


def check_python() -> Finding:
    """The interpreter."""
    return Finding("python", "ok", f"{platform.python_version()}, {platform.system()} {platform.machine()}")


def check_torch() -> Finding:
    """Torch, and the device that "auto" would take."""
    try:
        from core.training.devices import available, choose_device, choose_threads, describe_device
    except (ImportError, OSError) as error:
        return Finding("torch", "fail", f"cannot be loaded ({error})", "pip install torch")
    device, devices = describe_device(choose_device("auto")), available()
    found = f"{version('torch')}, trains on {device}; there is {', '.join(devices)}"
    if devices == ["cpu"]:
        found += f"; {plural(choose_threads(0), 'thread')} of {plural(os.cpu_count() or 1, 'core')}"
        if shutil.which("nvidia-smi"):
            advice = "an NVIDIA GPU is here, but this torch cannot use it: see pytorch.org"
            return Finding("torch", "warn", found, advice)
    return Finding("torch", "ok", found)


def check_torchaudio() -> Finding:
    """Torchaudio, and whether its compiled part fits this torch (the transforms do without it)."""
    try:
        from core.audio.transforms import torchaudio
    except (ImportError, OSError) as error:
        return Finding("torchaudio", "fail", f"cannot be loaded ({error})", "pip install torchaudio")
    extension = sys.modules.get("torchaudio._extension")
    how = "as it is" if getattr(extension, "__file__", None) else "with a stand-in for its compiled part"
    return Finding("torchaudio", "ok", f"{torchaudio.__version__}, loaded {how}")


def check_soundfile() -> Finding:
    """Which kinds of sounds can be read."""
    try:
        import soundfile
    except (ImportError, OSError) as error:
        return Finding("soundfile", "fail", f"cannot be loaded ({error})", "pip install soundfile")
    formats = soundfile.available_formats()
    missing = [name for name in ("WAV", "FLAC", "OGG", "MP3", "AIFF") if name not in formats]
    found = f"{soundfile.__version__}, libsndfile {soundfile.__libsndfile_version__}"
    if missing:
        return Finding("soundfile", "warn", f"{found}, without {', '.join(missing)}", "pip install -U soundfile")
    return Finding("soundfile", "ok", f"{found}, reads wav flac ogg mp3 aiff")


def check_sound() -> Finding:
    """Whether previews can be heard here."""
    from distill_tui.speaker import availability

    here = availability()
    return (
        Finding("sound", "ok", "a sound device is here")
        if here.ok
        else Finding("sound", "warn", here.reason, here.advice)
    )


def check_browser(environ: Mapping[str, str] = os.environ) -> Finding:
    """How to hear, and see, a run in a browser at the person's desk."""
    from distill_tui.web_address import USUAL_PORT

    tunnel = tunnel_command(USUAL_PORT, environ)
    found = "a run's previews play, and the monitor is shown, with: distill-tui watch RUN --web"
    return Finding("in browser", "ok", found, f"at your desk first: {tunnel}" if tunnel else "")


def check_copy(runs_dir: Path, environ: Mapping[str, str] = os.environ) -> Finding | None:
    """How to fetch a preview; nothing where it is on the person's own machine."""
    command = copy_command(_example(runs_dir), environ)
    return Finding("by copy", "ok", f"at your desk: {command}") if command else None


def check_transfer(runs_dir: Path, environ: Mapping[str, str] = os.environ) -> Finding | None:
    """How the person's terminal itself takes a preview, where it is one that can."""
    terminal, command = transfer_command(_example(runs_dir), environ)
    return Finding(f"in {terminal}", "ok", f"here: {command}") if command else None


def _example(runs_dir: Path) -> str:
    return str(runs_dir.absolute() / "RUN" / "previews" / "FILE.wav")


def check_terminal(environ: Mapping[str, str] = os.environ) -> Finding:
    """Size, colours and characters of the terminal."""
    from distill_tui.terminal import no_screen

    reason = no_screen(environ)
    if reason:
        return Finding(
            "terminal", "warn", f"no screen here: {reason}", "run it in a terminal, or train with --headless"
        )
    size = os.get_terminal_size(sys.stdout.fileno())
    encoding = locale.getpreferredencoding(False)
    found = f"{size.columns}x{size.lines}, TERM={environ.get('TERM', '')}, {colours(environ)}, {encoding}"
    if size.columns < 80 or size.lines < 24:
        return Finding("terminal", "warn", found, "make it at least 80x24")
    if encoding.upper().replace("-", "") != "UTF8":
        return Finding("terminal", "warn", found, "for finer charts use a UTF-8 locale, e.g. LANG=C.UTF-8")
    return Finding("terminal", "ok", found)


def colours(environ: Mapping[str, str]) -> str:
    """How many colours the terminal says it shows."""
    if environ.get("NO_COLOR"):
        return "no colours (NO_COLOR)"
    if environ.get("COLORTERM") in ("truecolor", "24bit"):
        return "16 million colours"
    return "256 colours" if "256color" in environ.get("TERM", "") else "16 colours"


def check_ssh(environ: Mapping[str, str] = os.environ) -> Finding:
    """Whether the line to the person may drop, and what becomes of the screen then."""
    inside = next((name for variable, name in (("TMUX", "tmux"), ("STY", "screen")) if environ.get(variable)), "")
    if not over_ssh(environ):
        return Finding("ssh", "ok", "this terminal is local")
    if inside:
        return Finding("ssh", "ok", f"over ssh, in {inside}: a dropped line does not touch the screen either")
    return Finding("ssh", "ok", "over ssh: when the line drops, a run trains on without its screen",
                   "see it again with: distill-tui watch RUN")  # fmt: skip


def check_disk(runs_dir: Path) -> Finding:
    """Room for checkpoints where runs go."""
    place = next(parent for parent in (runs_dir.absolute(), *runs_dir.absolute().parents) if _is_there(parent))
    if not os.access(place, os.W_OK):
        return Finding(
            "disk", "fail", f"{place} cannot be written to", "choose another folder with --runs or $DISTILL_RUNS"
        )
    free = shutil.disk_usage(place).free
    found = f"{gigabytes(free)} free for runs in {runs_dir}"
    if free < ENOUGH_DISK_BYTES:
        return Finding("disk", "warn", found, "free some: a run of the default size takes about 0.5 GB")
    return Finding("disk", "ok", found)


def _is_there(path: Path) -> bool:
    """Also where it may not be looked at: it then cannot be written to either, and that is what is found."""
    try:
        return path.exists()
    except OSError:
        return True
