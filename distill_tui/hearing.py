"""Whether sound can be played where the monitor runs, and how else to hear a file of it."""

import getpass
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Availability:
    """Whether sounds can be played here. Otherwise `reason` says in one line why not and `advice` what would help."""

    ok: bool
    reason: str = ""
    advice: str = ""


def over_ssh(environ: Mapping[str, str] = os.environ) -> bool:
    """The terminal is at the other end of an ssh connection."""
    return bool(environ.get("SSH_CONNECTION"))


def no_library() -> Availability:
    """PortAudio's library, which sounddevice needs, is missing."""
    return Availability(False, "PortAudio is not installed", "Debian: apt install libportaudio2")


def no_device(environ: Mapping[str, str] = os.environ) -> Availability:
    """There is no sound device. Over ssh, the PulseAudio or PipeWire at the person's desk can be reached."""
    if environ.get("PULSE_SERVER"):
        return Availability(
            False,
            f"no sound device answers at PULSE_SERVER={environ['PULSE_SERVER']}",
            "Debian: apt install libasound2-plugins",
        )
    if over_ssh(environ):
        return Availability(
            False,
            "no sound device on this host",
            "connect with ssh -R 24713:/run/user/UID/pulse/native (UID: what id -u says at your desk) "
            "and start with PULSE_SERVER=tcp:127.0.0.1:24713",
        )
    return Availability(False, "no sound device on this machine", "connect one, then press space again")


def copy_command(path: str, environ: Mapping[str, str] = os.environ) -> str:
    """The line that fetches `path` to the person's own machine; empty where the terminal is not over ssh.

    A `path` of the form HOST:PATH is fetched from there; otherwise the host is the one that ssh connected to.
    """
    if ":" in path.split("/", 1)[0]:
        return f"scp {shlex.quote(path)} ."
    parts = environ.get("SSH_CONNECTION", "").split()
    if len(parts) != 4:
        return ""
    host, port = parts[2], parts[3]
    target = f"[{host}]" if ":" in host else host
    option = "" if port == "22" else f"-P {port} "
    return f"scp {option}{shlex.quote(f'{getpass.getuser()}@{target}:{path}')} ."
