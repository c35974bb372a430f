"""HOST:PATH and the command line that it becomes: no host, path or shell makes anything else of it."""

import os
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.run.link import LinkError
from core.run.remote_target import Remote, decoded, written


@given(st.text() | st.binary(max_size=50).map(os.fsdecode))
def test_a_path_is_one_word_that_every_shell_reads_alike(path: str) -> None:
    words = shlex.split(written(path))
    assert words == written(path).split()
    match words:
        case []:
            assert path == ""
        case [plain]:
            assert plain == path
            assert not plain.startswith("-")
        case [flag, coded]:
            assert flag == "--encoded"
            assert decoded(coded) == os.fsdecode(os.fsencode(path))
            assert not set(coded) & set("'\"\\$`!*?[]{}()<>|&;# \t\r\n~=^")


@pytest.mark.parametrize(
    ("target", "host", "path", "word"),
    [
        ("box:/data/bells", "box", "/data/bells", "box"),
        ("me@box:bells", "me@box", "bells", "me@box"),
        ("box:", "box", "", "box"),
        ("[::1]:/x", "[::1]", "/x", "::1"),
        ("me@[fe80::1%eth0]:x", "me@[fe80::1%eth0]", "x", "me@fe80::1%eth0"),
        ("box:a\nb:c", "box", "a\nb:c", "box"),
        ("DOM\\me@box:x", "DOM\\me@box", "x", "DOM\\me@box"),
    ],
)
def test_host_and_path_are_told_apart(target: str, host: str, path: str, word: str) -> None:
    remote = Remote.parse(target)
    assert remote == Remote(host, path)
    argv = remote.argv(environ={})
    assert argv[0] == "ssh"
    assert argv[-3:-1] == ["--", word]
    assert str(remote) == target


@pytest.mark.parametrize("target", ["runs/a:b", "./a:b", "/a:b", "plain", ":x", "::1:x", ""])
def test_other_texts_are_local_paths(target: str) -> None:
    assert Remote.parse(target) is None


@pytest.mark.parametrize("target", ["ssh://box:24622/data/bells", "sftp://me@box/x", "http://\x1b"])
def test_an_address_is_told_how_a_host_is_written(target: str) -> None:
    with pytest.raises(LinkError, match=r"write HOST:PATH.*ssh/config$") as caught:
        Remote.parse(target)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("target", ["-oProxyCommand=id:x", "me@-oX:y", "a b:c", "a\nb:c", "$(id):x", "a;b:c", "\x1b:x"])
def test_what_ssh_or_a_shell_would_take_for_something_else_is_refused(target: str) -> None:
    with pytest.raises(LinkError) as caught:
        Remote.parse(target)
    assert str(caught.value).isprintable()


def test_what_lies_here_under_that_name_is_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("12:30").mkdir()
    assert Remote.parse_absent("12:30") is None
    assert Remote.parse_absent("12:31") == Remote("12", "31")
