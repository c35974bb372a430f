"""What libraries write to descriptor 2 stays off the screen, and a screen that fails does not take the run along."""

import os
import pty
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]

NOISY = """
import os, threading
from distill_tui.app import Watch, run_app
from tests.fakes import FakeLink
threading.Timer(1.0, os.write, [2, b"library noise"]).start()
threading.Timer(2.0, os.kill, [os.getpid(), 15]).start()
raise SystemExit(run_app(Watch(FakeLink(steps=50))))
"""

FAILING = """
import sys
from pathlib import Path
from core.training.config_file import load_config
from distill_tui import app as module
from distill_tui.app import Train, run_app

def broken(self):
    if self.session.runner is not None and self.session.runner.alive and self.dashboard.state.step:
        raise RuntimeError("a widget went wrong")

settled = module.DistillApp._settled
module.DistillApp._settled = lambda self: (settled(self), self.set_interval(0.1, lambda: broken(self)))
from tests.training.conftest import TINY, write_tones
data = write_tones(Path(sys.argv[1]) / "tones")
config, given = load_config(None, [], {"data.path": str(data), **TINY, "epochs": 100000, "checkpoint.every": 100000,
                                       "preview.every": 100000})
raise SystemExit(run_app(Train(config, given, Path(sys.argv[1]) / "runs")))
"""


def on_a_terminal(script: str, *arguments: str) -> tuple[int, str]:
    """The exit status and everything that a real terminal received."""
    master, slave = pty.openpty()
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "LANG": "C.UTF-8", "COLUMNS": "100",
               "LINES": "30"}  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        stdin=slave, stdout=slave, stderr=slave, env=environ, cwd=ROOT, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    shown = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(master)
    return process.wait(60), shown.decode(errors="replace")


def test_noise_on_descriptor_2_comes_after_the_screen_not_on_it() -> None:
    status, shown = on_a_terminal(NOISY)
    assert status == 0
    assert shown.count("library noise") == 1
    assert shown.index("library noise") > shown.index("\x1b[?1049l")


def test_a_screen_that_fails_leaves_a_saved_run(tmp_path: Path) -> None:
    from core.run.folder import RunFolder
    from core.training.checkpoint_files import list_checkpoints

    status, shown = on_a_terminal(FAILING, str(tmp_path))
    (run,) = (tmp_path / "runs").iterdir()
    newest = list_checkpoints(RunFolder.open(run))[-1]
    assert status == 1
    assert "a widget went wrong" in shown
    assert f"saved at step {newest.step}" in shown
    assert newest.step > 0
