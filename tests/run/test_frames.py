"""Frames: what is sent comes out, in pieces of any size; whatever else comes is one clear line, soon."""

import random
import struct
import zlib
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.run.frames import (
    MAGIC,
    NOISE_BYTES,
    PROTOCOL,
    Frame,
    FrameError,
    FrameReader,
    FrameWriter,
    Limits,
    NoHelloError,
    hello,
)
from core.run.link import LinkError
from core.run.remote_messages import answer_of, request_of

LIMITS = Limits(10_000, 100_000)
FRAMES = st.lists(
    st.builds(
        Frame,
        st.binary(max_size=200) | st.sampled_from([b'{"id":1,"terms":{"stft_loss":0.25}}' * 8]),
        st.binary(max_size=2000) | st.integers(0, 1000).map(bytes),
    ),
    max_size=8,
)


def sent(frames: list[Frame]) -> bytes:
    writer = FrameWriter(LIMITS)
    return hello("1.2.3") + b"".join(map(writer.encode, frames))


@given(FRAMES, st.binary(max_size=300).filter(lambda noise: MAGIC not in noise), st.lists(st.integers(0, 20_000)))
def test_what_is_sent_comes_out_whatever_the_pieces(frames: list[Frame], noise: bytes, cuts: list[int]) -> None:
    stream = noise + sent(frames)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reader = FrameReader(LIMITS)
    got = [frame for start, stop in pairwise(places) for frame in reader.feed(stream[start:stop])]
    assert got == frames
    assert reader.hello is not None
    assert (reader.hello.protocol, reader.hello.version) == (PROTOCOL, "1.2.3")
    assert reader.unread == b""


def told(act: Callable[..., object], *given: object) -> str:
    """What is said when it fails as it may; anything else fails the test."""
    try:
        act(*given)
    except LinkError as error:
        return str(error)
    return ""


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_frames_or_one_clear_line(data: bytes, greeted: bool) -> None:
    frames: list[Frame] = []
    reader = FrameReader(LIMITS)
    lines = [told(lambda: frames.extend(reader.feed((hello("1") if greeted else b"") + data)))]
    lines += [told(decode, frame) for frame in frames for decode in (answer_of, request_of)]
    assert not any("\n" in line for line in lines)


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_any_frame_is_a_message_or_one_clear_line(header: bytes, payload: bytes) -> None:
    for text in (header, b'{"do":"read","id":' + header, b'{"id":1,"events":[' + header):
        for decode in (answer_of, request_of):
            assert "\n" not in told(decode, Frame(text, payload))


@settings(max_examples=300)
@given(FRAMES.filter(bool), st.data())
def test_one_wrong_byte_does_no_more_than_end_the_stream(frames: list[Frame], data: st.DataObject) -> None:
    stream = bytearray(sent(frames))
    stream[data.draw(st.integers(0, len(stream) - 1))] ^= data.draw(st.integers(1, 255))
    assert "\n" not in told(FrameReader(LIMITS).feed, bytes(stream))


def test_field_names_that_come_again_cost_next_to_nothing() -> None:
    writer = FrameWriter(LIMITS)
    header = b'{"train_loss":%d,"stft_loss":%d,"learning_rate":%d,"total_steps":1000000,"elapsed_s":%d}'
    lengths = [len(writer.encode(Frame(header % (i, i + 1, i + 2, i + 3)))) for i in range(1000, 1100)]
    assert max(lengths[10:]) < len(header) * 0.6


def test_what_does_not_get_smaller_is_sent_as_it_is() -> None:
    payload = random.Random(1).randbytes(50_000)
    assert payload in FrameWriter(LIMITS).encode(Frame(b"{}", payload))


@pytest.mark.parametrize("frame", [Frame(bytes(10_001)), Frame(b"", bytes(100_001))])
def test_a_frame_beyond_the_limits_is_refused_before_it_is_sent_and_before_it_is_read(frame: Frame) -> None:
    writer = FrameWriter(LIMITS)
    with pytest.raises(FrameError, match="are allowed"):
        writer.encode(frame)
    large = FrameWriter(Limits(10**6, 10**6)).encode(frame)
    reader = FrameReader(LIMITS)
    reader.feed(hello("1"))
    with pytest.raises(FrameError, match="are allowed"):
        reader.feed(large[:13])  # its lengths alone: nothing waits for the rest
    assert FrameReader(LIMITS).feed(hello("1") + writer.encode(Frame(b"{}"))) == [Frame(b"{}")]


def test_a_bomb_is_not_inflated() -> None:
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(bytes(50 * 2**20)) + packer.flush(zlib.Z_SYNC_FLUSH)
    reader = FrameReader(LIMITS)
    with pytest.raises(FrameError, match="does not inflate to its length"):
        reader.feed(hello("1") + struct.pack("<BIII", 1, 0, 100_000, len(bomb)) + bomb)


class TestHello:
    def test_a_motd_before_it_is_skipped(self) -> None:
        reader = FrameReader(LIMITS)
        assert reader.feed(b"Welcome to box\r\n\0\xff distill-tui" + sent([Frame(b"{}")])) == [Frame(b"{}")]

    def test_noise_without_an_end_is_given_up_on_and_quoted(self) -> None:
        with pytest.raises(NoHelloError) as caught:
            FrameReader(LIMITS).feed(b"y\n" * NOISE_BYTES)
        assert caught.value.noise.startswith(b"y\ny\n")

    def test_another_protocol_is_told_and_its_frames_are_left_alone(self) -> None:
        reader = FrameReader(LIMITS)
        assert reader.feed(hello("9.0", protocol=7) + b"\xff" * 100) == []
        assert reader.hello is not None
        assert (reader.hello.protocol, reader.hello.version) == (7, "9.0")

    @pytest.mark.parametrize("line", [b"\n", b"one 1.0\n", b"-1 x\n", b"x" * 100])
    def test_one_that_makes_no_sense_is_refused(self, line: bytes) -> None:
        with pytest.raises(NoHelloError, match="cannot be read"):
            FrameReader(LIMITS).feed(MAGIC + line)
