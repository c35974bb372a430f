"""What a person may call a run, and what is said of a name that is none."""

from pathlib import Path

import pytest

from core.errors import UsageError
from distill_tui.cli import main
from distill_tui.session import Session, Watch
from distill_tui.targets import link_to
from tests.cli.web_runs import finished_run


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The runs folder, with `bells` and `12:30 bells` in it."""
    runs = tmp_path / "my runs"
    for name in ("bells", "12:30 bells"):
        finished_run(runs, name)
    monkeypatch.setenv("DISTILL_RUNS", str(runs))
    monkeypatch.chdir(tmp_path)
    return runs


@pytest.mark.parametrize("target", ["bells", "my runs/bells", "12:30 bells", "./my runs/12:30 bells"])
def test_a_run_is_reached_by_name_and_by_path(runs: Path, target: str) -> None:
    link = link_to(target)
    assert link.info().location == str(runs / Path(target).name)
    link.close()


def test_a_screen_on_a_name_shows_what_the_command_line_would(runs: Path) -> None:
    session = Session(Watch("bells"))
    assert session.open().info().location == str(runs / "bells")
    session.close()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("bels", "bels: no such run folder, nor a run in {runs}; did you mean bells?"),
        ("zzz", "zzz: no such run folder, nor a run in {runs}"),
        ("my runs/bells/config.toml", "a file, not a run folder"),
        ("ssh://box:24622/data/bells", "ssh://box:24622/data/bells: write HOST:PATH"),
    ],
)
def test_what_is_no_run_is_said_with_where_it_was_looked_for(
    runs: Path, target: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError) as caught:
        link_to(target)
    assert said.format(runs=runs) in str(caught.value)
    assert main(["watch", target]) == 2
    assert said.format(runs=runs) in capsys.readouterr().err
