"""What must start fast imports nothing slow, and the engine knows nothing of the screen."""

import json
import subprocess
import sys

import pytest

from distill_tui.cli import COMMANDS

SLOW = ("torch", "torchaudio", "auraloss", "numpy", "soundfile")

FAST_CORE = [
    "core",
    "core.run.events",
    "core.run.commands",
    "core.run.state",
    "core.run.link",
    "core.run.folder",
    "core.run.store",
    "core.run.raw_steps",
    "core.training.traverse",
    "core.run.replay",
    "core.export.csv_tables",
    "core.export.json_document",
    "core.insight.landscape_record",
    "core.run.reader",
    "core.run.links",
    "core.run.links.thread",
    "core.run.links.folder",
    "core.run.links.ssh",
    "core.run.serve",
    "core.run.remote_runs",
    "core.training",
    "core.training.live",
    "core.training.differences",
    "core.run.query",
    "core.run.shelf",
    "core.training.config",
    "core.training.config_file",
    "core.training.presets",
    "core.training.schedules",
    "core.training.metrics",
    "core.training.runner",
    "core.insight.detectors",
    "core.audio.files",
    "core.audio.split",
    "core.audio.survey",
    "core.folders",
    "core.losses.framework_terms",
    "core.losses.kl_schedule",
    "core.midi.vocabulary",
    "core.midi.tokens",
    "core.midi.files",
    "core.training.kinds",
]

COMMAND_LINE = ["distill_tui.cli", "distill_tui.commands.home", *(f"distill_tui.commands.{name}" for name in COMMANDS)]

SCREEN = ["distill_tui.app", "distill_tui.session", "distill_tui.player", "distill_tui.headless", "distill_tui.doctor"]


def imported_by(modules: list[str]) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after importing `modules`."""
    program = (
        f"import json, sys, {', '.join(modules)}\nprint(json.dumps([name.partition('.')[0] for name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("module", FAST_CORE)
def test_the_fast_part_of_the_engine_imports_nothing_slow_and_no_screen(module: str) -> None:
    assert not imported_by([module]) & {*SLOW, "textual", "rich", "distill_tui"}


def test_the_command_line_imports_neither_torch_nor_the_screen() -> None:
    assert not imported_by(COMMAND_LINE) & {*SLOW, "textual", "rich"}


def test_the_screen_imports_nothing_slow() -> None:
    loaded = imported_by(SCREEN)
    assert "textual" in loaded
    assert not loaded & set(SLOW)


def test_the_whole_engine_knows_no_screen() -> None:
    program = ["core.audio.recipe", "core.training.train", "core.models", "core.losses", "core.insight.detectors"]
    loaded = imported_by(program)
    assert "torch" in loaded
    assert not loaded & {"textual", "distill_tui", "sounddevice"}
