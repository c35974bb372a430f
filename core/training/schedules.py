"""How the learning rate and the KL weight change over a run: pure functions, without torch."""

import math

RATE_FLOOR = 0.01


def learning_rate_factor(step: int, total_steps: int, warmup_steps: int) -> float:
    """The share of the peak learning rate at optimizer step `step` (from 0): linear warmup, then half a cosine.

    The first step is above 0, the last of the warmup is 1, and the last of the run is 0.01, where it stays
    (Loshchilov & Hutter 2017, "SGDR", without restarts).
    """
    if step + 1 < warmup_steps:
        return (step + 1) / warmup_steps
    peak = max(0, warmup_steps - 1)
    progress = min(1.0, (step - peak) / max(1, total_steps - 1 - peak))
    return RATE_FLOOR + (1 - RATE_FLOOR) * 0.5 * (1 + math.cos(math.pi * progress))


def get_kl_weight(epoch: float, total_epochs: int, warmup_fraction: float = 0.3, weight_max: float = 1.0) -> float:
    """Linear KL annealing (Bowman et al. 2016): 0 at epoch 0, `weight_max` from the end of the warmup on.

    `epoch` counts from 0 and may be a fraction, for a weight that changes at every step. A warmup of less than one
    whole epoch is none: the weight is `weight_max` throughout.
    """
    warmup_epochs = int(total_epochs * warmup_fraction)
    if warmup_epochs == 0:
        return weight_max
    return weight_max * min(1.0, epoch / warmup_epochs)
