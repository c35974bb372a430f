"""The page that lists a run's previews, as a part of the server: its news, and the sounds whole or in ranges."""

import asyncio
import json
from collections.abc import Iterable

from aiohttp import web

from core.run.link import LinkError
from distill_tui import listen_page
from distill_tui.byte_range import RangeError, byte_range
from distill_tui.heard_run import HeardRun
from distill_tui.web import Part


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
