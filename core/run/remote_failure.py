"""Why a line to another host could not be had, or ended: one line that says what to do."""

import shlex

from core.run.frames import PROTOCOL, Hello, own_version
from core.run.link import LinkError

SSH_FAILED = 255
NOT_FOUND = (126, 127)  # of a shell: there is no such program, or none that may be run
QUOTED = 120
_ASKS = ("Permission denied", "Host key verification", "passphrase")


class LineError(LinkError):
    """The line is dead, or there is none; it may come back. The message names the host."""


class RefusedError(LinkError):
    """The host was reached and answered that it will not or cannot; the message names the host."""


class FolderOfRunsError(LinkError):
    """What was named is a folder of runs, not a run."""


def dropped(host: str, said: bytes) -> LinkError:
    """The end of a line that once worked; `said` is what ssh and the host's programs complained about."""
    words = last_words(said)
    return LineError(f"{host}: the connection ended" + (f" ({words})" if words else ""))


def not_reached(host: str, status: int | None, said: bytes, noise: bytes) -> LinkError:
    """No hello came: ssh ended with `status` (None: it does not end) after the host's output `noise`."""
    words = last_words(said)
    if status in NOT_FOUND:
        return RefusedError(
            f"{host}: distill-tui is not found there ({words}); install it, or put its full path there into"
            " DISTILL_REMOTE"
        )
    if status is not None and status != SSH_FAILED:
        return something_else(host, said, noise)
    if any(sign in words for sign in _ASKS):
        return LineError(
            f"{host}: ssh wants to ask something ({words}); run `ssh {shlex.quote(host)} true` first, and use ssh-agent"
            " or ControlMaster so that it need not ask again"
        )
    return LineError(f"{host}: cannot be reached ({words or 'ssh says nothing'})")


def something_else(host: str, said: bytes, noise: bytes) -> LinkError:
    """Whatever runs on the host, it is no server of ours."""
    heard = "; ".join(words for words in (last_words(said), last_words(noise)) if words) or "nothing"
    return RefusedError(
        f"{host}: no distill-tui answers there, but: {heard}; try `ssh {shlex.quote(host)} distill-tui --version`"
    )


def other_version(host: str, told: Hello) -> LinkError:
    """The host speaks another protocol."""
    return RefusedError(
        f"{host}: runs distill-tui {last_words(told.version.encode())} (protocol {told.protocol}), here it is"
        f" {own_version()} (protocol {PROTOCOL}); install the same version on both"
    )


def last_words(said: bytes) -> str:
    """The line that says most, of what may be anything at all: our own program's, else the last."""
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith("Warning: Permanently added")]
    own = [line for line in lines if line.startswith("distill-tui: ")]
    line = "".join(sign if sign.isprintable() else "?" for sign in (own or lines)[-1]) if lines else ""
    return line.removeprefix("ssh: ")[:QUOTED]
