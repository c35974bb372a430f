"""The lines that a person at the other end of ssh types, there or here, to hear what is on this host."""

import getpass
import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from distill_tui.web_address import LOOPBACK

PULSE_PORT = 24713


def over_ssh(environ: Mapping[str, str] = os.environ) -> bool:
    """The terminal is at the other end of an ssh connection."""
    return bool(environ.get("SSH_CONNECTION"))


def pulse_command(environ: Mapping[str, str] = os.environ) -> str:
    """The line that lends this host the sound server of a Linux desk, typed there; empty where nothing is over ssh."""
    to = _destination(environ)
    return f"ssh -R {PULSE_PORT}:/run/user/$(id -u)/pulse/native {to}" if to else ""


def tunnel_command(port: int, environ: Mapping[str, str] = os.environ) -> str:
    """The line that brings `port` of this host's loopback to the person's desk; empty where nothing is over ssh."""
    to = _destination(environ)
    return f"ssh -N -L {port}:{LOOPBACK}:{port} {to}" if to else ""


def copy_command(path: str, environ: Mapping[str, str] = os.environ) -> str:
    """The line that fetches `path` to the person's own machine; empty where the terminal is not over ssh.

    A `path` of the form HOST:PATH is fetched from there; otherwise the host is the one that ssh connected to.
    """
    if ":" in path.split("/", 1)[0]:
        return f"scp {shlex.quote(path)} ."
    where = _connected(environ)
    if where is None:
        return ""
    host, port = where
    target = f"[{host}]" if ":" in host else host
    option = "" if port == "22" else f"-P {port} "
    return f"scp {option}{shlex.quote(f'{getpass.getuser()}@{target}:{path}')} ."


def transfer_command(path: str, environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """The person's terminal and the line, typed on this host, by which it takes the file; ("", "") for other terminals.

    iTerm2 says what it is in LC_TERMINAL, which ssh hands on; kitty in TERM. Within tmux neither gets through.
    """
    if environ.get("TMUX") or environ.get("STY") or ":" in path.split("/", 1)[0]:
        return "", ""
    if "iTerm" in (environ.get("LC_TERMINAL", "") or environ.get("TERM_PROGRAM", "")):
        name, file = shlex.quote(Path(path).name), shlex.quote(path)
        escape = r"\033]1337;File=name=%s;inline=0:%s\a"
        return "iTerm2", f"printf '{escape}' \"$(printf %s {name} | base64)\" \"$(base64 < {file} | tr -d '\\n')\""
    kitty = environ.get("KITTY_WINDOW_ID") or environ.get("TERM") == "xterm-kitty"
    if kitty and shutil.which("kitten", path=environ.get("PATH")):
        return "kitty", f"kitten transfer {shlex.quote(path)} Downloads/"
    return "", ""


def _destination(environ: Mapping[str, str]) -> str:
    """This host as the person's ssh takes it; empty where nothing is over ssh."""
    where = _connected(environ)
    if where is None:
        return "HOST" if over_ssh(environ) else ""
    host, port = where
    option = "" if port == "22" else f"-p {port} "
    return f"{option}{shlex.quote(f'{getpass.getuser()}@{host}')}"


def _connected(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Address and port of this host that ssh connected to."""
    parts = environ.get("SSH_CONNECTION", "").split()
    return (parts[2], parts[3]) if len(parts) == 4 else None
