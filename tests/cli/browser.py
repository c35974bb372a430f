"""A headless Chromium for tests, spoken to over its DevTools protocol; no driver is needed."""

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import aiohttp
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """Its command, or a skip that says why."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        _missing("no Chromium is installed (Debian: apt install chromium)")
    return found


def _missing(why: str) -> NoReturn:
    """A skip that says why; in CI, which installs one, a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{why}, and .ci/run should have seen to it")
    pytest.skip(why)


class Page:
    """One page. `asked` are the addresses that it asked for, `complaints` what it could not do or was not allowed."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.asked: list[str] = []
        self.complaints: list[str] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol; what happens meanwhile is noted down."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=20)
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            match message:
                case {"method": "Network.requestWillBeSent", "params": {"request": {"url": url}}}:
                    self.asked.append(url)
                case {"method": "Network.webSocketCreated", "params": {"url": url}}:
                    self.asked.append(url)
                case {"method": "Log.entryAdded", "params": {"entry": {"level": "error", "text": text}}}:
                    self.complaints.append(text)
                case {"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": details}}:
                    self.complaints.append(json.dumps(details))

    async def open(self, address: str) -> None:
        """Load a page."""
        for part in ("Network", "Log", "Runtime", "Page"):
            await self.call(f"{part}.enable")
        await self.call("Page.navigate", url=address)
        await self.until("document.readyState === 'complete' && location.protocol === 'http:'")

    async def value(self, expression: str) -> Any:
        """What a JavaScript expression gives; of a promise, what it becomes."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, expression: str, seconds: float = 20) -> Any:
        """Wait for an expression to become true; returns what it then is."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if value := await self.value(expression):
                return value
            await asyncio.sleep(0.05)
        raise AssertionError(f"{expression} is still not so; complaints: {self.complaints}")

    async def click(self, x: float, y: float) -> None:
        """A real click: it counts as the person's own for what browsers allow only after one."""
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def type(self, text: str) -> None:
        """Keys, one after another."""
        for key in text:
            code = ord(key.upper())
            await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=key, windowsVirtualKeyCode=code)
            await self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    async def picture(self, path: Path) -> None:
        """A screenshot."""
        path.write_bytes(base64.b64decode((await self.call("Page.captureScreenshot"))["data"]))


@asynccontextmanager
async def browser(folder: Path, width: int = 1200, height: int = 760) -> AsyncIterator[Page]:
    """A browser of its own with one page, its profile in `folder`; it ends with the block."""
    process = subprocess.Popen(
        [chromium(), "--headless", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio",
         "--disable-background-networking", "--enable-unsafe-swiftshader", "--remote-debugging-port=0",
         f"--user-data-dir={folder}", f"--window-size={width},{height}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "HOME": str(folder)},
    )  # fmt: skip
    try:
        port = await _port(folder / "DevToolsActivePort", process)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [page for page in await answer.json() if page["type"] == "page"]
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def _port(path: Path, process: "subprocess.Popen[bytes]") -> int:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if path.exists() and (lines := path.read_text().splitlines()):
            return int(lines[0])
        await asyncio.sleep(0.05)
    _missing(f"Chromium does not start here (status {process.poll()})")
