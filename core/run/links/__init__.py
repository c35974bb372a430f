"""The links to a run, and how one is chosen."""

import re
import shlex
from pathlib import Path

from core.run.folder import RunFolder, RunFolderError
from core.run.link import LinkError, RunLink
from core.run.links.folder import FolderLink
from core.run.links.thread import Engine, ThreadLink

__all__ = ["Engine", "FolderLink", "ThreadLink", "open_link"]

_REMOTE = re.compile(r"(?P<host>[^/:\s]+):(?P<path>.+)", re.DOTALL)


def open_link(target: str) -> RunLink:
    """The link to `target`, a run folder on this machine. Raises LinkError for anything else."""
    path = Path(target).expanduser()
    remote = _REMOTE.fullmatch(target)
    if remote and not path.exists():
        watch = (
            f"ssh -t {shlex.quote(remote['host'])} {shlex.quote('distill-tui watch ' + shlex.quote(remote['path']))}"
        )
        raise LinkError(f"{target}: watching another host comes with a later version; today: {watch}")
    try:
        return FolderLink(RunFolder.open(path))
    except RunFolderError as error:
        raise LinkError(str(error)) from error
