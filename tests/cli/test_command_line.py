"""A wrong command line is answered with one line, a hint and exit status 2, before anything is made."""

import json
import re
from pathlib import Path

import pytest

from distill_tui.cli import COMMANDS, command_parser, load_command, main


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISTILL_RUNS", raising=False)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"distill-tui \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_help_lists_every_command_and_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    for name, summary in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(summary)}$", said, re.MULTILINE)
    assert "75 preempted" in said


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_its_options(name: str) -> None:
    said = command_parser(name, load_command(name)).format_help()
    assert COMMANDS[name][1:] in " ".join(said.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trian"], "trian is not a command; did you mean train?"),
        (["xyzzy"], "xyzzy is not a command"),
        (["--verison"], "--verison is not understood; did you mean --version?"),
        (["train", ".", "--epoch", "3"], "--epoch is not understood; did you mean --epochs?"),
        (["train", ".", "--sed=3"], "did you mean --seed?"),
        (["train", ".", "--epochs", "many"], "--epochs"),
        (["train", ".", "--preset", "bold"], "--preset"),
        (["train"], "no folder of sounds"),
        (["train", "nowhere"], "no such folder"),
        (["train", "."], "no files in it"),
        (["train", ".", "--set", "loss.stft.wieght=2"], "did you mean loss.stft.weight?"),
        (["train", ".", "--epochs", "-1"], "epochs = -1"),
        (["train", ".", "--config", "nowhere.toml"], "nowhere.toml: cannot be read as a config"),
        (["resume", "bells"], "bells: no such run folder"),
        (["watch", "nowhere"], "nowhere: no such run folder"),
        (["watch", "a b:runs/bells"], "not a host's name"),
        (["watch", "."], "not a run folder"),
        (["save", "."], "not a run folder"),
        (["stop", "bells"], "bells: no such run folder"),
        (["stop"], "RUN"),
        (["runs", "nowhere"], "nowhere: no such folder"),
        (["inspect", "nowhere.pt"], "no such file"),
        ([], "needs a terminal"),
        (["train", "evil\x1b[31m\nname"], "no such folder"),
    ],
)
def test_wrong_usage_is_status_2_and_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    first, *hint = told.err.splitlines()
    assert first.startswith("distill-tui: ")
    assert said in first
    assert all(line.startswith("  try: ") for line in hint)
    assert len(hint) <= 1
    assert told.err.replace("\n", "").isprintable()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_instead_of_a_command_gets_the_command_to_type(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sounds").mkdir()
    assert main(["sounds"]) == 2
    assert "distill-tui train sounds" in capsys.readouterr().err


def test_one_sound_alone_cannot_be_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kick.wav").write_bytes(b"RIFF")
    assert main(["train", "."]) == 2
    assert "2 are the least" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["kick.wav"]


def test_without_runs_the_list_is_empty_and_says_how_to_start(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    assert "distill-tui train" in capsys.readouterr().out
    assert main(["runs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
