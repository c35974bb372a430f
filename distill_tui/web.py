"""`watch RUN --web`: a server on this machine's loopback whose pages play the previews and show the monitor.

Whoever would use it has to know its token, which stands at the beginning of every path. It serves nothing but the
previews of one run, the monitor of that run, and its own files; its pages ask no other host for anything.
"""

import asyncio
import hmac
import logging
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

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


def application(parts: Iterable[Part], token: str) -> web.Application:
    """The server's application: every path of `parts` behind `token`."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.path.partition("/")[2].partition("/")[0]  # nothing for OPTIONS *, which is no path
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
    origin = request.headers.get("Origin")
    try:
        host = urlsplit(f"//{request.host}").hostname
        return host in (LOOPBACK, "localhost", "::1") and (origin is None or urlsplit(origin).netloc == request.host)
    except ValueError:  # no address at all, such as "["
        return False


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
        shutdown_timeout=LEAVING_SECONDS, logger=_silent(),
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


def _silent() -> logging.Logger:
    """Whoever talks nonsense to the port gets his answer, and the person's terminal no traceback."""
    logger = logging.getLogger("distill_tui.web")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


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
