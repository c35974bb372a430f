"""A trainer killed with SIGKILL at random moments loses no committed event, and ends as if nothing had happened."""

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from core.run.event_json import encode, kind_of
from core.run.folder import RunFolder
from core.run.links.folder import FolderLink
from core.training.checkpoint_files import find_checkpoint
from core.training.checkpoints import load_checkpoint
from core.training.config_file import dump_config, load_config
from tests.training.conftest import TINY
from tests.training.test_resume import same

KILLS = 20
pytestmark = pytest.mark.skipif(not hasattr(__import__("os"), "pidfd_open"), reason="needs Linux (pidfd_open)")


def test_twenty_kills_lose_nothing(tmp_path: Path, tones: Path) -> None:
    config, _ = load_config(None, [], {"data.path": str(tones), **TINY, "epochs": 40, "preview.every": 10})
    whole, cut = (RunFolder.create(tmp_path / "runs", name) for name in ("whole", "cut"))
    for folder in (whole, cut):
        folder.config_path.write_text(dump_config(config))
    acknowledged = tmp_path / "acknowledged"
    moments = random.Random(7)
    kills = 0
    with subprocess.Popen(
        [sys.executable, "-m", "tests.training.zygote"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as zygote:

        def trial(folder: RunFolder, kill_after: float) -> str:
            log = str(acknowledged) if folder is cut else "/dev/null"
            request = {"folder": str(folder.path), "kill_after": kill_after, "acknowledged": log}
            assert zygote.stdin is not None
            assert zygote.stdout is not None
            print(json.dumps(request), file=zygote.stdin, flush=True)
            return zygote.stdout.readline().strip()

        assert trial(whole, 120) == "ended"
        expected = load_checkpoint(find_checkpoint(whole, "latest"))
        while kills < KILLS:
            outcome = trial(cut, moments.uniform(0.05, 0.45))
            assert outcome != "failed", (cut.path / "run.log").read_text()
            kills += outcome == "killed"
            everything_is_there(cut, acknowledged)
        assert trial(cut, 120) == "ended"
    same(load_checkpoint(find_checkpoint(cut, "latest")), expected)


def everything_is_there(folder: RunFolder, acknowledged: Path) -> None:
    """Every checkpoint loads, and every event that was acknowledged is in the store, as often as it was."""
    for path in folder.checkpoints.glob("*.pt"):
        load_checkpoint(path)
    if not acknowledged.exists():
        return
    link = FolderLink(folder)
    stored: Counter[Any] = Counter(f"{kind_of(s.event)} {encode(s.event).decode()}" for s in link.read())
    link.close()
    missing = Counter(acknowledged.read_text().splitlines()) - stored
    assert not missing
