"""HOST:PATH, as a person types it, and the command line of ssh that reaches it."""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from core.run.link import LinkError

# The colon comes before any slash, as with scp; an IPv6 address stands in brackets.
_TARGET = re.compile(r"(?P<host>(?:[^/:\[\]@]+@)?(?:\[[^/\[\]\s]+\]|[^/:\[\]]+)):(?P<path>.*)", re.DOTALL)
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")  # as of the web
_SHELL_SIGNS = frozenset("'`\"$;&<>|(){}")  # those that ssh itself refuses: a ProxyCommand may hand them to a shell

CONNECT_SECONDS = 10
_OPTIONS = (
    "-T",
    # Nobody can answer a question while the screen is up; without one ssh fails in a line.
    "BatchMode=yes",
    f"ConnectTimeout={CONNECT_SECONDS}",
    "ServerAliveInterval=2",
    "ServerAliveCountMax=2",
    # A connection that others share is used, but ours, which is ended at will, is never the one they hang on.
    "ControlMaster=no",
    # As scp does: what the config asks for interactive sessions would be in the way.
    "ClearAllForwardings=yes",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
)


@dataclass(frozen=True)
class Remote:
    """A run or a folder of runs on another host: `host` is what ssh takes, or a name of its config."""

    host: str
    path: str

    @classmethod
    def parse(cls, target: str) -> "Remote | None":
        """The host and path of HOST:PATH (PATH may be empty); None for a text that is a local path.

        Raises LinkError for a host that ssh could take for something else, and for an address like ssh://HOST/PATH.
        """
        if _ADDRESS.match(target):
            shown = repr(target)[1:-1]
            raise LinkError(f"{shown}: write HOST:PATH, as with scp; a port belongs into ~/.ssh/config")
        found = _TARGET.fullmatch(target)
        return cls(_checked(found["host"]), found["path"]) if found else None

    @classmethod
    def parse_absent(cls, target: str) -> "Remote | None":
        """As `parse`, but what lies on this machine under that very name is local."""
        try:
            if Path(target).expanduser().exists():
                return None
        except (OSError, ValueError, RuntimeError):  # no such name can be local
            pass
        return cls.parse(target)

    def at(self, path: str) -> str:
        """What a person types to name `path` of this host."""
        return f"{self.host}:{path}"

    def __str__(self) -> str:
        return self.at(self.path)

    def argv(self, *, direct: bool = False, environ: Mapping[str, str] = os.environ) -> list[str]:
        """The command that serves the run through ssh; `direct` goes round a connection that others share.

        $DISTILL_SSH stands for `ssh` (its words split as a shell would), $DISTILL_REMOTE for `distill-tui` on the
        host, as the host's shell is to read it. Raises LinkError for a DISTILL_SSH that is no command.
        """
        options = _OPTIONS if not direct else (*_OPTIONS, "ControlPath=none")
        words = [word for option in options for word in ((option,) if option.startswith("-") else ("-o", option))]
        command = f"{environ.get('DISTILL_REMOTE') or 'distill-tui'} serve {written(self.path)}".rstrip()
        try:
            ssh = shlex.split(environ.get("DISTILL_SSH") or "ssh")
        except ValueError as error:
            raise LinkError(f"DISTILL_SSH: not a command that can be run ({error})") from error
        return [*ssh, *words, "--", self.host.replace("[", "").replace("]", ""), command]


def written(path: str) -> str:
    """`path` as words of a command line that no shell, be it sh, csh or fish, reads otherwise.

    An everyday path stays as it is. Others are percent-encoded, since shells differ even in their single quotes.
    """
    if not path:
        return ""
    coded = encoded(path)
    if coded == path and not path.startswith(("-", "=")) and "~" not in path[1:]:
        return path
    return "--encoded " + coded.replace("~", "%7E").replace("=", "%3D").replace("-", "%2D")


def encoded(path: str) -> str:
    """`path` percent-encoded: ASCII, whatever bytes its name is made of."""
    return quote(os.fsencode(path), safe="/~+,=@:")


def decoded(coded: str) -> str:
    """The inverse of `encoded`, and of what `written` encodes."""
    return os.fsdecode(unquote_to_bytes(coded))


def _checked(host: str) -> str:
    name = host.rpartition("@")[2]
    shown = repr(host)[1:-1]
    if host.startswith("-") or name.startswith("-"):
        raise LinkError(f"{shown}: a host cannot begin with a dash; to name a file of this folder, write ./{shown}")
    if any(sign in _SHELL_SIGNS or sign.isspace() or not sign.isprintable() for sign in host):
        raise LinkError(f"{shown}: not a host's name; write HOST:PATH, or ./ before a path of this machine")
    return host
