"""TensorBoard's own reader finds curves, sounds and texts where they belong."""

import io
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from core.run.folder import RunFolder
from distill_tui.errors import UsageError
from tests.export.conftest import Trained, exported
from tests.export.logged import resumed_run, value

pytest.importorskip("tensorboardX")
event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def opened(path: Path):  # type: ignore[no-untyped-def]
    reader = event_accumulator.EventAccumulator(str(path), size_guidance={"scalars": 0, "audio": 0, "tensors": 0})
    return reader.Reload()


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = resumed_run(tmp_path / "runs")
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2000))
    (folder.previews / "1.wav").write_bytes(sound.getvalue())
    return folder


def test_curves_are_those_on_the_run_s_path_at_their_wall_times(run: RunFolder, tmp_path: Path) -> None:
    exported(run.path, "--to", "tensorboard", "-o", tmp_path / "log")
    log = opened(tmp_path / "log")
    stft = log.Scalars("train/stft_loss")
    assert [each.step for each in stft] == list(range(1, 221))
    np.testing.assert_equal([np.float32(each.value) for each in stft], [np.float32(value(n)) for n in range(1, 221)])
    assert stft[60].wall_time - stft[10].wall_time == pytest.approx(0.5, abs=0.02)
    assert abs(stft[-1].wall_time - time.time()) < 60
    assert [each.step for each in log.Scalars("gradient/stft_loss")] == list(range(2, 221, 2))
    assert [each.value for each in log.Scalars("val/stft_loss")][9:12] == [100.0, 210.0, 220.0]
    assert log.Scalars("val/loss")[0].step == 10
    named = {"train/loss", "train/kl_loss", "learning_rate", "kl_weight", "weight/kl_loss", "grad_norm"}
    assert named <= set(log.Tags()["scalars"])


def test_previews_are_heard_and_missing_ones_are_told(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported(run.path, "--to", "tensorboard", "-o", tmp_path / "log")
    (sound,) = opened(tmp_path / "log").Audio("sample/fixed-1")
    assert sound.encoded_audio_string == (run.previews / "1.wav").read_bytes()
    assert (sound.sample_rate, sound.length_frames, sound.content_type) == (8000, 1000, "audio/wav")
    assert capsys.readouterr().err == ""

    (run.previews / "1.wav").unlink()
    exported(run.path, "--to", "tensorboard", "-o", tmp_path / "log")
    assert opened(tmp_path / "log").Tags()["audio"] == []
    assert "1 preview is left out" in capsys.readouterr().err


def test_config_and_notes_are_texts(run: RunFolder, tmp_path: Path) -> None:
    exported(run.path, "--to", "tensorboard", "-o", tmp_path / "log")
    log = opened(tmp_path / "log")
    (config,) = log.Tensors("config/text_summary")
    assert b"fft_sizes" in config.tensor_proto.string_val[0]
    (note,) = log.Tensors("note/text_summary")
    assert (note.step, note.tensor_proto.string_val[0]) == (220, b"a *note* of session 1")


def test_a_real_run_s_previews_can_be_compared_over_time(trained: Trained, tmp_path: Path) -> None:
    exported(trained("global"), "--to", "tensorboard", "-o", tmp_path / "log")
    log = opened(tmp_path / "log")
    kinds = {tag.partition("/")[0] for tag in log.Tags()["audio"]}
    assert kinds == {"original", "reconstruction", "sample"}
    assert len(log.Audio("sample/fixed-1")) == 2


def test_where_the_library_is_missing_its_installation_is_named(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(UsageError, match=r"pip install 'distill-tui\[tensorboard\]'"):
        exported(run.path, "--to", "tensorboard", "-o", tmp_path / "log")
    assert not (tmp_path / "log").exists()
