"""Whether sound can be played where the monitor runs, and if not, why, and what would help."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from distill_tui.desk_lines import PULSE_PORT, over_ssh, pulse_command
from distill_tui.web_address import LOOPBACK

# Where distributions put ALSA's plugins; sounddevice's PortAudio reaches a sound server only through this one.
PULSE_PLUGINS = ("/usr/lib/*/alsa-lib", "/usr/lib64/alsa-lib", "/usr/lib/alsa-lib")


@dataclass(frozen=True)
class Availability:
    """Whether sounds can be played here. Otherwise `reason` says in one line why not and `advice` what would help."""

    ok: bool
    reason: str = ""
    advice: str = ""


def no_library() -> Availability:
    """PortAudio's library, which sounddevice needs, is missing."""
    return Availability(False, "PortAudio is not installed", "Debian: apt install libportaudio2")


def no_device(environ: Mapping[str, str] = os.environ, plugins: tuple[str, ...] = PULSE_PLUGINS) -> Availability:
    """There is no sound device. Over ssh, the PulseAudio or PipeWire at the person's desk can be reached."""
    missing = "" if _pulse_plugin(plugins) else "Debian: apt install libasound2-plugins"
    if environ.get("PULSE_SERVER"):
        server = environ["PULSE_SERVER"]
        return Availability(
            False,
            f"no sound device answers at PULSE_SERVER={server}",
            missing or "connect with the ssh -R line of distill-tui doctor, and see that the desk's sound server runs",
        )
    if over_ssh(environ):
        command = pulse_command(environ)
        advice = f"connect with {command} and start with PULSE_SERVER=tcp:{LOOPBACK}:{PULSE_PORT}"
        return Availability(False, "no sound device on this host", f"{advice}; {missing}" if missing else advice)
    return Availability(False, "no sound device on this machine", "connect one, then press space again")


def _pulse_plugin(folders: tuple[str, ...]) -> bool:
    name = "libasound_module_pcm_pulse.so"
    return any(any(Path("/").glob(f"{folder.lstrip('/')}/{name}")) for folder in folders)
