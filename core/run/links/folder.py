"""The link to a run that another process trains: only the run folder is shared."""

import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from core.run.command_lines import command_line
from core.run.commands import Command
from core.run.events import Stored
from core.run.folder import RunFolder, RunFolderError
from core.run.link import LinkError, RunInfo, Series
from core.run.reader import RunReader

MAX_ARTIFACT_BYTES = 64 * 2**20
FULL_DISK_BYTES = 2**20
OUT_OF_SIGHT = "is out of sight"


class FolderLink:
    """A `RunLink` over a run folder on this machine."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._reader = RunReader(folder.store_path)
        self._config: dict[str, Any] = {}
        self._live = False

    @property
    def trouble(self) -> str | None:
        """As `RunLink.trouble`: the folder is out of sight, the trainer was killed, or has no room to write."""
        if not self.reachable:
            return f"{self._folder.path}: {OUT_OF_SIGHT}; what is shown is what was read last"
        if self._is_live():
            full = shutil.disk_usage(self._folder.path).free < FULL_DISK_BYTES
            return f"{self._folder.path}: the disk is full; free some space" if full else None
        try:
            heard = self._reader.left_open()
        except LinkError as error:
            return str(error)
        if heard is None or self._is_live():
            return None
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(heard))
        return f"the trainer is gone since {since}; resume with: {self._resume_command()}"

    @property
    def reachable(self) -> bool:
        """Whether the folder can be looked at: not while it is moved about, or its file server is away."""
        try:
            return self._folder.path.is_dir()
        except OSError:
            return False

    def info(self) -> RunInfo:
        """As `RunLink.info`. Of a config that cannot be read any more the last is shown."""
        with suppress(RunFolderError):
            self._config = self._folder.config() or self._config
        path = str(self._folder.path)
        return RunInfo(self._folder.name, path, self._config, live=self._is_live(), local_folder=path)

    def read(self, after: int = 0) -> list[Stored]:
        """As `RunLink.read`."""
        return self._reader.read(after)

    def series(self, term: str, lo: int = 0, hi: int | None = None, width: int = 100) -> Series:
        """As `RunLink.series`."""
        return self._reader.series(term, lo, hi, width)

    def expect(self, curves: Iterable[tuple[str, int, int | None, int]]) -> None:
        """As `RunLink.expect`: a folder has every curve at hand."""

    def send(self, command: Command) -> int:
        """As `RunLink.send`."""
        if not self.reachable:
            raise LinkError(f"{self._folder.path}: {OUT_OF_SIGHT}; ask again when it is back")
        if not self._is_live():
            raise LinkError(f"{self._folder.name}: no trainer is at work; resume with: {self._resume_command()}")
        return self._reader.send(command)

    def fetch(self, artifact: str) -> bytes:
        """As `RunLink.fetch`; at most 64 MiB, and nothing of the store itself."""
        try:
            root = self._folder.path.resolve()
            path = (root / artifact).resolve(strict=True)
            # Opening the store as a plain file would drop SQLite's locks on it, were the trainer in this process.
            allowed = path.is_relative_to(root) and path.is_file() and not path.name.startswith("run.sqlite")
            if not allowed:
                raise LinkError(f"{artifact!r}: not a file of this run")
            with path.open("rb") as file:
                data = file.read(MAX_ARTIFACT_BYTES + 1)
        except (OSError, ValueError) as error:
            raise LinkError(f"{artifact!r}: not a file of this run ({error})") from error
        if len(data) > MAX_ARTIFACT_BYTES:
            raise LinkError(f"{artifact!r}: larger than {MAX_ARTIFACT_BYTES >> 20} MiB; copy it from {root}")
        return data

    def close(self) -> None:
        """As `RunLink.close`."""
        self._reader.close()

    def _is_live(self) -> bool:
        """Whether a trainer holds the run; as last seen while the folder is out of sight, which says nothing of it."""
        if self.reachable:
            live = self._folder.is_live()
            if self.reachable:  # still
                self._live = live
        return self._live

    def _resume_command(self) -> str:
        return command_line("resume", self._folder.path)
