"""The demo makes sounds, trains on them, and says where to listen and how to go on."""

from pathlib import Path

import pytest

from distill_tui.cli import main


def test_the_demo_trains_on_its_own_sounds_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISTILL_RUNS", raising=False)
    assert main(["demo", "--headless", "--epochs", "1"]) == 0
    said = capsys.readouterr().out
    assert "finished, epoch 1" in said
    assert "distill-tui train FOLDER" in said
    assert len(list((tmp_path / "demo" / "sounds").glob("*.wav"))) == 24
    assert list((tmp_path / "runs" / "demo" / "previews").glob("*.wav"))
    assert str(tmp_path / "runs" / "demo") in said


def test_sounds_that_are_there_are_left_as_they_are(tmp_path: Path) -> None:
    from distill_tui.commands.demo import make_sounds

    mine = tmp_path / "mine.wav"
    mine.write_bytes(b"RIFF, or near enough")
    make_sounds(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.wav"]
    assert mine.read_bytes() == b"RIFF, or near enough"
