"""One setting, trained by the project's own recipe and trainer on a budget, measured on held-out tunes."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from budget import trained
from torch import Tensor
from torch.nn import functional
from tune_measures import Histogram, overlaps

from core.losses.kl import ACTIVE_NATS, kl_per_dimension
from core.midi.likeness import note_f1
from core.midi.recipe import MidiRecipe
from core.midi.tokens import decode
from core.midi.vocabulary import Note
from core.midi.voice import TOP_P
from core.midi.written import steps_of
from core.models.token_vae import TokenVAE
from core.training.optimize import unwrapped

# Every name may be asked for with --settings. Each is the defaults with these values.
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "uncertainty": {"loss.balance": "uncertainty"},
    "no-adversary": {"adversarial.mode": "off"},
    "no-constraints": {"loss.constraints.weight": 0},
    "plain": {"adversarial.mode": "off", "loss.constraints.weight": 0, "loss.tokens.musical_weighting": False},
    "no-token-dropout": {"token_model.token_dropout": 0},
    "adaptive-kl": {"loss.kl.schedule": "adaptive"},
    "cyclical-kl": {"loss.kl.schedule": "cyclical_linear"},
}
FREE = 12  # windows that are reconstructed freely
DRAWS = 4  # of the latent, for the bound


@dataclass
class Order:
    """What to train: `held_out` are paths below `data`; `seconds` are of CPU time over all threads."""

    name: str
    data: str
    held_out: list[str]
    seconds: float
    threads: int = 2
    device: str = "cpu"
    overrides: dict[str, Any] = field(default_factory=dict)


def row_of(order: Order, windows: Sequence[Sequence[int]], real: dict[str, Histogram], samples: int) -> dict[str, Any]:
    """Train, and measure the latest averaged weights on `windows`, the held-out tokens."""
    overrides = {"recipe": "midi", "threads": order.threads, **order.overrides, "data.path": order.data}
    with tempfile.TemporaryDirectory() as place:
        recipe, state, spent = trained(
            order.name, overrides, frozenset(order.held_out), order.seconds, order.device, Path(place)
        )
        assert isinstance(recipe, MidiRecipe)
        model = unwrapped(state.average).eval()
        assert isinstance(model, TokenVAE)
        recipe.fit_density(model)
        recipe.close()
    model = model.cpu()
    return {
        "what": order.name,
        **likelihood(model, windows),
        "notes": free_running(model, windows),
        **overlaps(written(model, samples, recipe.config.tunes.window_tokens), real),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "steps": state.step,
        "CPU s": round(spent, 1),
    }


@torch.inference_mode()
def likelihood(model: TokenVAE, windows: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Perplexity of a token by the bound and given z, accuracy, and how much of the latent is in use."""
    generator = torch.Generator().manual_seed(0)
    surprise = right = kl = count = 0.0
    dimensions: list[Tensor] = []
    for window in windows:
        tokens = torch.tensor([window])
        mu, logvar = model.encode(tokens)
        for _ in range(DRAWS):
            z = mu + (0.5 * logvar).exp() * torch.randn(mu.shape, generator=generator)
            logits = model.decode(z, tokens)[0]
            surprise += float(functional.cross_entropy(logits, tokens[0], reduction="sum")) / DRAWS
            right += float((logits.argmax(dim=-1) == tokens[0]).sum()) / DRAWS
        dimensions.append(kl_per_dimension(mu, logvar))
        kl += float(dimensions[-1].sum())
        count += len(window)
    each = torch.stack(dimensions).mean(dim=0)
    return {
        "perplexity": float(torch.tensor((surprise + kl) / count).exp()),
        "given z": float(torch.tensor(surprise / count).exp()),
        "accuracy": right / count,
        "KL": kl / len(windows),
        "active": f"{int((each > ACTIVE_NATS).sum())}/{len(each)}",
    }


@torch.inference_mode()
def free_running(model: TokenVAE, windows: Sequence[Sequence[int]]) -> float:
    """The mean F-measure of notes of reconstructions that see nothing but the latent."""
    generator = torch.Generator().manual_seed(0)
    chosen = [windows[number * len(windows) // FREE] for number in range(min(FREE, len(windows)))]
    found = []
    for window in chosen:
        mu, _ = model.encode(torch.tensor([window]))
        (row,) = model.write(mu, len(window), generator=generator, temperature=0.0, steps=steps_of(window))
        found.append(note_f1(decode(row.tolist()), decode(window)))
    return sum(found) / len(found)


@torch.inference_mode()
def written(model: TokenVAE, count: int, length: int) -> list[list[Note]]:
    """New windows, as `generate` writes them."""
    generator = torch.Generator().manual_seed(0)
    rows = model.write(model.sample(count, generator), length, generator=generator, top_p=TOP_P)
    return [decode(row) for row in rows.tolist()]
