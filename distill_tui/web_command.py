"""`watch RUN --web` as a person meets it: what is served, and what to type to see it."""

import asyncio
import sys
from collections.abc import Iterable

from core.run.link import RunLink
from distill_tui.desk_lines import tunnel_command
from distill_tui.errors import CommandError
from distill_tui.format import clean


def serve_run(link: RunLink, target: str, port: int | None) -> int:
    """Serve the pages of one run until ctrl+c; `target` is how `watch` reaches it. Returns the exit status."""
    from distill_tui.heard_run import HeardRun
    from distill_tui.listen_part import ListenPart
    from distill_tui.web import Part, PortTakenError, serve
    from distill_tui.web_screen import ScreenPart

    def parts(taken: int, token: str) -> Iterable[Part]:
        return ListenPart(HeardRun(link), screen=True), ScreenPart(target, link.info().name, taken, token)

    def ready(address: str) -> None:
        for line in words(clean(link.info().name), address):
            print(line)  # noqa: T201 - what was asked for
        sys.stdout.flush()

    try:
        asyncio.run(serve(parts, port, ready))
    except PortTakenError as error:
        raise CommandError(f"{error}; name another, or leave --port out") from error
    return 0


def words(name: str, address: str) -> list[str]:
    """Where the pages are, and over ssh what to type first at the person's own desk."""
    lines = [f"{name} in a browser, until ctrl+c here:", f"  the monitor       {address}",
             f"  its previews      {address}listen"]  # fmt: skip
    command = tunnel_command(int(address.split(":")[2].split("/")[0]))
    if command:
        lines.append(f"  at your desk first: {command}")
    return lines
