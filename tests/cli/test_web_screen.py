"""The monitor as a page: its socket, what it plays, and how all of it ends; in a real browser where there is one."""

import asyncio
import json
import re
import signal
import time
from pathlib import Path

import aiohttp
import numpy as np
import psutil
import pytest
from aiohttp.test_utils import TestClient, TestServer

from distill_tui.page_speaker import PageSpeaker, page_availability
from distill_tui.player import Player
from distill_tui.speaker import SpeakerError
from distill_tui.wav import Sound
from distill_tui.web import application
from distill_tui.web_screen import ScreenPart
from tests.cli.browser import browser
from tests.cli.waiting import wait_until
from tests.cli.web_runs import RATE, finished_run, samples, served, until

TOKEN = "a-token-of-some-length"
PAGE = "page-0123456789"


@pytest.fixture
async def client(tmp_path: Path) -> aiohttp.ClientSession:
    part = ScreenPart(str(tmp_path / "no run"), "bells", 0, TOKEN)
    async with TestClient(TestServer(application([part], TOKEN))) as client:
        yield client


def speaker_of(client: TestClient) -> str:
    return str(client.make_url(f"/{TOKEN}/speaker/{PAGE}"))


async def heard(socket: aiohttp.ClientWebSocketResponse) -> tuple[dict, bytes, bool]:
    """How a sound begins, its samples, and whether it came to its end."""
    begin, data = json.loads(await asyncio.wait_for(socket.receive_str(), 5))["begin"], b""
    while True:
        message = await asyncio.wait_for(socket.receive(), 5)
        if message.type == aiohttp.WSMsgType.TEXT:
            return begin, data, json.loads(message.data)["end"]
        data += message.data


@pytest.mark.parametrize("channels", [1, 2])
async def test_the_page_gets_what_is_played_sample_for_sample_and_in_time(client: TestClient, channels: int) -> None:
    sound = Sound(samples(3, channels), RATE)
    address = speaker_of(client)
    player = Player(lambda *wanted: PageSpeaker(address, *wanted), lambda: page_availability(address))
    async with client.ws_connect(f"/{TOKEN}/speaker/{PAGE}") as socket:
        began = time.monotonic()
        await asyncio.to_thread(player.play, sound)
        begin, data, whole = await heard(socket)
        took = time.monotonic() - began
        assert player.progress().trouble == ""
    await asyncio.to_thread(player.close)
    assert begin == {"rate": RATE, "channels": channels}
    got = np.frombuffer(data, "<i2").reshape(-1, channels)
    assert np.array_equal(got[: sound.frames], sound.samples)
    assert not got[sound.frames :].any()
    assert whole
    assert took > 0.2, "half a second of sound came all at once"


async def test_leaving_silences_the_page_at_once(client: TestClient) -> None:
    address = speaker_of(client)
    player = Player(lambda *wanted: PageSpeaker(address, *wanted), lambda: page_availability(address))
    async with client.ws_connect(f"/{TOKEN}/speaker/{PAGE}") as socket:
        await asyncio.to_thread(player.play, Sound(samples(3, 1, 20 * RATE), RATE))
        await asyncio.wait_for(socket.receive(), 5)
        await asyncio.to_thread(player.close)
        while not isinstance(told := (await asyncio.wait_for(socket.receive(), 5)).data, str):
            pass
    assert json.loads(told) == {"end": False}


async def test_a_page_that_is_gone_says_so(client: TestClient) -> None:
    address = speaker_of(client)
    found = await asyncio.to_thread(page_availability, address)
    assert (found.ok, found.reason) == (False, "the page does not answer")
    speaker = PageSpeaker(address, RATE, 1, lambda block: True, lambda: None)
    with pytest.raises(SpeakerError, match="the page does not answer"):
        await asyncio.to_thread(speaker.start)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "rate=8000",
        "rate=0&channels=1",
        "rate=8000&channels=9",
        "rate=x&channels=1",
        "rate=0000080000000&channels=1",
    ],
)
async def test_a_sound_without_its_format_is_refused(client: TestClient, query: str) -> None:
    async with client.ws_connect(f"/{TOKEN}/speaker/{PAGE}"):
        assert (await client.post(f"/{TOKEN}/speaker/{PAGE}?{query}", data=b"")).status == 400


async def test_the_page_names_this_server_only_and_the_tunnels_end_as_it_was_asked_for(client: TestClient) -> None:
    answer = await client.get(f"/{TOKEN}/", headers={"Host": "localhost:9000"})
    text = await answer.text()
    assert set(re.findall(r"\w+://[^/\"]+", text)) == {"ws://localhost:9000"}
    for path in re.findall(r'(?:src|href)="([^"#]+)"', text):
        if not path.startswith("data:") and path not in ("./", "listen"):
            assert (await client.get(f"/{TOKEN}/{path}")).status == 200, path


async def test_the_monitor_is_drawn_takes_keys_and_ends_with_the_server(tmp_path: Path) -> None:
    with served(finished_run(tmp_path).path) as server:
        async with aiohttp.ClientSession() as session:
            text = await (await session.get(server.address)).text()
            address = re.search(r'data-session-websocket-url="([^"]+)"', text)[1]
            async with session.ws_connect(f"{address}?width=100&height=30") as socket:
                await socket.send_str('["stdin", 7]')
                await socket.send_str("no json")
                await until(socket, "bells", "Previews")
                monitors = psutil.Process(server.process.pid).children(recursive=True)
                assert len(monitors) == 1
                await socket.send_json(["resize", {"width": 90, "height": 28}])
                await socket.send_json(["stdin", "?"])
                await until(socket, "esc closes")
            async with session.ws_connect(f"{address}?width=80&height=24") as socket:
                await until(socket, "bells")
                await socket.send_json(["stdin", "q"])
                while (await asyncio.wait_for(socket.receive(), 10)).type != aiohttp.WSMsgType.CLOSE:
                    pass
            async with session.ws_connect(f"{address}?width=80&height=24") as socket:
                await until(socket, "bells")
                monitors += psutil.Process(server.process.pid).children(recursive=True)
                assert await asyncio.to_thread(server.stop) == 0
        assert wait_until(lambda: not any(monitor.is_running() for monitor in monitors))


def test_a_monitor_does_not_outlive_a_server_that_is_killed(tmp_path: Path) -> None:
    async def killed(server_address: str) -> list[psutil.Process]:
        async with aiohttp.ClientSession() as session:
            text = await (await session.get(server_address)).text()
            address = re.search(r'data-session-websocket-url="([^"]+)"', text)[1]
            async with session.ws_connect(f"{address}?width=80&height=24") as socket:
                await until(socket, "bells")
                monitors = psutil.Process(server.process.pid).children(recursive=True)
                server.stop(signal.SIGKILL)
                return monitors

    with served(finished_run(tmp_path).path) as server:
        monitors = asyncio.run(killed(server.address))
        assert wait_until(lambda: not any(monitor.is_running() for monitor in monitors), 10)


def test_over_ssh_the_line_to_type_at_the_desk_is_said(tmp_path: Path) -> None:
    with served(finished_run(tmp_path).path, SSH_CONNECTION="192.0.2.1 50000 192.0.2.9 2222") as server:
        port = server.address.split(":")[2].split("/")[0]
        assert re.search(rf"ssh -N -L {port}:127\.0\.0\.1:{port} -p 2222 \S+@192\.0\.2\.9", server.said[-1])
        assert len(server.address.rstrip("/").rsplit("/", 1)[1]) >= 24
        assert server.stop(signal.SIGINT) == 0


def test_a_port_that_is_taken_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from distill_tui.cli import main

    run = finished_run(tmp_path).path
    with served(run) as server:
        port = server.address.split(":")[2].split("/")[0]
        assert main(["watch", str(run), "--web", "--port", port]) == 2
    assert f"port {port}: Address already in use" in capsys.readouterr().err


async def test_in_a_browser_the_monitor_plays_into_the_page_and_asks_no_other_host(tmp_path: Path) -> None:
    with served(finished_run(tmp_path).path) as server:
        async with browser(tmp_path / "profile") as page:
            await page.open(server.address)
            await page.until("document.body.classList.contains('-first-byte')")
            await asyncio.sleep(1.0)  # the first frame is there; its keys are bound a moment later
            await page.click(300, 300)
            await page.type(" ")
            # 0.5 s of samples, in whole blocks
            await page.until(f"distillSpeaker.frames >= {RATE // 2} && distillSpeaker.context.state === 'running'")
            assert page.complaints == []
            host = re.match(r"http://([^/]+)/", server.address)[1]
            assert {re.match(r"\w+://([^/]+)/", url)[1] for url in page.asked if not url.startswith("data:")} == {host}


async def test_in_a_browser_the_list_plays_and_one_sound_at_a_time(tmp_path: Path) -> None:
    with served(finished_run(tmp_path).path) as server:
        async with browser(tmp_path / "profile") as page:
            await page.open(f"{server.address}listen")
            await page.until("document.querySelectorAll('audio').length === 3")
            await page.value("window.all = [...document.querySelectorAll('audio')]; all.forEach(a => a.loop = true); 1")
            await page.click(600, 20)
            await page.value("all[0].play()")
            await page.until("all[0].currentTime > 0.1")
            await page.value("all[2].play()")
            await page.until("all[2].currentTime > 0.1 && all[0].paused")
            assert await page.value("all[2].duration") == pytest.approx(0.5)
            assert page.complaints == []
