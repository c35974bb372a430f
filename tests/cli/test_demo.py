"""The demo makes sounds, trains on them, and says where to listen and how to go on."""

import json
import shutil
from pathlib import Path

import pytest

from core.audio.files import find_sounds
from distill_tui.cli import main
from distill_tui.commands.demo import make_sounds


def test_the_demo_trains_says_how_to_go_on_and_tells_of_its_end(
    tmp_path: Path, tones: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISTILL_RUNS", raising=False)
    shutil.copytree(tones, tmp_path / "demo" / "sounds")  # fewer than it makes itself
    assert main(["demo", "--headless", "--epochs", "1", "--notify", "cat > heard"]) == 0
    said = capsys.readouterr().out
    assert "finished, epoch 1" in said
    assert "distill-tui train FOLDER" in said
    assert list((tmp_path / "runs" / "demo" / "previews").glob("*.wav"))
    assert str(tmp_path / "runs" / "demo") in said
    told = json.loads((tmp_path / "heard").read_text())
    assert (told["kind"], told["title"], told["location"]) == ("complete", "demo finished", str(tmp_path / "runs/demo"))


def test_a_way_to_tell_that_does_not_exist_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--headless", "--alert", "horn"]) == 2
    assert "horn is none of bell, osc9, osc777" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_it_makes_sounds_where_there_are_none(tmp_path: Path) -> None:
    make_sounds(tmp_path / "sounds")
    assert len(find_sounds(tmp_path / "sounds")) == 24


def test_sounds_that_are_there_are_left_as_they_are(tmp_path: Path) -> None:
    mine = tmp_path / "mine.wav"
    mine.write_bytes(b"RIFF, or near enough")
    make_sounds(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.wav"]
    assert mine.read_bytes() == b"RIFF, or near enough"
