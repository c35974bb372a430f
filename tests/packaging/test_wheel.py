"""A wheel built from the repository runs from any folder, with its themes and stylesheets."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent


def run(*command: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `command` in `folder`, without anything that would let it find the repository."""
    hidden = ("PYTHONPATH", "DISTILL_RUNS", "VIRTUAL_ENV")
    clean = {key: value for key, value in os.environ.items() if key not in hidden}
    return subprocess.run(
        [str(word) for word in command], cwd=folder, env={**clean, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a virtual environment with the wheel; what it depends on comes from the one of the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    built = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, folder=REPOSITORY)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    (site_packages,) = environment.glob("lib/python*/site-packages")
    # A .pth line adds the folder alone: the .pth files in it, and so the repository, are not looked at.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    installed = run(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel,
        folder=folder,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    return environment / "bin"


def test_the_command_runs_from_any_folder(installed: Path, tmp_path: Path) -> None:
    version = run(installed / "distill-tui", "--version", folder=tmp_path)
    assert (version.returncode, version.stdout) == (0, "distill-tui 0.1.0\n")
    runs = run(installed / "distill-tui", "runs", folder=tmp_path)
    assert runs.returncode == 0
    assert "no runs" in runs.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_finds_torch_and_says_it_in_json(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "distill-tui", "doctor", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    findings = {finding["subject"]: finding for finding in json.loads(done.stdout)}
    assert findings["torch"]["verdict"] == "ok"
    assert findings["torchaudio"]["verdict"] == "ok"


def test_themes_stylesheets_and_types_come_along(installed: Path, tmp_path: Path) -> None:
    program = """
import core.models, distill_tui
from pathlib import Path
from distill_tui import theme
package = Path(distill_tui.__file__).parent
assert "site-packages" in package.parts, package
assert theme.themes_folder() == package / "themes"
print(len([theme.load(path) for path in theme.available().values()]))
print(len(list(package.glob("styles/*.tcss"))))
print((package / "py.typed").exists(), Path(core.models.__file__).with_suffix(".pyi").exists())
"""
    done = run(installed / "python", "-c", program, folder=tmp_path, XDG_CONFIG_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    themes, styles, typed = done.stdout.splitlines()
    assert int(themes) == len(list((REPOSITORY / "themes").glob("*.toml"))) >= 3
    assert int(styles) == len(list((REPOSITORY / "distill_tui" / "styles").glob("*.tcss"))) > 0
    assert typed == "True True"
