"""A page only watches: what is resumed in it trains on by itself, whatever becomes of the page."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
import psutil
import pytest

from core.run.folder import RunFolder
from core.run.link import LinkError
from core.run.links.folder import FolderLink
from core.run.state import RunState, fold
from distill_tui.page_session import PageSession
from distill_tui.session import Watch
from distill_tui.web_app import PageApp
from tests.cli.waiting import wait_until
from tests.cli.web_runs import finished_run, served, until
from tests.fakes import FakeLink


def state_of(folder: RunFolder) -> RunState:
    link = FolderLink(folder)
    try:
        return fold(RunState(), link.read())
    finally:
        link.close()


@pytest.fixture
def stopped(trained: Callable[[str], Path], tmp_path: Path) -> RunFolder:
    """A run that has a checkpoint, and by its config far to go."""
    folder = RunFolder(tmp_path / "my bells")
    shutil.copytree(trained("global"), folder.path)
    config = folder.config_path.read_text()
    folder.config_path.write_text(re.sub(r"(?m)^epochs = 4$", "epochs = 100000", config))
    return folder


async def test_a_run_resumed_in_a_page_outlives_the_page_and_the_server(stopped: RunFolder) -> None:
    before = state_of(stopped)
    with served(stopped.path) as server:
        async with aiohttp.ClientSession() as session:
            text = await (await session.get(server.address)).text()
            address = re.search(r'data-session-websocket-url="([^"]+)"', text)[1]
            async with session.ws_connect(f"{address}?width=120&height=40") as socket:
                await until(socket, "my bells", "finished")
                await socket.send_json(["stdin", "r"])
                await until(socket, "trained for")
                page = psutil.Process(server.process.pid).children(recursive=True)[0]
                await socket.send_json(["stdin", "\r"])
                await asyncio.to_thread(wait_until, stopped.is_live, 60)
                await until(socket, "training")
            await asyncio.to_thread(wait_until, lambda: not page.is_running(), 10)
        server.stop(signal.SIGKILL)
    holder = stopped.holder()
    assert holder is not None, stopped.log_path.read_text()
    assert page.pid != holder[0]
    assert before.step is not None
    wait_until(lambda: (now := state_of(stopped).step) is not None and now.step > before.step.step, 30)
    os.kill(holder[0], signal.SIGTERM)
    wait_until(lambda: not stopped.is_live(), 30)
    assert state_of(stopped).status == "preempted"


def test_why_it_cannot_be_resumed_is_said_in_the_trainers_own_words(tmp_path: Path) -> None:
    run = finished_run(tmp_path)  # without a checkpoint
    session = PageSession(Watch(FolderLink(run)))
    session.open()
    with pytest.raises(LinkError, match="no checkpoint yet"):
        session.resume()
    session.close()
    assert session.runner is None


async def test_what_only_a_terminal_has_is_not_offered() -> None:
    async with PageApp(Watch(FakeLink(steps=200, live=False))).run_test(size=(120, 40)) as pilot:
        titles = [command.title for command in pilot.app.get_system_commands(pilot.app.screen)]
        assert any(title.startswith("Resume") for title in titles)
        assert not any(title.startswith(("Detach", "Suspend")) for title in titles)
