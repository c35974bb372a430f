"""`inspect` tells what a checkpoint holds, and refuses in one line what is none."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from distill_tui.cli import main

WITHOUT_TORCH = (
    "import sys; sys.modules['torch'] = None; from distill_tui.cli import main; sys.exit(main(sys.argv[1:]))"
)


def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "step-00000001.pt"
    path.write_bytes(b"not a checkpoint at all")
    assert main(["inspect", str(path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert path.name in told.err


def test_the_readable_summary_is_enough_where_torch_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "step-00000007.pt"
    path.write_bytes(b"weights")
    path.with_suffix(".json").write_text(json.dumps({"step": 7, "val_loss": 0.5}))
    command = [sys.executable, "-c", WITHOUT_TORCH, "inspect", str(path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout)
    assert (facts["step"], facts["val_loss"]) == (7, 0.5)
    assert "not looked at" in facts["weights"]


def test_what_may_not_be_looked_at_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", 300 * "x"]) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert "cannot be read (File name too long)" in told
