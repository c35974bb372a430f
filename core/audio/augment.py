"""Augmentation of training batches on the fly, on their device, with every draw from one generator."""

import torch
from torch import Tensor

from core.training.config import AugmentConfig


class Augmenter:
    """Gain, noise, speed, pitch and polarity, each for a random part of a batch, by its own probability.

    Speed and pitch are both changes of the rate at which a sound is read, as on a tape: `rates` gives them for
    `core.audio.fractional`; calling the augmenter does the rest. A CPU generator decides everything, so that a batch
    is a pure function of the generator's state; what has probability 0 leaves its sounds bit for bit as they are.
    """

    def __init__(self, config: AugmentConfig) -> None:
        self.config = config

    def rates(self, batch: int, generator: torch.Generator) -> Tensor:
        """Reading rates [batch], float64 on the CPU; 1 where neither speed nor pitch changes."""
        config = self.config
        speed = 1 + config.speed_percent / 100 * _symmetric(batch, generator)
        pitch = 2 ** (config.pitch_semitones / 12 * _symmetric(batch, generator))
        one = torch.ones(batch, dtype=torch.float64)
        rates = torch.where(_chosen(batch, config.speed_probability, generator), speed, one)
        return rates * torch.where(_chosen(batch, config.pitch_probability, generator), pitch, one)

    def __call__(self, waveform: Tensor, generator: torch.Generator) -> Tensor:
        """Waveforms [batch, samples] with noise, gain and polarity applied, in this order; the shape stays.

        Noise is white, `noise_snr_db` below the RMS of what it is added to. Gain is uniform in dB and never lifts a
        peak above full scale.
        """
        config, batch = self.config, len(waveform)
        noisy = _chosen(batch, config.noise_probability, generator)
        noise_seed = int(torch.randint(2**62, (1,), generator=generator))
        gain_db = config.gain_db * _symmetric(batch, generator)
        gain_db = torch.where(_chosen(batch, config.gain_probability, generator), gain_db, 0.0)
        flipped = _chosen(batch, config.polarity_probability, generator)
        if noisy.any():
            waveform = _with_noise(waveform, noisy, config.noise_snr_db, noise_seed)
        peak = waveform.abs().amax(dim=1, keepdim=True)
        headroom = (1 / peak.clamp(min=1e-6)).clamp(min=1)
        gain = (10 ** (gain_db / 20)).to(waveform.device, waveform.dtype)[:, None].minimum(headroom)
        sign = torch.where(flipped, -1.0, 1.0).to(waveform.device, waveform.dtype)[:, None]
        return waveform * (gain * sign)


def _with_noise(waveform: Tensor, noisy: Tensor, snr_db: float, seed: int) -> Tensor:
    rows = torch.nonzero(noisy)[:, 0].to(waveform.device)
    clean = waveform[rows]
    on_device = torch.Generator(waveform.device).manual_seed(seed)
    noise = torch.randn(clean.shape, generator=on_device, device=waveform.device, dtype=waveform.dtype)
    level = _rms(clean) / _rms(noise) * 10 ** (-snr_db / 20)
    return waveform.index_copy(0, rows, clean + noise * level)


def _rms(waveform: Tensor) -> Tensor:
    return waveform.square().mean(dim=1, keepdim=True).sqrt()


def _symmetric(batch: int, generator: torch.Generator) -> Tensor:
    """Uniform in [-1, 1)."""
    return 2 * torch.rand(batch, generator=generator, dtype=torch.float64) - 1


def _chosen(batch: int, probability: float, generator: torch.Generator) -> Tensor:
    return torch.rand(batch, generator=generator, dtype=torch.float64) < probability
