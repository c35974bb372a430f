"""The one place that touches PortAudio: is there a sound device, and open it.

PortAudio's set-up calls are not thread-safe, so a program makes them all from one thread (the player's). They may
block for seconds on a sound server that does not answer, and are never made on the screen's thread.
"""

import ctypes
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from distill_tui.hearing import Availability, no_device, no_library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Fill = Callable[[NDArray[np.int16]], bool]


TAIL_SECONDS = 0.15  # of silence behind a sound: a sound server drops what does not fill its last period


class SpeakerError(Exception):
    """The device could not be opened; the message is one line for a person."""


class Speaker(Protocol):
    """An open output stream of 16-bit samples. `latency` is in seconds."""

    sample_rate: int
    channels: int
    latency: float

    def start(self) -> None:
        """Begin to ask for blocks. Raises SpeakerError."""

    def close(self) -> None:
        """End at once, dropping what has not been heard yet."""


class PortAudioSpeaker:
    """The default output device through sounddevice."""

    def __init__(self, stream: Any, error: type[Exception]) -> None:
        self._stream = stream
        self._error = error
        self.sample_rate = int(stream.samplerate)
        self.channels = int(stream.channels)
        self.latency = float(stream.latency)

    def start(self) -> None:
        """Begin to ask for blocks. Raises SpeakerError."""
        try:
            self._stream.start()
        except self._error as error:
            raise SpeakerError(f"the sound device does not start ({_plain(error)})") from error

    def close(self) -> None:
        """End at once; the stream's finished callback fires for this too."""
        self._stream.close(ignore_errors=True)


def availability() -> Availability:
    """Whether there is a sound device now. Call it with no stream open: it looks again for devices that came late."""
    if page := os.environ.get("DISTILL_PAGE"):
        from distill_tui.page_speaker import page_availability

        return page_availability(page)
    try:
        sounddevice = _sounddevice()
    except OSError:
        return no_library()
    if _default_output(sounddevice) is None:
        sounddevice._terminate()  # PortAudio lists devices once, when it is initialised
        sounddevice._initialize()
        if _default_output(sounddevice) is None:
            return no_device()
    return Availability(True)


def open_speaker(sample_rate: int, channels: int, fill: "Fill", finished: Callable[[], None]) -> Speaker:
    """An output stream at the sound's own rate and channels where the device takes them, else at the device's own.

    `fill(block)` writes int16 [frames, channels] and says whether the sound ends there; `finished` is called from a
    thread of the device once the last sample has been heard, and on `close`. Raises SpeakerError.
    """
    if page := os.environ.get("DISTILL_PAGE"):  # the monitor is shown in a browser, and is heard there
        from distill_tui.page_speaker import PageSpeaker

        return PageSpeaker(page, sample_rate, channels, fill, finished)
    try:
        sounddevice = _sounddevice()
    except OSError as error:
        raise SpeakerError(no_library().reason) from error
    device = _default_output(sounddevice)
    if device is None:
        raise SpeakerError(no_device().reason)

    silence = 0

    def callback(block: "NDArray[np.int16]", frames: int, time: Any, status: Any) -> None:
        nonlocal silence
        silence = silence + frames if fill(block) else 0
        if silence > sample_rate * TAIL_SECONDS:
            raise sounddevice.CallbackStop

    rates = dict.fromkeys((sample_rate, int(device["default_samplerate"])))
    widths = dict.fromkeys((channels, 2, 1))
    refusal: Exception | None = None
    for rate, width in [(rate, width) for rate in rates for width in widths]:
        try:
            stream = sounddevice.OutputStream(
                samplerate=rate, channels=width, dtype="int16", callback=callback, finished_callback=finished
            )
        except (sounddevice.PortAudioError, ValueError) as error:
            refusal = refusal or error
        else:
            return PortAudioSpeaker(stream, sounddevice.PortAudioError)
    raise SpeakerError(f"the sound device cannot be opened ({_plain(refusal)})") from refusal


def _sounddevice() -> Any:
    """The module; OSError where PortAudio's library is missing. Importing it initialises PortAudio."""
    _quiet_alsa()
    import sounddevice

    return sounddevice


def _default_output(sounddevice: Any) -> dict[str, Any] | None:
    try:
        device: dict[str, Any] = sounddevice.query_devices(kind="output")
    except (sounddevice.PortAudioError, ValueError):
        return None
    return device


def _plain(error: Exception | None) -> str:
    """What PortAudio said, without its codes: "Error opening OutputStream: Invalid sample rate [PaErrorCode -9997]"."""
    text = str(error.args[0] if error and error.args else error)
    return text.split(":")[-1].split("[")[0].strip().lower()


def _ignore_alsa(file: bytes, line: int, function: bytes, error: int, format: bytes) -> None:
    """ALSA's messages would land in the middle of the screen; what matters of them comes back as an error code."""


_alsa_handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)(
    _ignore_alsa
)


def _quiet_alsa() -> None:
    try:
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_alsa_handler)
    except (OSError, AttributeError):
        return  # not Linux, or no ALSA: nothing speaks
