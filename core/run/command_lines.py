"""The command lines that a person is told to type: each can be pasted into a shell as it stands."""

import os
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.run.link import RunInfo


def command_line(verb: str, target: object, *options: str) -> str:
    """`distill-tui VERB TARGET`; `target` is a path of this machine, or HOST:PATH."""
    return " ".join(["distill-tui", verb, quoted(str(target)), *options])


def run_line(verb: str, info: "RunInfo", *options: str) -> str:
    """What does it to the run that is watched, where its folder is: on this machine, or through ssh on its own."""
    if not info.local_folder:
        from core.run.remote_target import Remote

        remote = Remote.parse(info.location)
        if remote is not None:
            return line_there(remote.host, verb, remote.path, *options)
    return command_line(verb, info.local_folder or info.location, *options)


def resume_line(info: "RunInfo") -> str:
    """What trains the run on, where its folder is."""
    return run_line("resume", info)


def line_there(host: str, verb: str, path: str, *options: str, environ: Mapping[str, str] = os.environ) -> str:
    """What runs `distill-tui VERB PATH` on `host`, on a terminal there; without a path `distill-tui` alone.

    $DISTILL_SSH and $DISTILL_REMOTE stand for `ssh` and for `distill-tui` there, as for a link.
    """
    program = environ.get("DISTILL_REMOTE") or "distill-tui"
    there = " ".join([program, verb, quoted(path), *options]) if path else program
    ssh = environ.get("DISTILL_SSH") or "ssh"
    return f"{ssh} -t {quoted(host.replace('[', '').replace(']', ''))} {quoted(there)}"


def quoted(word: str) -> str:
    """`word` as one word of a shell's line, all of it visible.

    What cannot be shown, such as a line break or a byte that is no UTF-8, is written as bash, zsh and ksh read it.
    """
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(_escaped(sign) for sign in word) + "'"


def _escaped(sign: str) -> str:
    if sign.isprintable():
        return f"\\{sign}" if sign in "\\'" else sign
    return "".join(f"\\{byte:03o}" for byte in os.fsencode(sign))
