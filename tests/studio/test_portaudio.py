"""The player through the real PortAudio, into ALSA's `file` plugin, which writes down what a card would have heard."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE = 48_000

ASOUNDRC = """
pcm.quiet {{ type null }}
pcm.!default {{ type file slave.pcm quiet file "{captured}" format raw }}
ctl.!default {{ type hw card 0 }}
"""

PLAY = """
import json, sys, time
from pathlib import Path
from distill_tui.player import Player
from distill_tui.wav import read_wav

player = Player()
player.play(read_wav(Path(sys.argv[1]).read_bytes(), sys.argv[1]))
deadline, seen = time.monotonic() + 10, []
while (progress := player.progress()).state != "silent" and time.monotonic() < deadline:
    seen.append((progress.state, progress.seconds))
    time.sleep(0.01)
end = player.progress()
player.close()
print(json.dumps({"seen": seen, "end": end.state, "trouble": end.trouble}))
"""

NOISE = """
import json
from distill_tui.player import availability
found = availability()
print(json.dumps([found.ok, found.reason]))
"""


def python(source: str, *arguments: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter: ALSA and PortAudio read their environment once in a process."""
    root = Path(__file__).parents[2]
    clean = {key: value for key, value in os.environ.items() if key not in ("PULSE_SERVER", "SSH_CONNECTION")}
    return subprocess.run(
        [sys.executable, "-c", source, *arguments],
        env={**clean, "PYTHONPATH": str(root), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module", autouse=True)
def _portaudio() -> None:
    """Skip, saying why, where this cannot run; on a build server that is a failure of its set-up."""
    if not sys.platform.startswith("linux"):
        pytest.skip("ALSA's file plugin is Linux only")
    try:
        import sounddevice  # noqa: F401
    except OSError as error:
        reason = f"PortAudio is missing ({error}); Debian: apt install libportaudio2 libasound2-plugins"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)


def captured_by_alsa(tmp_path: Path, samples: np.ndarray) -> tuple[np.ndarray, dict]:
    wav, captured, asoundrc = tmp_path / "preview.wav", tmp_path / "captured.raw", tmp_path / "asoundrc"
    soundfile.write(wav, samples, RATE, subtype="PCM_16")
    asoundrc.write_text(ASOUNDRC.format(captured=captured))
    run = python(PLAY, str(wav), environ={"ALSA_CONFIG_PATH": str(asoundrc)})
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["trouble"] == ""
    return np.fromfile(captured, "<i2").reshape(-1, samples.shape[1]), report


@pytest.mark.parametrize("channels", [1, 2])
def test_what_the_card_hears_is_the_preview_sample_for_sample(tmp_path: Path, channels: int) -> None:
    samples = np.random.default_rng(7).integers(-32_768, 32_767, (RATE // 2, channels), endpoint=True).astype(np.int16)
    samples[0] = 1
    heard, report = captured_by_alsa(tmp_path, samples)
    first = int(np.flatnonzero(heard[:, 0])[0])  # PortAudio fills the device's buffer with silence before it begins
    assert np.array_equal(heard[first : first + len(samples)], samples)
    assert not heard[:first].any()
    assert not heard[first + len(samples) :].any()
    assert report["end"] == "silent"


def test_a_host_without_a_sound_device_says_so_and_prints_nothing_of_its_own(tmp_path: Path) -> None:
    asoundrc = tmp_path / "asoundrc"
    asoundrc.write_text("pcm.!default { type hw card 77 }\nctl.!default { type hw card 77 }\n")
    run = python(NOISE, environ={"ALSA_CONFIG_PATH": str(asoundrc)})
    assert json.loads(run.stdout) == [False, "no sound device on this machine"]
    assert run.stderr == ""
