"""A file of the run from another host, in chunks that leave room for others between them."""

from collections import deque
from collections.abc import Callable
from itertools import islice

from core.run.link import LinkError
from core.run.links.folder import MAX_ARTIFACT_BYTES
from core.run.remote_failure import LineError
from core.run.remote_line import Pending
from core.run.remote_messages import CHUNK_BYTES, AnyRequest, Fetch

AHEAD = 4  # chunks that are asked for before the first has come: a slow line is kept busy, and others wait little
CHUNK_SECONDS = 30.0


def fetched(artifact: str, host: str, ask: Callable[[Callable[[int], AnyRequest]], Pending]) -> bytes:
    """The bytes of `artifact`, asked for with `ask`. Raises LinkError."""

    def ask_for(offset: int) -> Pending:
        return ask(lambda number: Fetch(number, artifact, offset))

    first, size = _chunk(ask_for(0), artifact, host)
    if size > MAX_ARTIFACT_BYTES:
        raise LinkError(f"{artifact!r}: larger than {MAX_ARTIFACT_BYTES >> 20} MiB; copy it from {host}")
    data = bytearray(first)
    offsets = iter(range(CHUNK_BYTES, size, CHUNK_BYTES))
    asked = deque(map(ask_for, islice(offsets, AHEAD)))
    while asked:
        chunk, now = _chunk(asked.popleft(), artifact, host)
        data += chunk
        if now != size:
            break
        asked.extend(map(ask_for, islice(offsets, 1)))
    if len(data) != size:
        raise LinkError(f"{artifact!r}: changed on {host} while it was copied; try again")
    return bytes(data)


def _chunk(pending: Pending, artifact: str, host: str) -> tuple[bytes, int]:
    """A chunk, and the size of the whole file."""
    if not pending.answered.wait(CHUNK_SECONDS):
        raise LinkError(f"{artifact!r}: {host} sends no more of it; try again")
    try:
        answer, payload = pending.result()
    except LineError as error:
        raise LinkError(f"{error}; try again when the line is back") from error
    if answer.error:
        raise LinkError(f"{host}: {answer.error}")
    return payload, answer.size
