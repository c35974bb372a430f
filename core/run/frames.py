"""Frames on a byte stream: a hello with the protocol's version, then lengths, a JSON header and raw bytes."""

import struct
import zlib
from dataclasses import dataclass
from functools import cache

from core.run.link import LinkError

PROTOCOL = 1
MAGIC = b"\0distill-tui\1"  # what ends like none of its beginnings, so that nothing before it can hide it
HELLO_BYTES = 64  # of protocol and program version, after the magic
NOISE_BYTES = 64 * 1024  # what a remote shell may print before the hello
MEBIBYTE = 2**20

_LENGTHS = struct.Struct("<BIII")  # flags; bytes of the header, of the payload, and of both as they are sent
_DEFLATED = 1
_TOO_SMALL = 48


class FrameError(LinkError):
    """The stream is not what this protocol says; the message is one line."""


class NoHelloError(FrameError):
    """Something else speaks: no hello came. `noise` is what came in its place."""

    def __init__(self, message: str, noise: bytes) -> None:
        super().__init__(message)
        self.noise = noise


@dataclass(frozen=True)
class Hello:
    """Which protocol the other side speaks, and which version of this program it is."""

    protocol: int
    version: str


@dataclass(frozen=True)
class Frame:
    """One message: `header` is JSON text, `payload` raw bytes (little-endian float32, or a file's)."""

    header: bytes
    payload: bytes = b""


@dataclass(frozen=True)
class Limits:
    """The most bytes that a frame may carry, once it is inflated."""

    header: int
    payload: int


TO_SERVER = Limits(256 * 1024, 0)
TO_CLIENT = Limits(32 * MEBIBYTE, 16 * MEBIBYTE)


def hello(version: str, protocol: int = PROTOCOL) -> bytes:
    """What each side sends first."""
    return MAGIC + f"{protocol} {version[:32]}\n".encode("ascii", "replace")


@cache
def own_version() -> str:
    """The version of this program."""
    from importlib.metadata import PackageNotFoundError, version  # 20 ms that only remote runs need

    try:
        return version("distill-tui")
    except PackageNotFoundError:
        return "of unknown version"


class FrameWriter:
    """Encodes the frames of one direction, in the order in which they are sent. Not for two threads at once.

    Frames share one deflate stream, so that field names which come again and again cost next to nothing; a frame that
    does not get smaller is sent as it is and stays out of the stream.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)

    def encode(self, frame: Frame) -> bytes:
        """The frame's bytes. Raises FrameError for one that the other side would refuse; nothing is sent then."""
        _check(len(frame.header), len(frame.payload), self._limits)
        body = frame.header + frame.payload
        flags = 0
        if len(body) > _TOO_SMALL:
            trial = self._deflate.copy()
            packed = trial.compress(body) + trial.flush(zlib.Z_SYNC_FLUSH)
            if len(packed) < len(body):
                self._deflate, body, flags = trial, packed, _DEFLATED
        return _LENGTHS.pack(flags, len(frame.header), len(frame.payload), len(body)) + body


class FrameReader:
    """Decodes one direction: `feed` it whatever came, in pieces of any size.

    `hello` is None until the other side's has come; what stands before it is skipped. After an error it is of no
    further use.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        self._buffer = bytearray()
        self.hello: Hello | None = None

    @property
    def unread(self) -> bytes:
        """What has come and is no whole hello or frame yet."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are whole now. Raises FrameError, NoHelloError before the hello."""
        self._buffer += data
        if self.hello is None:
            self.hello = self._find_hello()
            if self.hello is None or self.hello.protocol != PROTOCOL:
                return []  # another protocol's frames cannot be read; whoever looks at `hello` says so
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _find_hello(self) -> Hello | None:
        start = self._buffer.find(MAGIC)
        if start < 0:
            if len(self._buffer) > NOISE_BYTES:
                raise NoHelloError("no hello came", bytes(self._buffer))
            return None
        begin = start + len(MAGIC)
        end = self._buffer.find(b"\n", begin, begin + HELLO_BYTES)
        if end < 0:
            if len(self._buffer) - begin > HELLO_BYTES:
                raise NoHelloError("a hello came that cannot be read", bytes(self._buffer[start : begin + HELLO_BYTES]))
            return None
        line = bytes(self._buffer[begin:end])
        number, _, version = line.decode("ascii", "replace").partition(" ")
        if not (number.isascii() and number.isdigit()):
            raise NoHelloError("a hello came that cannot be read", line)
        del self._buffer[: end + 1]
        return Hello(int(number), version)

    def _next(self) -> Frame | None:
        if len(self._buffer) < _LENGTHS.size:
            return None
        flags, header, payload, length = _LENGTHS.unpack_from(self._buffer)
        if flags & ~_DEFLATED:
            raise FrameError(f"a frame came with unknown flags ({flags})")
        _check(header, payload, self._limits)
        # A deflate stream may grow a little; what is stored has exactly its length.
        if length > header + payload or (not flags and length != header + payload):
            raise FrameError(f"a frame came with lengths that do not agree ({header} + {payload}, {length})")
        stop = _LENGTHS.size + length
        if len(self._buffer) < stop:
            return None
        body = bytes(memoryview(self._buffer)[_LENGTHS.size : stop])
        del self._buffer[:stop]
        if flags:
            body = self._inflated(body, header + payload)
        return Frame(body[:header], body[header:])

    def _inflated(self, packed: bytes, length: int) -> bytes:
        try:
            body = self._inflate.decompress(packed, length + 1)
        except zlib.error as error:
            raise FrameError(f"a frame came that cannot be inflated ({error})") from error
        if len(body) != length or self._inflate.unconsumed_tail or self._inflate.eof:
            raise FrameError(f"a frame came that does not inflate to its length ({length})")
        return body


def _check(header: int, payload: int, limits: Limits) -> None:
    for what, length, most in (("header", header, limits.header), ("payload", payload, limits.payload)):
        if length > most:
            raise FrameError(f"a frame with a {what} of {length} bytes is beyond the {most} that are allowed")
