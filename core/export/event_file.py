"""TensorBoard's event file, written record by record."""

import io
import struct
import wave
from collections.abc import Mapping
from typing import BinaryIO

from core.export.extras import needed

EXTRA = "tensorboard"


class EventFile:
    """Events appended to `file`, with their own wall clocks in seconds since 1970.

    The messages are tensorboardX's. Its own writer takes a path and a thread and gives each value a record of its own;
    here a step's values share one. Raises ExportError where tensorboardX is missing.
    """

    def __init__(self, file: BinaryIO, began: float) -> None:
        self._file = file
        self._summary = needed("tensorboardX.summary", EXTRA)
        self._messages = needed("tensorboardX.proto.summary_pb2", EXTRA)
        self._event = needed("tensorboardX.proto.event_pb2", EXTRA).Event
        self._checksum = needed("tensorboardX.record_writer", EXTRA).masked_crc32c
        self._append(self._event(wall_time=began, file_version="brain.Event:2").SerializeToString())

    def scalars(self, step: int, time: float, values: Mapping[str, float]) -> None:
        """All values of one step, by their tags."""
        value = self._messages.Summary.Value
        self._add(
            step, time, self._messages.Summary(value=[value(tag=tag, simple_value=v) for tag, v in values.items()])
        )

    def text(self, step: int, time: float, tag: str, text: str) -> None:
        """Markdown, which TensorBoard cleans of all that could harm."""
        self._add(step, time, self._summary.text(tag, text))

    def sound(self, step: int, time: float, tag: str, wav: bytes) -> None:
        """The bytes of a WAV file as they are. Raises wave.Error and EOFError for what is none."""
        with wave.open(io.BytesIO(wav)) as opened:
            channels, _, rate, frames = opened.getparams()[:4]
        audio = self._messages.Summary.Audio(
            sample_rate=rate,
            num_channels=channels,
            length_frames=frames,
            encoded_audio_string=wav,
            content_type="audio/wav",
        )
        self._add(step, time, self._messages.Summary(value=[self._messages.Summary.Value(tag=tag, audio=audio)]))

    def _add(self, step: int, time: float, summary: object) -> None:
        self._append(self._event(wall_time=time, step=step, summary=summary).SerializeToString())

    def _append(self, record: bytes) -> None:
        """One record of TensorFlow's format: length, record, and a masked CRC-32C of either."""
        length = struct.pack("<Q", len(record))
        checksums = struct.pack("<I", self._checksum(length)), struct.pack("<I", self._checksum(record))
        self._file.write(length + checksums[0] + record + checksums[1])
