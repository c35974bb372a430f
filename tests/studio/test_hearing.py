"""How else a sound can be heard: the lines that a person pastes into a shell."""

import shlex

import pytest

from distill_tui.hearing import copy_command, no_device, no_library, over_ssh

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
