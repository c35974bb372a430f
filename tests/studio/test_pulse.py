"""Sound over the network: a desk's PulseAudio, reached over TCP as through `ssh -R`, records what is played there."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.studio.test_portaudio import NOISE, PLAY, python

RATE = 48_000


class Desk:
    """A sound server without a sound card: what it is given goes nowhere, at the pace of a card, and is recorded."""

    def __init__(self, folder: Path, server: str) -> None:
        self.server = server
        self._captured = folder / "captured.raw"
        self._environ = {**os.environ, "PULSE_SERVER": server, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}

    @contextmanager
    def recording(self, channels: int) -> Iterator[Path]:
        """The file of what the desk hears meanwhile: raw samples of 16 bits."""
        with self._captured.open("wb") as captured:
            recorder = subprocess.Popen(
                ["parec", "--device=desk.monitor", "--raw", "--format=s16le", f"--rate={RATE}", "--latency-msec=20",
                 f"--channels={channels}"], stdout=captured, env=self._environ,
            )  # fmt: skip
            try:
                deadline = time.monotonic() + 10
                while not self._captured.stat().st_size:
                    assert time.monotonic() < deadline, "nothing is recorded"
                    time.sleep(0.02)
                yield self._captured
                time.sleep(0.5)  # what the desk has been sent it still has to hear
            finally:
                recorder.terminate()
                recorder.wait()


@pytest.fixture(params=[1, 2])
def channels(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def desk(tmp_path: Path, channels: int) -> Iterator[Desk]:
    for program in ("pulseaudio", "parec"):
        if shutil.which(program) is None:
            reason = f"{program} is missing; Debian: apt install pulseaudio libasound2-plugins"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = tmp_path / "desk.pa"
    script.write_text(
        # Without rewinds: what a monitor has recorded cannot be taken back when a sound begins within it.
        f"load-module module-null-sink sink_name=desk format=s16le rate={RATE} channels={channels} norewinds=1\n"
        f"load-module module-native-protocol-tcp listen=127.0.0.1 port={port} auth-anonymous=1\n"
    )
    environ = {**os.environ, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with (tmp_path / "pulse.log").open("wb") as log:
        process = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm",
             "-F", str(script)], stdout=log, stderr=log, env=environ,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 15
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"PulseAudio does not start: {(tmp_path / 'pulse.log').read_text()[-800:]}")
                time.sleep(0.02)
            yield Desk(tmp_path, f"tcp:127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait()


def test_what_the_desk_hears_is_the_preview_sample_for_sample(tmp_path: Path, desk: Desk, channels: int) -> None:
    samples = np.random.default_rng(7).integers(-32_768, 32_767, (RATE, channels), endpoint=True).astype(np.int16)
    samples[0] = samples[-1] = 1
    wav = tmp_path / "preview.wav"
    soundfile.write(wav, samples, RATE, subtype="PCM_16")
    with desk.recording(channels) as captured:
        run = python(PLAY, str(wav), environ={"PULSE_SERVER": desk.server, "HOME": str(tmp_path)})
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert (report["trouble"], report["end"]) == ("", "silent")
    heard = np.fromfile(captured, "<i2").reshape(-1, channels)
    first = int(np.flatnonzero(heard.any(axis=1))[0])
    assert np.array_equal(heard[first : first + len(samples)], samples)
    assert not heard[first + len(samples) :].any()
    playing = [seconds for state, seconds in report["seen"] if state == "playing"]
    steps = np.diff(playing)
    assert steps.min() > -0.02
    assert len(set(playing)) > 10, "a paced device has a progress"


@pytest.mark.parametrize("channels", [1], indirect=True)
def test_a_desk_is_a_sound_device_and_one_that_does_not_answer_is_named(tmp_path: Path, desk: Desk) -> None:
    there = python(NOISE, environ={"PULSE_SERVER": desk.server, "HOME": str(tmp_path)})
    assert json.loads(there.stdout) == [True, ""]
    gone = python(NOISE, environ={"PULSE_SERVER": "tcp:127.0.0.1:1", "HOME": str(tmp_path)})
    assert json.loads(gone.stdout) == [False, "no sound device answers at PULSE_SERVER=tcp:127.0.0.1:1"]
