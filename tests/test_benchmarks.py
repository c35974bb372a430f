"""The benchmarks' command lines refuse in one line what they cannot do."""

import subprocess
import sys
from pathlib import Path

import pytest

SOUND = Path(__file__).parent.parent / "benchmarks" / "sound.py"


@pytest.mark.parametrize("files", ["0", "²", "5,0", "-1", "", "5,,20", "some"])
def test_so_many_files_can_be_trained_on_or_not(files: str, tmp_path: Path) -> None:
    command = [sys.executable, str(SOUND), str(tmp_path), f"--files={files}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "--files" in line
