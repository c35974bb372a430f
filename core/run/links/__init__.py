"""The links to a run, and how one is chosen."""

from pathlib import Path

from core.run.folder import RunFolder, RunFolderError
from core.run.link import LinkError, RunLink
from core.run.links.folder import FolderLink
from core.run.links.thread import Engine, ThreadLink

__all__ = ["Engine", "FolderLink", "ThreadLink", "open_link"]


def open_link(target: str) -> RunLink:
    """The link to `target`: a run folder on this machine, or HOST:PATH through ssh. Blocks. Raises LinkError."""
    from core.run.remote_target import Remote

    remote = Remote.parse_absent(target)
    if remote is not None:
        from core.run.links.ssh import SshLink

        return SshLink(remote.host, remote.path)
    try:
        return FolderLink(RunFolder.open(Path(target).expanduser()))
    except RunFolderError as error:
        raise LinkError(str(error)) from error
