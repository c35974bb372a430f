"""The monitor in a browser: a process of its own for each page, drawn by textual-serve's terminal."""

import asyncio
import json
import secrets
import shlex
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any

import textual_serve
from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from distill_tui.format import clean
from distill_tui.listen_page import head
from distill_tui.web import Part
from distill_tui.web_address import LOOPBACK
from distill_tui.web_speaker import Speakers

TERMINAL = Path(textual_serve.__file__).parent / "static"
MOST_PAGES = 8
FRAMES_PER_SECOND = "15"
PATIENCE_SECONDS = 5.0
CLOSING_SECONDS = 1.0

MORE = """\
<link rel="stylesheet" href="terminal/css/xterm.css">
<script src="terminal/js/textual.js"></script>
"""
PAGE = """\
{head}<body>
<div class="closed-dialog"><p>The monitor is closed; the run is not touched by that.</p>
<p><a href="./">Open it again</a> <a href="listen">Hear the previews</a></p></div>
<div id="terminal" class="textual-terminal" data-font-size="{size}"
 data-session-websocket-url="{socket}" data-speaker="{speaker}"></div>
</body>
</html>
"""


class Screen(AppService):
    """One monitor. `speaker` is where it sends what it plays."""

    def __init__(self, command: str, speaker: str, **ends: Any) -> None:
        super().__init__(command, **ends)
        self._speaker = speaker

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        environ = super()._build_environment(width, height)
        return {**environ, "TEXTUAL_FPS": FRAMES_PER_SECOND, "DISTILL_PAGE": self._speaker,
                "DISTILL_ASCII": environ.get("DISTILL_ASCII") or "0"}  # fmt: skip

    async def stop(self) -> None:
        """Have the monitor end, and end it if it does not."""
        with suppress(TimeoutError):
            await asyncio.wait_for(super().stop(), PATIENCE_SECONDS)
        if self._process is not None and self._process.returncode is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 1.0)
            with suppress(ProcessLookupError):
                self._process.kill()


class ScreenPart(Part):
    """The page with the terminal, and the sockets behind it. `target` is how `watch` reaches the run."""

    def __init__(self, target: str, name: str, port: int, token: str) -> None:
        # `exec`: the shell that textual-serve starts makes room for the monitor, which looks after its parent.
        self._command = f"exec {shlex.join([sys.executable, '-m', 'distill_tui.web_app', target])}"
        self._name, self._here = clean(name), f"http://{LOOPBACK}:{port}/{token}/speaker/"
        self._downloads = DownloadManager()
        self._speakers = Speakers()
        self._open: set[web.WebSocketResponse] = set()

    def routes(self, below: str) -> Iterable[web.RouteDef | web.StaticDef]:
        """As `Part.routes`."""
        yield web.get(f"{below}/", self._page)
        yield web.get(below + r"/ws/{page:[\w-]{8,64}}", self._socket)
        yield web.get(below + r"/download/{key:\w{8,64}}", self._download)
        yield web.get(below + r"/speaker/{page:[\w-]{8,64}}", self._speakers.listen)
        yield web.post(below + r"/speaker/{page:[\w-]{8,64}}", self._speakers.speak)
        yield web.static(f"{below}/terminal", TERMINAL)

    async def close(self) -> None:
        """As `Part.close`."""
        await asyncio.gather(self._speakers.close(), *(socket.close(code=1001) for socket in self._open))

    async def _page(self, request: web.Request) -> web.Response:
        page, below = secrets.token_urlsafe(12), request.path.rstrip("/")
        size = request.query.get("fontsize", "")
        html = PAGE.format(
            head=head(self._name, "screen", MORE),
            size=size if size.isdecimal() and 6 <= int(size[:4]) <= 60 else "14",
            socket=escape(f"ws://{request.host}{below}/ws/{page}"),
            speaker=escape(f"ws://{request.host}{below}/speaker/{page}"),
        )
        return web.Response(text=html, content_type="text/html")

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=15, timeout=CLOSING_SECONDS)
        await socket.prepare(request)
        if len(self._open) >= MOST_PAGES:
            await socket.close(code=1013)
            return socket
        below = request.path.rsplit("/ws/", 1)[0]
        screen = Screen(
            self._command, self._here + request.match_info["page"], write_bytes=socket.send_bytes,
            write_str=_with_downloads(socket.send_str, below), close=socket.close, download_manager=self._downloads,
        )  # fmt: skip
        self._open.add(socket)
        try:
            await screen.start(_cells(request, "width", 80), _cells(request, "height", 24))
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await _pass_on(message.data, screen, socket)
        finally:
            self._open.discard(socket)
            await screen.stop()
        return socket

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """A screenshot that the monitor hands over."""
        key = request.match_info["key"]
        try:
            meta = await self._downloads.get_download_metadata(key)
        except KeyError:
            raise web.HTTPNotFound from None
        response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        response.headers["Content-Disposition"] = f'attachment; filename="{_plain_name(meta.file_name)}"'
        await response.prepare(request)
        async for chunk in self._downloads.download(key):
            await response.write(chunk)
        await response.write_eof()
        return response


async def _pass_on(text: str, screen: AppService, socket: web.WebSocketResponse) -> None:
    """One message of the page's terminal to the monitor; what is none of the kinds it sends is left out."""
    try:
        match json.loads(text):
            case ["stdin", str(typed)]:
                await screen.send_bytes(typed.encode())
            case ["resize", {"width": int(width), "height": int(height)}]:
                await screen.set_terminal_size(_within(width), _within(height))
            case ["ping", str(sent)]:
                await socket.send_json(["pong", sent])
            case ["focus", *_]:
                await screen.focus()
            case ["blur", *_]:
                await screen.blur()
    except (ValueError, ConnectionError):
        pass


def _with_downloads(send: Callable[[str], Awaitable[None]], below: str) -> Callable[[str], Awaitable[None]]:
    """textual-serve's pages look for a download at the server's root; ours is below the token."""

    async def rewritten(text: str) -> None:
        match json.loads(text):
            case ["deliver_file_start", str(key)]:
                text = json.dumps(["open_url", {"url": f"{below}/download/{key}", "new_tab": True}])
        await send(text)

    return rewritten


def _cells(request: web.Request, name: str, usual: int) -> int:
    text = request.query.get(name, "")
    return _within(int(text)) if text.isdecimal() and len(text) < 6 else usual


def _within(cells: int) -> int:
    return max(2, min(cells, 500))


def _plain_name(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in Path(name).name) or "file"
