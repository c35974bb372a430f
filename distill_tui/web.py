"""`watch RUN --web`: a server on this machine's loopback whose pages play the previews and show the monitor.

Whoever would use it has to know its token, which stands at the beginning of every path. It serves nothing but the
previews of one run, the monitor of that run, and its own files; its pages ask no other host for anything.
"""

import asyncio
import hmac
import json
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from core.run.link import LinkError
from distill_tui import listen_page
from distill_tui.byte_range import RangeError, byte_range
from distill_tui.heard_run import HeardRun
from distill_tui.web_address import LOOPBACK, USUAL_PORT

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STATIC = Path(__file__).parent / "web_static"
LEAVING_SECONDS = 2.0
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self'; media-src 'self'; img-src 'self' data:; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "distill-tui",
}


class Part:
    """Some of the server's paths."""

    def routes(self, below: str) -> Iterable[web.RouteDef | web.StaticDef]:
        """What is served, on paths that begin with `below` and a slash."""
        return ()

    async def close(self) -> None:
        """Let go of what the part holds; called when the server ends."""


class ListenPart(Part):
    """The page that lists the previews, and their sounds. `screen`: the monitor is served beside it."""

    def __init__(self, run: HeardRun, *, screen: bool) -> None:
        self._run, self._screen = run, screen

    def routes(self, below: str) -> Iterable[web.RouteDef | web.StaticDef]:
        """As `Part.routes`."""
        yield web.get(f"{below}/listen", self._page)
        yield web.get(f"{below}/rows", self._rows)
        yield web.get(below + r"/sound/{number:\d{1,9}}.wav", self._sound)

    async def close(self) -> None:
        """As `Part.close`."""
        self._run.close()

    async def _page(self, request: web.Request) -> web.Response:
        state, info = await asyncio.to_thread(self._run.look)
        return web.Response(text=listen_page.page(state, info, screen=self._screen), content_type="text/html")

    async def _rows(self, request: web.Request) -> web.Response:
        state, info = await asyncio.to_thread(self._run.look)
        after = request.query.get("after", "0")
        known = int(after) if after.isdecimal() and len(after) < 10 else 0
        return web.Response(text=json.dumps(listen_page.news(state, info, known)), content_type="application/json")

    async def _sound(self, request: web.Request) -> web.Response:
        try:
            preview = await asyncio.to_thread(self._run.preview, int(request.match_info["number"]))
            data = await asyncio.to_thread(self._run.sound, preview)
        except (LookupError, LinkError) as error:
            raise web.HTTPNotFound from error
        headers = {"Accept-Ranges": "bytes", "Content-Type": "audio/wav",
                   "Content-Disposition": f'inline; filename="{listen_page.file_name(preview)}"'}  # fmt: skip
        try:
            wanted = byte_range(request.headers.get("Range"), len(data))
        except RangeError:
            raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{len(data)}"}) from None
        if wanted is None:
            return web.Response(body=data, headers=headers)
        first, last = wanted
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        return web.Response(status=206, body=data[first : last + 1], headers=headers)


def application(parts: Iterable[Part], token: str) -> web.Application:
    """The server's application: every path of `parts` behind `token`."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.path.split("/", 2)[1]
        if not hmac.compare_digest(given.encode(), token.encode()) or not _from_here(request):
            raise web.HTTPNotFound
        return await handler(request)

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in HEADERS.items():
            response.headers[name] = value

    app = web.Application(middlewares=[guard])
    app.on_response_prepare.append(add_headers)
    app.add_routes([web.static(f"/{token}/static", STATIC)])
    for part in parts:
        app.add_routes(list(part.routes(f"/{token}")))

        async def close(_: web.Application, part: Part = part) -> None:
            await part.close()

        app.on_cleanup.append(close)
    return app


def _from_here(request: web.Request) -> bool:
    """Asked for as this machine's own address (a tunnel's end, too), and by a page of this server if by any.

    A host that lets its name point to 127.0.0.1 for a moment is neither.
    """
    host = urlsplit(f"//{request.host}").hostname
    origin = request.headers.get("Origin")
    return host in (LOOPBACK, "localhost", "::1") and (origin is None or urlsplit(origin).netloc == request.host)


class PortTakenError(Exception):
    """Another program has the port that was asked for."""


async def serve(parts: Callable[[int, str], Iterable[Part]], port: int | None, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP. `ready` is called with the address when pages can be had.

    `parts` is called with port and token. Port None is the usual one, or where that is taken any. Raises
    PortTakenError.
    """
    listener = _listen(port)
    taken: int = listener.getsockname()[1]
    token = secrets.token_urlsafe(18)
    runner = web.AppRunner(
        application(parts(taken, token), token), access_log=None, handle_signals=False,
        shutdown_timeout=LEAVING_SECONDS,
    )  # fmt: skip
    await runner.setup()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop.set)
    try:
        await web.SockSite(runner, listener).start()
        ready(f"http://{LOOPBACK}:{taken}/{token}/")
        await stop.wait()
    finally:
        await runner.cleanup()


def _listen(port: int | None) -> socket.socket:
    for wanted in (port,) if port is not None else (USUAL_PORT, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, wanted))
        except OSError as error:
            listener.close()
            problem = error
            continue
        return listener
    raise PortTakenError(f"port {port}: {problem.strerror or problem}") from problem
