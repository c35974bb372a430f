"""The doctor answers wherever it is asked, also about a folder that it may not look into."""

from pathlib import Path

import pytest

from distill_tui.doctor import check_browser, check_copy, check_disk, check_ssh, check_transfer


@pytest.mark.parametrize("runs", ["runs", "runs/below"])
def test_a_folder_that_may_not_be_looked_into_cannot_be_written_to(
    runs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_disk(tmp_path / runs).verdict != "fail"
    found = check_disk(tmp_path / (300 * "x") / runs)
    assert found.verdict == "fail"
    assert "cannot be written to" in found.found


def test_over_ssh_it_names_every_way_to_hear_with_the_line_for_this_host(tmp_path: Path) -> None:
    here = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.9 2222", "LC_TERMINAL": "iTerm2"}
    browser, copy, transfer = check_browser(here), check_copy(tmp_path, here), check_transfer(tmp_path, here)
    assert browser.found.endswith("distill-tui watch RUN --web")
    assert "ssh -N -L 8437:127.0.0.1:8437 -p 2222 " in browser.advice
    assert copy is not None
    assert "scp -P 2222 " in copy.found
    assert transfer is not None
    assert transfer.subject == "in iTerm2"


def test_at_the_own_machine_there_is_nothing_to_fetch(tmp_path: Path) -> None:
    assert check_browser({}).advice == ""
    assert check_copy(tmp_path, {}) is None
    assert check_transfer(tmp_path, {}) is None


def test_a_line_that_drops_costs_the_screen_only() -> None:
    over_ssh = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.9 22"}
    assert "distill-tui watch RUN" in check_ssh(over_ssh).advice
    assert "tmux" in check_ssh({**over_ssh, "TMUX": "/tmp/tmux,1,0"}).found
    assert check_ssh({}).found == "this terminal is local"
