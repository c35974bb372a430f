"""distill-tui in processes of their own that need not load torch: forked from one that has, and that does no more.

`WarmServer` starts that one; `WarmPopen` is a `subprocess.Popen` whose process it forks. What a process is at its start
(words, environment, folder, files, signals) is its own, and its end is the interpreter's.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

MESSAGE_BYTES = 65536


class WarmServer:
    """The process that forks; everything that it forked ends with it."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.cli.warm", str(theirs.fileno())], pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[2],
            )  # fmt: skip
        self._ended: dict[int, int] = {}

    def start(self, request: dict[str, Any], files: list[int]) -> int:
        """Fork a process with these files as its first three; returns its number."""
        socket.send_fds(self.socket, [json.dumps(request).encode()], files)
        while "started" not in (message := self._receive()):
            pass
        return int(message["started"])

    def status(self, pid: int, *, wait: bool) -> int | None:
        """The wait status of a process that has ended; None for one that has not."""
        while pid not in self._ended and (wait or select.select([self.socket], [], [], 0)[0]):
            self._receive()
        return self._ended.get(pid)

    def close(self) -> None:
        """End it, and what it forked."""
        self.socket.close()
        self._process.wait(10)

    def _receive(self) -> dict[str, int]:
        data = self.socket.recv(MESSAGE_BYTES)
        assert data, "the warm process has ended"
        message: dict[str, int] = json.loads(data)
        if "ended" in message:
            self._ended[message["ended"]] = message["status"]
        return message


class WarmPopen(subprocess.Popen[str]):
    """As `subprocess.Popen` of distill-tui with `words`. `hangup` is what SIGHUP does to it at its start."""

    def __init__(
        self, server: WarmServer, words: list[str], *, hangup: signal.Handlers = signal.SIG_DFL, **options: Any
    ) -> None:
        self._server, self._hangup = server, hangup
        super().__init__(words, **options)

    def _execute_child(self, *arguments: Any) -> None:  # where Popen forks and executes
        words, cwd, environ = arguments[0], arguments[5], arguments[6]
        request = {"words": words, "cwd": str(cwd), "environ": dict(environ), "hangup": int(self._hangup)}
        files = [arguments[10], arguments[13], arguments[15]]
        self.pid = self._server.start(request, files)
        self._child_created = True
        for descriptor in files:
            os.close(descriptor)

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:  # and where it asks without waiting
        if self.returncode is None and self._try_wait(os.WNOHANG)[0]:
            self._handle_exitstatus(self._try_wait(os.WNOHANG)[1])  # type: ignore[attr-defined]
        return self.returncode

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:  # where Popen asks for the status of its own child
        status = self._server.status(self.pid, wait=not wait_flags & os.WNOHANG)
        return (0, 0) if status is None else (self.pid, status)


def serve(channel: socket.socket) -> dict[str, Any] | None:
    """Fork for each request and tell of ends. Returns its request in each fork, and None in the server at the end."""
    children: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([channel, *children], [], [])
        for handle in set(ready) & children.keys():
            pid = children.pop(handle)
            os.close(handle)
            channel.send(json.dumps({"ended": pid, "status": os.waitpid(pid, 0)[1]}).encode())
        if channel not in ready:
            continue
        data, files, _, _ = socket.recv_fds(channel, MESSAGE_BYTES, 3)
        if not data:
            for pid in children.values():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return None
        pid = os.fork()
        if pid == 0:
            channel.close()
            for handle in children:
                os.close(handle)
            for number, descriptor in enumerate(files):
                os.dup2(descriptor, number)
                os.close(descriptor)
            request: dict[str, Any] = json.loads(data)
            return request
        for descriptor in files:
            os.close(descriptor)
        children[os.pidfd_open(pid)] = pid
        channel.send(json.dumps({"started": pid}).encode())


def become(request: dict[str, Any]) -> list[str]:
    """Take on what the process is to have; returns the words of its command line."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environ"])
    signal.signal(signal.SIGHUP, signal.Handlers(request["hangup"]))
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    words: list[str] = request["words"]
    sys.argv = ["distill-tui", *words]
    return words


if __name__ == "__main__":
    import torch

    import core.training.runner
    import core.training.train  # noqa: F401 - loaded before the forks
    from core.audio.recipe import AudioRecipe  # noqa: F401
    from distill_tui.cli import main

    torch.optim.AdamW([torch.zeros(1, requires_grad=True)])  # imports much
    asked = serve(socket.socket(fileno=int(sys.argv[1])))
    sys.exit(main(become(asked)) if asked is not None else 0)
