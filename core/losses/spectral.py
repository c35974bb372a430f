"""The audio VAE's loss: multi-resolution STFT, L1 per channel and KL, as named terms (specification 1 and 2)."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from auraloss.freq import MultiResolutionSTFTLoss
from torch import Tensor, nn
from torch.nn import functional

from core.losses.kl import kl_with_free_bits
from core.training.config import LossConfig, STFTLossConfig

SILENCE = 1e-5  # -100 dBFS in one bin: what is fainter is silence, however quiet the rest of a sound

Distance = Callable[[Tensor, Tensor], Tensor]


def create_stft_loss(config: STFTLossConfig | LossConfig | None = None, sample_rate: int = 48_000) -> nn.Module:
    """auraloss' multi-resolution STFT loss: spectral convergence plus log magnitude (Yamamoto et al. 2020).

    It compares two signals [batch, 1, samples] of at least half its largest FFT size, perceptually weighted by a filter
    for `sample_rate` if the config says so. Make it once per run.
    """
    stft = config.stft if isinstance(config, LossConfig) else config or STFTLossConfig()
    loss: nn.Module = MultiResolutionSTFTLoss(
        fft_sizes=list(stft.fft_sizes),
        hop_sizes=list(stft.hop_sizes),
        win_lengths=list(stft.win_lengths),
        sample_rate=sample_rate,
        perceptual_weighting=stft.perceptual_weighting and stft.target == "waveform",
    )
    return loss


def compute_combined_loss(
    recon: Tensor,
    target: Tensor,
    mu: Tensor,
    logvar: Tensor,
    loss_config: LossConfig | None = None,
    kl_weight: float | None = None,
    stft_loss_fn: Distance | None = None,
    if_weights: Tensor | None = None,
    waveforms: tuple[Tensor, Tensor] | None = None,
    magnitudes: tuple[Tensor, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Every term of the loss and their weighted sum, as float32 scalars.

    `recon` and `target` are spectrograms [batch, channels, bands, frames]: channel 0 the log magnitude, channel 1, if
    there is one, the instantaneous frequency. `mu` and `logvar` are [batch, latent_dim(, positions)]. The terms:

    - `stft_loss`: `stft_loss_fn` on `waveforms`, reconstruction and target [batch, 1, samples]; without them on the
      magnitude channel, flattened to one signal an item, band by band and frame by frame
    - `mag_recon_loss`, `if_recon_loss`: L1 of each channel, IF weighted by energy (0 without an IF channel)
    - `recon_loss`: the two by the config's magnitude_weight and if_weight
    - `log_mag_loss`: `log_magnitude_loss` of `magnitudes`, reconstruction and target [batch, bands, frames], as
      amplitudes; absent without them
    - `kl_loss`: KL with free bits
    - `total_loss`: stft.weight * stft_loss + reconstruction.weight * recon_loss + log_magnitude.weight * log_mag_loss +
      kl_weight * kl_loss

    A term of weight 0 is measured but left out of the total: it has no gradient, and could it not be computed (NaN,
    infinity), the total would not notice. `kl_weight` None means the config's weight_max. `if_weights` are energies
    [batch, bands, frames], 0 or more, of any scale; None takes the exponential of the target's magnitude channel.
    Raises ValueError for shapes that do not fit.
    """
    _check_shapes(recon, target, if_weights)
    config = loss_config or LossConfig()
    if kl_weight is None:
        kl_weight = config.kl.weight_max
    reconstruction = config.reconstruction
    # Under autocast the decoder may answer in half precision, whose squares overflow.
    recon, target = recon.float(), target.float()

    with _gradient_if(config.stft.weight):
        distance = stft_loss_fn or create_stft_loss(config)
        if waveforms is not None:
            # A window is reflected at a sound's ends, which must be longer than half of it.
            short = max(0, max(config.stft.fft_sizes) // 2 + 1 - waveforms[0].shape[-1])
            stft = distance(*(functional.pad(waveform, (0, short)) for waveform in waveforms))
        else:
            stft = _flattened_stft(recon[:, 0], target[:, 0], distance, config.stft)
    with _gradient_if(reconstruction.weight * reconstruction.magnitude_weight):
        magnitude = functional.l1_loss(recon[:, 0], target[:, 0])
    with _gradient_if(reconstruction.weight * reconstruction.if_weight):
        frequency = _frequency_loss(recon, target, if_weights)
    heard = {}
    if magnitudes is not None:
        with _gradient_if(config.log_magnitude.weight):
            heard["log_mag_loss"] = log_magnitude_loss(*magnitudes, config.log_magnitude.floor_db)
    with _gradient_if(kl_weight):
        kl = kl_with_free_bits(mu, logvar, config.kl.free_bits)

    recon_loss = _weighted_sum((reconstruction.magnitude_weight, magnitude), (reconstruction.if_weight, frequency))
    total = _weighted_sum(
        (config.stft.weight, stft),
        (reconstruction.weight, recon_loss),
        *((config.log_magnitude.weight, term) for term in heard.values()),
        (kl_weight, kl),
    )
    return {
        "total_loss": total,
        "stft_loss": stft,
        "mag_recon_loss": magnitude,
        "if_recon_loss": frequency,
        **heard,
        "kl_loss": kl,
        "recon_loss": recon_loss,
    }


def log_magnitude_loss(recon: Tensor, target: Tensor, floor_db: float) -> Tensor:
    """Mean L1 distance of log magnitudes, in nepers (1 is 8.7 dB), of amplitudes [batch, bands, frames], 0 or more.

    Both are raised by the target item's RMS amplitude less `floor_db`: what lies far below a sound's own level is not
    heard beside it, however many decibels it is off.
    """
    floor = target.square().mean(dim=(1, 2), keepdim=True).sqrt() * 10 ** (-floor_db / 20)
    floor = floor.clamp(min=SILENCE)
    return functional.l1_loss((recon + floor).log(), (target + floor).log())


def energy_weights(energy: Tensor) -> Tensor:
    """Energies [batch, bands, frames], 0 or more, as weights whose mean is 1 in every item; 0 throughout in silence.

    Each item is scaled by itself, so that a quiet sound counts as much as a loud one and an item's loss does not
    depend on what else is in its batch.
    """
    energy = energy.float().clamp(min=0)
    # The largest value first: the mean of squares of loud linear spectra would leave float32's exact range.
    relative = energy / energy.amax(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
    return relative / relative.mean(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(torch.float32).eps)


def _flattened_stft(recon: Tensor, target: Tensor, distance: Distance, config: STFTLossConfig) -> Tensor:
    """`distance` between magnitudes [batch, bands, frames], each laid out as one signal: the mean over two ways.

    Band after band, the end of one band lies beside the start of the next, and a spectrum does not tell which of the
    two a sound belongs to: what should begin at the first frame turned up at the last as well. Frame after frame, the
    same holds of the lowest and the highest band. Each way sees what the other cannot.

    Both are counted from the target's quietest point up, as magnitudes are. On normalised ones, which lie around 0, a
    spectrum's magnitude would not tell loud from quiet: it is the same for a signal and its negative.
    """
    silence = target.detach().amin(dim=(1, 2), keepdim=True)
    recon, target = recon - silence, target - silence
    # Silence at the end lets a spectrogram of any size fill the longest window.
    missing = max(0, max(config.fft_sizes) - recon[0].numel())

    def laid_out(magnitude: Tensor) -> Tensor:
        both_ways = torch.cat([magnitude.flatten(1), magnitude.mT.flatten(1)])
        return functional.pad(both_ways, (0, missing)).unsqueeze(1)

    return distance(laid_out(recon), laid_out(target))


def _frequency_loss(recon: Tensor, target: Tensor, energy: Tensor | None) -> Tensor:
    if target.shape[1] == 1:
        return target.new_zeros(())
    if energy is None:
        log_amplitude = target[:, 0].detach()
        # Only ratios count: taking the largest value off first keeps exp from overflowing on any scale.
        energy = (log_amplitude - log_amplitude.amax(dim=(1, 2), keepdim=True)).exp()
    return (energy_weights(energy) * (recon[:, 1] - target[:, 1]).abs()).mean()


def _gradient_if(weight: float) -> AbstractContextManager[None]:
    return torch.set_grad_enabled(torch.is_grad_enabled() and weight != 0)


def _weighted_sum(*terms: tuple[float, Tensor]) -> Tensor:
    """The sum of weight times term; a term of weight 0 is left out rather than multiplied, since 0 * NaN is NaN."""
    counted = [weight * term for weight, term in terms if weight != 0]
    return torch.stack(counted).sum() if counted else terms[0][1].new_zeros(())


def _check_shapes(recon: Tensor, target: Tensor, if_weights: Tensor | None) -> None:
    shape = tuple(target.shape)
    if len(shape) != 4 or shape[1] not in (1, 2) or recon.shape != target.shape:
        raise ValueError(
            f"reconstruction {tuple(recon.shape)} and target {shape}: expected the same [batch, 1 or 2, bands, frames]"
        )
    if if_weights is not None and tuple(if_weights.shape) != (shape[0], *shape[2:]):
        raise ValueError(f"if_weights of shape {tuple(if_weights.shape)}: expected {(shape[0], *shape[2:])}")
