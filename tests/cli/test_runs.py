"""`distill-tui runs`: filtered, sorted, archived ones on request, and all of it as JSON."""

import json
from pathlib import Path

import pytest

from core.run import shelf
from core.run.events import EpochMetrics, RunStarted, StepMetrics, TermInfo, TrainingCompleteEvent
from core.run.folder import RunFolder
from core.run.store import RunWriter
from distill_tui.cli import main


def make(runs: Path, name: str, best: float, weight: float) -> Path:
    folder = RunFolder.create(runs, name)
    folder.config_path.write_text(
        f'recipe = "audio"\n[data]\npath = "/s"\n[loss.stft]\nweight = {weight}\nsizes = [512]\n'
    )
    writer = RunWriter(folder.store_path)
    writer.begin(
        RunStarted(0, "audio", "log_mel", (TermInfo("stft", "STFT", "loss"),), "cpu", "box", 1, 0, 100, 10, 10, 1,
                   "balanced", 4, 1, 5.0)
    )  # fmt: skip
    writer.step(StepMetrics(1, 10, 100, 0.5))
    writer.event(EpochMetrics(1, 10, 0.5, best, step=10, is_best=True))
    writer.event(TrainingCompleteEvent("finished", 1, 10))
    writer.close()
    return folder.path


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name, best, weight in (("bells", 0.3, 1.0), ("drums", 0.5, 0.2), ("old", 0.4, 0.7)):
        make(tmp_path, name, best, weight)
    shelf.archive(tmp_path / "old")
    shelf.set_note(tmp_path / "drums", "too [b]dull[/b]")
    shelf.set_baseline(tmp_path, tmp_path / "bells")
    return tmp_path


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["runs", *arguments, "--json"]) == 0
    return [run["name"] for run in json.loads(capsys.readouterr().out)]


def test_filter_sort_and_all(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys, str(runs)) == ["drums", "bells"]
    assert listed(capsys, str(runs), "--all") == ["old", "drums", "bells"]
    assert listed(capsys, str(runs), "--sort", "best", "--all") == ["bells", "old", "drums"]
    assert listed(capsys, str(runs), "--sort=-loss.stft.weight") == ["bells", "drums"]
    assert listed(capsys, str(runs), "--filter", "loss.stft.weight > 0.5") == ["bells"]
    assert listed(capsys, str(runs), "--filter", "archived") == ["old"]
    assert listed(capsys, str(runs), "--filter", "dull") == ["drums"]


def test_json_has_what_a_person_put_on_a_run_and_its_config(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(runs), "--json", "--all"]) == 0
    found = {run["name"]: run for run in json.loads(capsys.readouterr().out)}
    assert found["bells"]["baseline"] is True
    assert found["old"]["archived"] is True
    assert found["drums"]["note"] == "too [b]dull[/b]"
    assert found["drums"]["config"]["loss"]["stft"] == {"weight": 0.2, "sizes": [512]}


def test_the_table_shows_what_the_filter_names(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(runs), "--filter", "loss.stft.weight < 9", "--all"]) == 0
    table = capsys.readouterr().out
    for words in ("loss.stft.weight", "0.200", "bells (baseline)", "finished (archived)", "too [b]dull[/b]"):
        assert words in table


def test_nothing_like_it_and_slips(runs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["runs", str(runs), "--filter", "best < 0.1"]) == 0
    assert "none of the 3 runs" in capsys.readouterr().out
    for arguments, words in (
        (["--filter", "bset < 1"], "--filter bset < 1: no run has bset; did you mean best?"),
        (["--filter", "best <"], "expected something to compare best with"),
        (["--sort", "bset"], "--sort bset: no run has bset; did you mean best?"),
    ):
        assert main(["runs", str(runs), *arguments]) == 2
        assert words in capsys.readouterr().err
    (tmp_path / "none").mkdir()
    assert main(["runs", str(tmp_path / "none"), "--filter", "loss.stft.weight > 1"]) == 0
    assert "no runs in" in capsys.readouterr().out
