"""A real ssh server on loopback: throwaway keys, its own config, started here and stopped by its own pid.

`Sshd.at(folder)` gives one, or a skip that says why (in CI a failure). `environ` is what leads `distill-tui` to it.
"""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

START_SECONDS = 10.0
HOST = "box"  # a name of the client's config only
SERVE = f"{sys.executable} -m distill_tui"


@dataclass
class Sshd:
    """A running server; `folder` holds its keys, configs and log."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"

    @classmethod
    def at(cls, folder: Path) -> "Sshd":
        """Start one with everything that it needs in `folder`."""
        program = _program()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("host_key", "user_key"):
            keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "throwaway", "-f", str(folder / name)]
            subprocess.run(keygen, check=True, timeout=30)
        port = _free_port()
        (folder / "sshd_config").write_text(_SERVER.format(folder=folder, port=port))
        (folder / "ssh_config").write_text(_CLIENT.format(folder=folder, port=port, host=HOST, user=getpass.getuser()))
        key = (folder / "host_key.pub").read_text()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd of root refuses to start without it
        server = cls(folder, port, _start(program, folder))
        server._wait()
        return server

    @property
    def environ(self) -> dict[str, str]:
        """How the link reaches this server and this very program behind it."""
        return {"DISTILL_SSH": f"ssh -F {self.folder / 'ssh_config'}", "DISTILL_REMOTE": SERVE}

    @property
    def log(self) -> str:
        """What the server has to say."""
        return (self.folder / "sshd.log").read_text(errors="replace")

    def stop(self) -> None:
        """End the listening server; connections that are open stay."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
            return
        self.process.kill()
        self.process.wait(5)

    def start_again(self) -> None:
        """Listen on the same port as before."""
        self.process = _start(_program(), self.folder)
        self._wait()

    def sessions(self) -> list[psutil.Process]:
        """The server's processes behind each connection."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        pytest.fail(f"sshd did not start: {self.log}")


_SERVER = """\
ListenAddress 127.0.0.1
Port {port}
HostKey "{folder}/host_key"
PidFile "{folder}/sshd.pid"
AuthorizedKeysFile "{folder}/user_key.pub"
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
MaxStartups 100
MaxSessions 100
"""

_CLIENT = """\
Host {host}
    HostName 127.0.0.1
    Port {port}
    User {user}
    IdentityFile "{folder}/user_key"
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile "{folder}/known_hosts"
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
"""


def _program() -> str:
    found = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    missing = next((name for name in ("ssh", "ssh-keygen") if shutil.which(name) is None), None)
    if found and not missing:
        return found  # sshd insists on being called by its whole path
    if os.environ.get("CI"):
        pytest.fail(f"{missing or 'sshd'} is missing, and .ci/run should have installed openssh-server")
    pytest.skip(f"{missing or 'sshd'} is not installed; Debian: apt install openssh-server")


def _start(program: str, folder: Path) -> "subprocess.Popen[bytes]":
    command = [program, "-D", "-f", str(folder / "sshd_config"), "-E", str(folder / "sshd.log")]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
