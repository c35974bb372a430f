"""`landscape` writes numbers and a picture into the run's folder, says what they mean, and leaves nothing by halves."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.insight.landscape_record import decode
from core.insight.landscape_words import LITTLE, STEEP_UPHILL
from distill_tui.cli import main
from distill_tui.commands.landscape import NICENESS, STOPPED

Capture = pytest.CaptureFixture[str]
SMALL = ["--points", "3"]


@pytest.fixture
def run(trained: Callable[[str], Path]) -> Path:
    return trained("sequence")


def test_it_writes_both_files_says_what_they_mean_and_touches_nothing_else(run: Path, capsys: Capture) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.parent.name != "landscape"}
    assert main(["landscape", str(run), *SMALL]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert told.out.splitlines()[0].split(":")[0] in {
        "flat", "gentle", "sharp", LITTLE, f"flat{STEEP_UPHILL}", f"gentle{STEEP_UPHILL}"
    }  # fmt: skip
    assert "best.pt" in told.out
    found = decode((run / "landscape" / "landscape.json").read_bytes(), "")
    assert found.surface is not None
    assert (found.run, found.checkpoint, len(found.surface.losses)) == ("tones", "best.pt", 3)
    assert found.surface.center == found.loss
    assert found.curvature is not None
    assert found.epsilon is not None
    assert (run / "landscape" / "landscape.png").read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in (run / "landscape").iterdir()} == {"landscape.json", "landscape.png"}
    after = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.parent.name != "landscape"}
    assert after == before
    assert main(["landscape", str(run), *SMALL]) == 0  # its own files are replaced


def test_a_line_and_a_way_and_json(run: Path, tmp_path: Path, capsys: Capture) -> None:
    assert (
        main(["landscape", str(run), "--one-d", *SMALL, "--json", "-o", str(tmp_path / "a"), "--term", "kl_loss"]) == 0
    )
    line = json.loads(capsys.readouterr().out)
    assert (line["term"], len(line["line"]["losses"]), line["surface"]) == ("kl_loss", 3, None)
    words = ["--checkpoint", "step-00000006", "--to", "latest", "--points", "5", "-o", str(tmp_path / "b")]
    steps = sorted(path.stem for path in (run / "checkpoints").glob("step-*.pt"))
    words[1] = steps[0]
    assert main(["landscape", str(run), *words]) == 0
    assert f"{steps[0]}.pt to {steps[-1]}.pt" in capsys.readouterr().out
    assert decode((tmp_path / "b" / "landscape.json").read_bytes(), "").path is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--points", "4"], "odd number"), (["--points", "x"], "whole number"), (["--span", "0"], "above 0"),
        (["--one-d", "--to", "latest"], "not allowed with"), (["--term", "nonsense"], "there are total_loss"),
        (["--checkpoint", "nothing"], "no such checkpoint"), (["--to", "nothing"], "no such checkpoint"),
    ],
)  # fmt: skip
def test_wrong_words_are_answered_in_a_line(words: list[str], said: str, run: Path, capsys: Capture) -> None:
    assert main(["landscape", str(run), *words]) == 2
    complaint = capsys.readouterr().err.splitlines()[0]
    assert complaint.startswith("distill-tui: ")
    assert said in complaint


def test_files_of_others_are_left_alone_before_any_work_is_done(run: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "landscape.png").write_bytes(b"\x89PNG\r\n\x1a\nmine")
    assert main(["landscape", str(run), "-o", str(tmp_path)]) == 2
    assert "not made by this program" in capsys.readouterr().err
    assert (tmp_path / "landscape.png").read_bytes().endswith(b"mine")
    (tmp_path / "file").touch()
    assert main(["landscape", str(run), "-o", str(tmp_path / "file")]) == 2
    assert "a file is there" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["/proc", "/proc/landscape", "/proc/version/landscape"])
def test_a_folder_that_cannot_be_written_to_is_said_in_a_line_before_any_work(
    place: str, run: Path, capsys: Capture
) -> None:
    # A term that is none is found out as soon as work begins.
    assert main(["landscape", str(run), *SMALL, "--one-d", "--term", "nonsense", "-o", place]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith(f"distill-tui: {place}: cannot be written (")
    assert "name another folder with -o" in complaint
    assert complaint.count("\n") == 1


def test_looking_whether_a_folder_can_be_written_leaves_nothing(run: Path, tmp_path: Path) -> None:
    assert main(["landscape", str(run), "--term", "nonsense", "-o", str(tmp_path / "a" / "b")]) == 2
    assert not list(tmp_path.iterdir())


def test_it_works_at_a_low_priority_and_ctrl_c_leaves_nothing_half_written_and_ends_in_one_line(
    run: Path, tmp_path: Path
) -> None:
    code = "import sys; from tests.cli.test_landscape import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "landscape", str(run), "--points", "201", "-o", str(tmp_path / "out")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while "libtorch" not in Path(f"/proc/{process.pid}/maps").read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2.5)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) >= NICENESS
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (STOPPED, "")
    assert err.splitlines()[-1] == "distill-tui: stopped; nothing was written"
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_the_priority_is_given_back(run: Path, tmp_path: Path) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    assert main(["landscape", str(run), *SMALL, "--one-d", "-o", str(tmp_path)]) == 0
    assert os.getpriority(os.PRIO_PROCESS, 0) == before or os.geteuid() != 0
