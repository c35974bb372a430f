"""The pages of `watch --web`, over HTTP: who gets what, byte for byte, and who gets nothing."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from core.run.events import PreviewEvent
from core.run.links.folder import FolderLink
from distill_tui import listen_page
from distill_tui.byte_range import RangeError, byte_range
from distill_tui.cli import main
from distill_tui.heard_run import HeardRun
from distill_tui.listen_page import file_name
from distill_tui.listen_part import ListenPart
from distill_tui.web import Part, application
from tests.cli.web_runs import finished_run, samples, served, wav
from tests.fakes import FakeLink

TOKEN = "a-token-of-some-length"
HOSTILE = "<script>alert('1')</script>\"'&\x1b[2J\u202e"


@asynccontextmanager
async def pages(*parts: Part) -> AsyncIterator[TestClient]:
    async with TestClient(TestServer(application(parts, TOKEN))) as client:
        yield client


def listening(link: FakeLink) -> ListenPart:
    return ListenPart(HeardRun(link), screen=True)


async def test_the_sounds_are_the_files_byte_for_byte_and_in_ranges(tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    async with pages(ListenPart(HeardRun(FolderLink(run)), screen=False)) as client:
        for number in range(3):
            answer = await client.get(f"/{TOKEN}/sound/{number}.wav")
            assert await answer.read() == wav(samples(number))
            assert answer.headers["Accept-Ranges"] == "bytes"
            assert answer.headers["Content-Type"] == "audio/wav"
        part = await client.get(f"/{TOKEN}/sound/1.wav", headers={"Range": "bytes=0-1"})  # what Safari asks first
        assert (part.status, await part.read()) == (206, b"RI")
        assert part.headers["Content-Range"] == f"bytes 0-1/{len(wav(samples(1)))}"
        beyond = await client.get(f"/{TOKEN}/sound/1.wav", headers={"Range": "bytes=999999-"})
        assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(wav(samples(1)))}")
        assert (await client.get(f"/{TOKEN}/sound/3.wav")).status == 404


async def test_the_newest_is_on_top_and_every_player_has_its_sound() -> None:
    link = FakeLink(steps=320)
    async with pages(listening(link)) as client:
        text = await (await client.get(f"/{TOKEN}/listen")).text()
    steps = [int(step) for step in re.findall(r'id="step-(\d+)"', text)]
    assert steps == [320, 160]
    assert re.findall(r'src="sound/(\d+).wav"', text) == ["4", "3", "5", "1", "0", "2"]
    assert "training · epoch 10 · step 320 · 5 %" in text
    assert '<a href="./">' in text


async def test_an_open_page_is_told_of_what_is_new_only() -> None:
    link = FakeLink(steps=160)
    async with pages(listening(link)) as client:
        news = await (await client.get(f"/{TOKEN}/rows?after=3")).json()
        assert (news["count"], news["sections"]) == (3, "")
        link.advance(160)
        await asyncio.sleep(0.6)
        news = await (await client.get(f"/{TOKEN}/rows?after=3")).json()
        assert news["count"] == 6
        assert re.findall(r'id="step-(\d+)"', news["sections"]) == ["320"]
        for strange in ("-1", "x", "9" * 40, "0x3"):
            assert (await client.get(f"/{TOKEN}/rows", params={"after": strange})).status == 200


async def test_names_are_text_wherever_they_stand() -> None:
    link = FakeLink(steps=1, name=HOSTILE)
    link.emit(PreviewEvent(1, f"previews/{HOSTILE}.wav", 8000, 1, "sample", HOSTILE, likeness=HOSTILE))
    async with pages(listening(link)) as client:
        text = await (await client.get(f"/{TOKEN}/listen")).text()
        sound = await client.get(f"/{TOKEN}/sound/0.wav")
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&quot;&#x27;&amp;[2J") >= 4
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert sound.headers["Content-Disposition"] == f'inline; filename="{file_name(link.stored[-1].event)}"'
    assert re.fullmatch(r"[\w.-]+", file_name(link.stored[-1].event))
    assert "<script>" not in listen_page._row(PreviewEvent(1, "a.wav", 8000, 1, HOSTILE, "b"), 0)


async def test_without_the_token_there_is_nothing() -> None:
    async with pages(listening(FakeLink(steps=160))) as client:
        for path in ("/", "/listen", "/sound/0.wav", "/x/listen", f"/{TOKEN}x/listen", f"/{TOKEN[:-1]}/listen",
                     "/./listen", f"/static/../{TOKEN}x/listen", "/é/listen"):  # fmt: skip
            answer = await client.get(path)
            assert (answer.status, await answer.text()) == (404, "404: Not Found")
        assert (await client.get(f"/{TOKEN}/listen")).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 404),  # a name that points to 127.0.0.1 for a moment
        ({"Host": "127.0.0.1.evil.example:8437"}, 404),
        ({"Host": "localhost:9000"}, 200),  # the other end of a tunnel
        ({"Host": "[::1]:9000"}, 200),
        ({"Host": "127.0.0.1:9000", "Origin": "http://127.0.0.1:9000"}, 200),
        ({"Host": "127.0.0.1:9000", "Origin": "http://127.0.0.1:9001"}, 404),
        ({"Host": "127.0.0.1:9000", "Origin": "https://evil.example"}, 404),
        ({"Host": "127.0.0.1:9000", "Origin": "null"}, 404),
    ],
)
async def test_other_sites_get_nothing(headers: dict[str, str], status: int) -> None:
    async with pages(listening(FakeLink(steps=160))) as client:
        assert (await client.get(f"/{TOKEN}/listen", headers=headers)).status == status


def test_nonsense_gets_nothing_and_leaves_the_terminal_alone(tmp_path: Path) -> None:
    with served(finished_run(tmp_path).path) as server:
        _, _, address, path = server.address.split("/", 3)
        here, port = b"Host: 127.0.0.1", int(address.split(":")[1])
        for line, header, status in (
            (f"GET /{path}listen", b"Host: [", 404),
            (f"GET /{path}listen", here + b"\r\nOrigin: http://[", 404),
            ("OPTIONS *", here, 404),
            ("CONNECT 127.0.0.1:1", here, 404),
            ("GET foo", here, 400),
            ("GET /x", here + b"\r\nContent-Length: x", 400),
        ):
            with socket.create_connection(("127.0.0.1", port), 5) as asked:
                asked.sendall(b"%s HTTP/1.1\r\n%s\r\n\r\n" % (line.encode(), header))
                assert asked.recv(4096).split()[1] == b"%d" % status, line
        assert server.stop() == 0
        assert server.process.stdout is not None
        assert server.process.stdout.read() == ""


async def test_pages_may_load_nothing_from_elsewhere_and_do_not_try() -> None:
    async with pages(listening(FakeLink(steps=160))) as client:
        for path in ("listen", "static/listen.js", "static/listen.css", "sound/0.wav", "rows", "nothing"):
            answer = await client.get(f"/{TOKEN}/{path}")
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert not re.search(r"https?:|\*|unsafe-eval|script-src[^;]*unsafe", policy)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            if path != "sound/0.wav":
                assert "//" not in re.sub(r"// .*", "", await answer.text())


async def test_a_run_that_cannot_be_read_for_a_while_is_shown_as_it_was() -> None:
    from core.run.link import LinkError

    link = FakeLink(steps=160)

    def broken() -> None:
        raise LinkError("the line is down")

    async with pages(listening(link)) as client:
        assert "Epoch 5" in await (await client.get(f"/{TOKEN}/listen")).text()
        link.before_read = broken
        await asyncio.sleep(0.6)
        assert "Epoch 5" in await (await client.get(f"/{TOKEN}/listen")).text()


@given(st.integers(1, 2000), st.one_of(st.none(), st.integers(0, 2500)), st.one_of(st.none(), st.integers(0, 2500)))
def test_a_range_is_as_python_slices_it(size: int, first: int | None, last: int | None) -> None:
    data = bytes(number % 251 for number in range(size))
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    try:
        found = byte_range(header, size)
    except RangeError:
        assert (first is not None and first >= size) or (first is None and last == 0)
        return
    if first is None:
        wanted = data if last is None else data[max(0, size - last) :]
    else:
        backwards = last is not None and last < first
        wanted = data if backwards else data[first : size if last is None else last + 1]
    assert (data if found is None else data[found[0] : found[1] + 1]) == wanted


@pytest.mark.parametrize(
    "header", ["", "bytes=-", "bytes=1-2,4-5", "lines=1-2", "bytes=a-b", "bytes 1-2", "bytes=" + 9999 * "9" + "-"]
)
def test_a_header_that_is_no_range_gets_all(header: str) -> None:
    assert byte_range(header, 10) is None


def test_options_that_do_not_go_together_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = finished_run(tmp_path)
    assert main(["watch", str(run.path), "--port", "8000"]) == 2
    assert main(["watch", str(run.path), "--web", "--port", "99999"]) == 2
    assert main(["watch", str(tmp_path), "--web"]) == 2
    said = capsys.readouterr().err
    assert "--port is for --web" in said
    assert "not a port" in said
    assert "a folder of runs; name one of them" in said
