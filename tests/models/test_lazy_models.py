"""The packages' public names are there, and cost no torch until one is used."""

import subprocess
import sys

import pytest

import core.insight
import core.losses
import core.models

HEAVY = ("torch", "torchaudio", "auraloss", "numpy")


@pytest.mark.parametrize("package", [core.models, core.losses, core.insight])
def test_every_public_name_resolves(package: object) -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None


@pytest.mark.parametrize(
    "module", ["core.models", "core.losses", "core.insight", "core.insight.detectors", "core.training.schedules"]
)
def test_importing_it_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert loaded == []
