"""`resume` of a run that is finished says so and leaves it as it is; with more epochs it trains on."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from distill_tui.cli import main


def test_a_finished_run_is_left_as_it_is_until_it_is_given_more(
    trained: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(trained("global"), tmp_path / "tones"))
    before = {path.name: path.stat().st_mtime_ns for path in run.glob("**/*") if path.suffix in (".pt", ".json")}

    assert main(["resume", str(run), "--headless"]) == 0

    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert "tones: already finished" in line
    assert f"raise epochs (and steps, where it is set) in {run / 'config.toml'}" in line
    assert before == {p.name: p.stat().st_mtime_ns for p in run.glob("**/*") if p.suffix in (".pt", ".json")}

    config = run / "config.toml"
    config.write_text(config.read_text().replace("\nepochs = 4\n", "\nepochs = 5\n"))
    assert main(["resume", str(run), "--headless", "--auto", "conservative"]) == 0
    assert "finished, epoch 5" in capsys.readouterr().out
    assert '\nauto = "conservative"\n' in config.read_text()
