"""The bank holds the sounds whatever their size, and cuts batches from them that can be cut again."""

import errno
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.audio.bank import SoundBank, training_batch, validation_batches
from core.audio.split import split_files
from core.errors import DataError
from core.training.config import AugmentConfig, DataConfig, TrainingConfig
from tests.audio.conftest import Write, tone

CPU = torch.device("cpu")
RATE = 8_000
PLAIN = AugmentConfig(
    gain_probability=0, noise_probability=0, speed_probability=0, pitch_probability=0, polarity_probability=0
)  # fmt: skip
EVERYTHING = AugmentConfig(
    gain_probability=1, noise_probability=1, speed_probability=1, pitch_probability=1, polarity_probability=1
)  # fmt: skip


def validation_chunks(bank: SoundBank, config: TrainingConfig) -> torch.Tensor:
    """All validation batches in one."""
    return torch.cat(list(validation_batches(bank, config, 3)))


def config(chunk_seconds: float = 0.25, augment: AugmentConfig = PLAIN) -> TrainingConfig:
    return TrainingConfig(data=DataConfig(chunk_seconds=chunk_seconds), augment=augment)


def bank_of(*lengths: int) -> SoundBank:
    """Sounds whose every sample tells which sound and place it is from: 1000 i + n, scaled exactly."""
    waveforms = [(torch.arange(n) + 100_000.0 * i + 1) / 2**20 for i, n in enumerate(lengths)]
    return SoundBank([Path(f"{i}.wav") for i in range(len(lengths))], waveforms, RATE)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache"


def test_bad_files_are_skipped_with_their_reasons_and_the_rest_is_used(write: Write, tmp_path: Path) -> None:
    good = [write("a/kick.wav", tone(100)), write("b/kick.wav", tone(200))]
    nan = tone(100)
    nan[5] = np.nan
    stereo = np.stack([tone(100), -tone(100)], axis=1)
    bad = {
        write("silent.wav", np.zeros(24_000)): "silent",
        write("offset.wav", np.full(9000, 0.5), RATE): "silent",
        write("cancels.wav", stereo): "silent",
        write("quiet.wav", tone(100, level=1e-5), subtype="FLOAT"): "silent",
        write("short.wav", tone(100, 0.01)): "too short",
        write("none.wav", np.zeros(0)): "no samples",
        write("nan.wav", nan, subtype="FLOAT"): "NaN",
    }
    for name, content, reason in (("empty.wav", b"", "empty"), ("text.flac", b"not a sound at all", "not audio")):
        path = tmp_path / "sounds" / name
        path.write_bytes(content)
        bad[path] = reason
    files = [*bad, *good]
    seen: list[tuple[int, int]] = []
    bank = SoundBank.load(files, DataConfig(), RATE, lambda *at: seen.append(at), root=tmp_path / "sounds")
    assert bank.files == good
    assert bank.seconds == pytest.approx(1.0)
    assert seen == [(n, len(files)) for n in range(1, len(files) + 1)]
    assert [skip.path for skip in bank.skipped] == [path.name for path in bad]
    for skip, reason in zip(bank.skipped, bad.values(), strict=True):
        assert reason in skip.reason


def test_above_the_ceiling_the_sounds_are_the_same_bits_from_a_file_that_leaves_no_trace(
    write: Write, cache: Path
) -> None:
    files = [write(f"{n}.wav", tone(100 + n, 1.0), 48_000) for n in range(12)]
    small = SoundBank.load(files, DataConfig(memory_mb=64), 48_000)
    assert not cache.exists()
    big = SoundBank.load(files, DataConfig(memory_mb=1), 48_000)
    assert list((cache / "distill-tui").iterdir()) == []
    for a, b in zip(small.waveforms, big.waveforms, strict=True):
        assert torch.equal(a, b)
    everything = config(augment=EVERYTHING)
    batches = [training_batch(bank, everything, 8, seeded(1), CPU) for bank in (small, big)]
    assert torch.equal(*batches)
    assert torch.equal(validation_chunks(small, everything), validation_chunks(big, everything))
    big.close()


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="counts mappings in /proc")
def test_closing_gives_the_temporary_file_back(write: Write, cache: Path) -> None:
    def mapped() -> int:
        return sum("distill-tui" in line for line in Path("/proc/self/maps").read_text().splitlines())

    bank = SoundBank.load([write("a.wav", tone(100, 1.0))], DataConfig(memory_mb=0), 48_000)
    assert mapped() == 1
    bank.close()
    assert mapped() == 0


def test_a_full_disk_is_one_plain_line(write: Write, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **options: object) -> object:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(DataError, match="No space left") as caught:
        SoundBank.load([write("a.wav", tone(100))], DataConfig(memory_mb=0), 48_000)
    assert "data.memory_mb" in str(caught.value)


def test_nothing_usable_gives_an_empty_bank(write: Write) -> None:
    bank = SoundBank.load([write("silent.wav", np.zeros(9000))], DataConfig(), 48_000)
    assert (bank.files, bank.seconds, len(bank.skipped)) == ([], 0, 1)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(1, 30_000), min_size=1, max_size=6),
    chunk_seconds=st.floats(0.25, 10),
    batch=st.integers(1, 9),
    seed=st.integers(0, 2**40),
)
def test_a_batch_is_a_pure_function_of_the_generator(
    lengths: list[int], chunk_seconds: float, batch: int, seed: int
) -> None:
    bank, settings_ = bank_of(*lengths), config(chunk_seconds, EVERYTHING)
    first = training_batch(bank, settings_, batch, seeded(seed), CPU)
    torch.manual_seed(seed + 1)  # the global state has no say
    assert torch.equal(first, training_batch(bank, settings_, batch, seeded(seed), CPU))
    assert first.shape == (batch, 1, round(chunk_seconds * RATE))
    assert first.isfinite().all()


@settings(deadline=None, max_examples=60)
@given(lengths=st.lists(st.integers(1, 9000), min_size=1, max_size=5), seed=st.integers(0, 2**40))
def test_without_augmentation_every_crop_is_a_piece_of_one_sound_bit_for_bit(lengths: list[int], seed: int) -> None:
    bank = bank_of(*lengths)
    for crop in training_batch(bank, config(), 6, seeded(seed), CPU)[:, 0]:
        inside = crop.nonzero()[:, 0]
        sound = int((crop[inside[0]] * 2**20 - 1) // 100_000)
        whole, first = bank.waveforms[sound], int(crop[inside[0]] * 2**20 - 1) % 100_000
        assert torch.equal(crop[inside[0] : inside[-1] + 1], whole[first : first + len(inside)])
        if len(whole) >= len(crop):
            assert len(inside) == len(crop)
        else:
            assert len(inside) == min(len(whole), len(crop) - int(inside[0]))
            assert inside[0] <= 0.02 * RATE


def test_long_sounds_weigh_by_their_chunks() -> None:
    bank = bank_of(2000, 2000, 20_000)
    generator = seeded(0)
    drawn = torch.cat([training_batch(bank, config(), 12, generator, CPU) for _ in range(50)])
    sounds = (drawn[:, 0].amax(dim=1) * 2**20 / 100_000).long()
    assert torch.bincount(sounds, minlength=3).tolist() == [50, 50, 500]


def test_crops_reach_the_whole_of_a_long_sound() -> None:
    bank = bank_of(6000)
    starts = training_batch(bank, config(), 400, seeded(0), CPU)[:, 0, 0] * 2**20 - 1
    assert starts.min() < 40
    assert starts.max() > 3960


def test_validation_chunks_lie_end_to_end_and_are_never_augmented() -> None:
    bank = bank_of(500, 2000, 5001, 4999)
    chunks = validation_chunks(bank, config(augment=EVERYTHING))
    assert chunks.shape == (7, 1, 2000)
    assert bank.chunks(2000) == 7
    short, whole, *long = chunks[:5, 0]
    assert torch.equal(short[:500], bank.waveforms[0])
    assert not short[500:].any()
    assert torch.equal(whole, bank.waveforms[1])
    assert torch.equal(torch.cat(long)[:5001], bank.waveforms[2])
    assert not torch.cat(long)[5001:].any()
    assert torch.equal(chunks[5:, 0].flatten(), bank.waveforms[3][:4000])


def test_no_validation_chunk_has_a_sibling_in_training(write: Write) -> None:
    # Each sound has a pitch of its own, so that whatever is cut or augmented from it can be told apart.
    files = [write(f"{n}.wav", np.full(9000, (n + 1) / 16) + tone(50, 9000 / RATE, RATE, 0.01), RATE) for n in range(8)]
    train_files, val_files = split_files(files, 0.3, 0)
    train, val = (SoundBank.load(part, DataConfig(), RATE) for part in (train_files, val_files))
    pieces = torch.cat([training_batch(train, config(), 16, seeded(n), CPU) for n in range(20)])
    levels = {round(float(piece.mean()) * 16) for piece in pieces}
    held_out = {round(float(chunk.mean()) * 16) for chunk in validation_chunks(val, config())}
    assert levels | held_out == set(range(1, 9))
    assert not levels & held_out


def test_a_subset_shares_the_samples() -> None:
    bank = bank_of(2000, 3000, 4000)
    part = bank.subset(bank.files[1:])
    assert part.waveforms[0].data_ptr() == bank.waveforms[1].data_ptr()
    assert part.files == bank.files[1:]


def test_of_many_chunks_an_even_choice_is_taken() -> None:
    samples = round(0.25 * RATE)
    bank = SoundBank([Path(f"{n}.wav") for n in range(40)], [torch.full((samples,), float(n)) for n in range(40)], RATE)
    config = TrainingConfig(data=DataConfig(chunk_seconds=0.25))

    taken = torch.cat(list(validation_batches(bank, config, 8, most=10)))[:, 0, 0]

    assert taken.tolist() == [float(n) for n in range(0, 40, 4)]
