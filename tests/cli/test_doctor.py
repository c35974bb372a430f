"""The doctor answers wherever it is asked, also about a folder that it may not look into."""

from pathlib import Path

import pytest

from distill_tui.doctor import check_disk


@pytest.mark.parametrize("runs", ["runs", "runs/below"])
def test_a_folder_that_may_not_be_looked_into_cannot_be_written_to(
    runs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_disk(tmp_path / runs).verdict != "fail"
    found = check_disk(tmp_path / (300 * "x") / runs)
    assert found.verdict == "fail"
    assert "cannot be written to" in found.found
