"""What the monitor of a page plays goes to that page: samples in, as they are played, and out to its websocket."""

import asyncio
import json

from aiohttp import web


class Speakers:
    """The pages that can be heard through, each by its name. One sound plays on a page at a time."""

    def __init__(self) -> None:
        self._pages: dict[str, web.WebSocketResponse] = {}

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """A page offers itself (websocket), or a monitor asks whether it is there (204, else 404)."""
        page = request.match_info["page"]
        socket = web.WebSocketResponse(heartbeat=15, timeout=1.0)
        if not socket.can_prepare(request).ok:
            if page not in self._pages:
                raise web.HTTPNotFound
            return web.Response(status=204)
        await socket.prepare(request)
        self._pages[page] = socket
        try:
            async for _ in socket:
                pass
        finally:
            if self._pages.get(page) is socket:
                del self._pages[page]
        return socket

    async def speak(self, request: web.Request) -> web.Response:
        """A sound (POST): its body is its samples, 16 bits little endian, sent while it plays.

        A body that breaks off silences the page at once.
        """
        socket = self._pages.get(request.match_info["page"])
        rate, channels = _whole(request, "rate", 192_000), _whole(request, "channels", 8)
        if socket is None:
            raise web.HTTPNotFound
        await socket.send_str(json.dumps({"begin": {"rate": rate, "channels": channels}}))
        whole = False
        try:
            rest = b""
            async for chunk in request.content.iter_any():
                rest += chunk
                frames = len(rest) // (2 * channels) * 2 * channels
                if frames:
                    await socket.send_bytes(rest[:frames])
                    rest = rest[frames:]
            whole = True
        finally:
            if not socket.closed:
                await socket.send_str(json.dumps({"end": whole}))
        return web.Response(status=204)

    async def close(self) -> None:
        """Send every page away."""
        await asyncio.gather(*(socket.close(code=1001) for socket in self._pages.values()))


def _whole(request: web.Request, name: str, most: int) -> int:
    text = request.query.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 0 < int(text) <= most):
        raise web.HTTPBadRequest
    return int(text)
