"""The monitor as a page of `watch --web` shows it: `python -m distill_tui.web_app TARGET`, started by the server."""

import os
import sys

from distill_tui.alerting_options import Alerting
from distill_tui.app import DistillApp
from distill_tui.page_session import PageSession
from distill_tui.session import Watch

LOOK_SECONDS = 2.0


class PageApp(DistillApp):
    """Only watches. Ends with the server that started it: without one nobody can see it any more."""

    SESSION = PageSession
    WITHOUT = frozenset({"detach", "suspend"})

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
    """Show the target, as `watch` takes it, until the page is closed; what is wrong with it stands on the page."""
    return PageApp(Watch(sys.argv[1], Alerting())).run() or 0


if __name__ == "__main__":
    sys.exit(main())
