"""How else a sound can be heard: the lines that a person pastes into a shell."""

import base64
import shlex
import subprocess
from pathlib import Path

import pytest

from distill_tui.desk_lines import copy_command, over_ssh, pulse_command, transfer_command, tunnel_command
from distill_tui.hearing import Availability, no_device, no_library
from distill_tui.panels.preview_notice import notice_lines
from distill_tui.player import Progress

SSH = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.9 22"}


@pytest.fixture(autouse=True)
def _ann(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ann")


def test_on_the_own_machine_there_is_nothing_to_copy() -> None:
    assert copy_command("/runs/a/previews/x.wav", {}) == ""
    assert not over_ssh({})


def test_over_ssh_the_file_is_fetched_from_the_host_that_was_connected_to() -> None:
    assert copy_command("/runs/a/x.wav", SSH) == "scp ann@192.0.2.9:/runs/a/x.wav ."


def test_another_port_and_an_ipv6_address_are_written_as_scp_wants_them() -> None:
    command = copy_command("/runs/a/x.wav", {"SSH_CONNECTION": "2001:db8::1 50000 2001:db8::9 2222"})
    assert command == "scp -P 2222 'ann@[2001:db8::9]:/runs/a/x.wav' ."


@pytest.mark.parametrize("name", ["my bells", "it's", "-rf", "$(reboot)", "a;b", "é"])
def test_no_name_can_become_a_command(name: str) -> None:
    words = shlex.split(copy_command(f"/runs/{name}/x.wav", SSH))
    assert words == ["scp", f"ann@192.0.2.9:/runs/{name}/x.wav", "."]


def test_a_run_watched_on_another_host_is_fetched_from_there() -> None:
    assert copy_command("box:/runs/my bells/x.wav", {}) == "scp 'box:/runs/my bells/x.wav' ."


def test_what_is_missing_is_named_with_what_helps() -> None:
    assert "libportaudio2" in no_library().advice
    assert "ssh -R 24713:" in no_device(SSH).advice
    assert "PULSE_SERVER" in no_device({"PULSE_SERVER": "tcp:127.0.0.1:24713"}).reason
    assert not any(found.ok for found in (no_library(), no_device({}), no_device(SSH)))


@pytest.mark.parametrize(
    ("connection", "destination"),
    [
        ("192.0.2.1 50000 192.0.2.9 22", ["ann@192.0.2.9"]),
        ("::1 5 2001:db8::9 2222", ["-p", "2222", "ann@2001:db8::9"]),
    ],
)
def test_the_lines_to_type_at_the_desk_name_this_host(connection: str, destination: list[str]) -> None:
    environ = {"SSH_CONNECTION": connection}
    assert shlex.split(tunnel_command(8437, environ)) == ["ssh", "-N", "-L", "8437:127.0.0.1:8437", *destination]
    lent = ["24713:/run/user/$(id", "-u)/pulse/native", *destination]  # the desk's shell puts its own number there
    assert shlex.split(pulse_command(environ)) == ["ssh", "-R", *lent]
    assert pulse_command(environ) in no_device(environ).advice


def test_on_the_own_machine_there_is_no_line_to_type() -> None:
    assert tunnel_command(8437, {}) == pulse_command({}) == ""


def test_what_alsa_lacks_to_reach_a_sound_server_is_named(tmp_path: Path) -> None:
    tunnel = {"PULSE_SERVER": "tcp:127.0.0.1:24713"}
    assert "libasound2-plugins" in no_device(tunnel, (str(tmp_path),)).advice
    (tmp_path / "libasound_module_pcm_pulse.so").touch()
    assert "libasound2-plugins" not in no_device(tunnel, (str(tmp_path),)).advice


@pytest.mark.parametrize("name", ["bell 1.wav", "-n.wav", "it's $(reboot) `x` %s.wav", "é.wav"])
def test_iterm_gets_the_files_name_and_bytes(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(bytes(range(256)) * 9)
    terminal, line = transfer_command(str(tmp_path / name), {**SSH, "LC_TERMINAL": "iTerm2"})
    written = subprocess.run(["sh", "-c", line], capture_output=True, check=True).stdout
    assert terminal == "iTerm2"
    assert written.startswith(b"\x1b]1337;File=name=")
    assert written.endswith(b"\a")
    told, data = written[len(b"\x1b]1337;File=name=") : -1].split(b";inline=0:")
    assert base64.b64decode(told).decode() == name
    assert base64.b64decode(data, validate=True) == (tmp_path / name).read_bytes()


def test_only_terminals_that_take_files_are_offered_them(tmp_path: Path) -> None:
    iterm, kitten = {"LC_TERMINAL": "iTerm2"}, tmp_path / "kitten"
    assert transfer_command("/x.wav", {}) == ("", "")
    assert transfer_command("/x.wav", {**iterm, "TMUX": "1"}) == ("", "")
    assert transfer_command("box:/x.wav", iterm) == ("", "")
    kitty = {"TERM": "xterm-kitty", "PATH": str(tmp_path)}
    assert transfer_command("/a b.wav", kitty) == ("", "")
    kitten.write_text("#!/bin/sh\n")
    kitten.chmod(0o755)
    assert transfer_command("/a b.wav", kitty) == ("kitty", "kitten transfer '/a b.wav' Downloads/")


def test_the_notice_names_each_way_that_is_there() -> None:
    silent = Progress(availability=Availability(False, "no sound device on this host", "connect with ssh -R"))

    def lines(path: str, **environ: str) -> list[str]:
        return notice_lines(silent, path, 0.0, 100, roomy=True, environ=environ)

    there = lines("/runs/my bells/previews/x.wav", **SSH, LC_TERMINAL="iTerm2")
    assert [line.split(":")[0] for line in there] == [
        "No sound device on this host.",
        "To hear it at your desk",
        "To hear all of them in a browser",
        "To hear all of them here",
        "iTerm2 can take it as well",
    ]
    assert there[2].endswith("distill-tui watch '/runs/my bells' --web")
    far = lines("box:runs/bells/previews/x.wav")
    assert far[2].endswith("distill-tui watch box:runs/bells --web")
    assert not any("--web" in line for line in lines("/runs/a/previews/x.wav", DISTILL_PAGE="http://127.0.0.1:1/t/s"))
