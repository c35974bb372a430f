"""`distill-tui report`: where the page goes, what it never replaces, and what is wrong in one line."""

import argparse
from pathlib import Path

import pytest

from distill_tui.commands import report
from distill_tui.errors import CommandError
from tests.cli.web_runs import finished_run


def run(*words: str) -> int:
    parser = argparse.ArgumentParser(exit_on_error=False)
    report.add_arguments(parser)
    return report.run(parser.parse_args([*words]))


def test_the_page_is_written_here_and_named_after_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = finished_run(tmp_path, "my bells")
    monkeypatch.chdir(tmp_path)
    assert run(str(folder.path)) == 0
    page = (tmp_path / "my-bells-report.html").read_text(encoding="utf-8")
    assert page.count("data:audio/flac") == 3
    assert "Finished at epoch 1, step 30" in page
    assert capsys.readouterr().out.startswith("my-bells-report.html  0.1 MB, 3 sounds")


def test_an_earlier_report_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    folder = finished_run(tmp_path)
    page, own = tmp_path / "deep" / "page.html", tmp_path / "thesis.html"
    assert run(str(folder.path), "-o", str(page)) == 0
    page.write_bytes(page.read_bytes()[:3000])
    assert run(str(folder.path), "-o", str(page)) == 0
    assert page.stat().st_size > 3000
    own.write_text("<h1>My thesis</h1>")
    with pytest.raises(CommandError, match=r"thesis\.html: is there already and is no report"):
        run(str(folder.path), "-o", str(own))
    assert own.read_text() == "<h1>My thesis</h1>"
    for place in (tmp_path, tmp_path / "new"):
        assert run(str(folder.path), "-o", f"{place}/") == 0
        assert (place / "bells-report.html").is_file()


@pytest.mark.parametrize("size", ["0", "0.5", "nan", "inf", "much"])
def test_a_size_that_is_none_is_refused(tmp_path: Path, size: str) -> None:
    with pytest.raises((argparse.ArgumentError, SystemExit)):
        run(str(tmp_path), "--max-mb", size)


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no such run folder"):
        run(str(tmp_path / "nothing"))
    with pytest.raises(CommandError, match="-o: no file is named"):
        run(str(finished_run(tmp_path).path), "-o", "")
