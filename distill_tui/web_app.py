"""The monitor as a page of `watch --web` shows it: `python -m distill_tui.web_app TARGET`, started by the server."""

import os
import sys

from distill_tui.app import DistillApp
from distill_tui.session import Watch

LOOK_SECONDS = 2.0


class PageApp(DistillApp):
    """Ends with the server that started it: without one nobody can see it any more."""

    def __init__(self, start: Watch) -> None:
        super().__init__(start)
        self._server = os.getppid()

    def on_mount(self) -> None:
        """Look after the server."""
        self.set_interval(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        if os.getppid() != self._server:
            self.exit()


def main() -> int:
    """Show the target until the page is closed."""
    from core.run.links.folder import FolderLink
    from core.run.links.ssh import SshLink
    from distill_tui.targets import find_remote, find_run

    target = sys.argv[1]
    remote = find_remote(target)
    link = SshLink(remote.host, remote.path) if remote is not None else FolderLink(find_run(target))
    return PageApp(Watch(link)).run() or 0


if __name__ == "__main__":
    sys.exit(main())
