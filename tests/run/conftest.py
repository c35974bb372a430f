"""What the tests of links share: a real sshd, and a run that goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_trainer import FakeTrainer, wait_until
from sshd import Sshd

from core.run.commands import Stop
from core.run.folder import RunFolder
from core.run.links.folder import FolderLink


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A real sshd on loopback; skips where there is none."""
    started = Sshd.at(tmp_path_factory.mktemp("sshd"))
    yield started
    started.stop()


@pytest.fixture
def sshd(ssh_server: Sshd, monkeypatch: pytest.MonkeyPatch) -> Sshd:
    """The sshd, and an environment in which the link finds it."""
    for name, value in ssh_server.environ.items():
        monkeypatch.setenv(name, value)
    return ssh_server


@pytest.fixture
def live(tmp_path: Path) -> Iterator[RunFolder]:
    """A run that a thread trains until the test is over."""
    folder = RunFolder.create(tmp_path, "bells")
    folder.config_path.write_text('recipe = "audio"\n')
    trainer = FakeTrainer(folder)
    trainer.start()
    wait_until(folder.store_path.exists)
    yield folder
    FolderLink(folder).send(Stop())
    trainer.join()
