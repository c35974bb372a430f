"""What the losses of tunes cost: forward and backward of all sides of the framework, part by part, on one thread.

    python benchmarks/framework.py [--batch 8] [--length 512] [--rounds 7]

The project's demo tunes as tokens, logits that are leaves, and its discriminator of about 9 million parameters. The
model itself is not in it. Goal: under 1.5 s altogether.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random

import torch
from report import show
from torch import Tensor

from core.losses.framework import ComprehensiveLossFramework
from core.midi.demo import KINDS, compose
from core.midi.tokens import encode
from core.midi.vocabulary import ABSENT, SIZE
from core.models.token_discriminator import MultiScaleDiscriminator, one_hot, soft_tokens

LATENT = 128
WARM_ROUNDS = 2
R1_EVERY = 16  # training's default: the penalty is measured at every so many steps
GOAL_SECONDS = 1.5


class Stopwatch:
    """Seconds of each part, on the clock and of the processor: a pair for each round."""

    def __init__(self) -> None:
        self.pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        clock, processor = time.perf_counter(), time.process_time()
        yield
        self.pairs[part].append((time.perf_counter() - clock, time.process_time() - processor))

    def medians(self, part: str) -> tuple[float, float]:
        clock, processor = zip(*self.pairs[part][WARM_ROUNDS:], strict=True)
        return statistics.median(clock), statistics.median(processor)


def tunes(batch: int, length: int) -> Tensor:
    """The beginnings of demo tunes, int64 [batch, length]."""
    rows = [encode(compose(KINDS[number % len(KINDS)], Random(number)))[:length] for number in range(batch)]
    return torch.tensor([row + [ABSENT] * (length - len(row)) for row in rows])


def play(
    framework: ComprehensiveLossFramework, opponent: MultiScaleDiscriminator, tokens: Tensor, watch: Stopwatch
) -> None:
    """One step of both sides, as training takes it, with the penalty."""
    logits = torch.randn(*tokens.shape, SIZE, requires_grad=True)
    mu, logvar = torch.randn(len(tokens), LATENT, requires_grad=True), torch.zeros(len(tokens), LATENT).requires_grad_()
    with watch("model side: forward"):
        terms = framework.model_side(logits, tokens, mu, logvar, beta=0.5)
    with watch("model side: backward"):
        torch.autograd.grad(terms["total_loss"], (logits, mu, logvar))
    with watch("tokens drawn, judged, real ones too"):
        with torch.no_grad():
            views = opponent.views(one_hot(tokens))
            real = opponent.judge(views)
        drawn = opponent.views(soft_tokens(logits, tokens, torch.default_generator))
        fake = opponent.judge(drawn)
    with watch("generator side: forward"):
        pull = framework.generator_side(real, fake)["gen_total"]
    with watch("generator side: backward to the logits"):
        torch.autograd.grad(pull, logits)
    leaves = [view.clone().requires_grad_() for view in views]
    for part, inputs in (("", None), (" with R1", leaves)):
        with watch(f"discriminator side{part}"):
            judged = opponent.judge(views if inputs is None else inputs)
            apart = opponent.judge([view.detach() for view in drawn])
            framework.discriminator_side(judged, apart, inputs, R1_EVERY)["disc_total"].backward()
        opponent.zero_grad()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    framework, opponent, watch = ComprehensiveLossFramework(), MultiScaleDiscriminator(), Stopwatch()
    tokens = tunes(given.batch, given.length)
    for _ in range(WARM_ROUNDS + given.rounds):
        play(framework, opponent, tokens, watch)
    parts = {part: watch.medians(part) for part in watch.pairs}
    rows: list[dict[str, object]] = [_row(part, [figures]) for part, figures in parts.items()]
    common = [figures for part, figures in parts.items() if not part.startswith("discriminator side")]
    for kind in ("", " with R1"):
        whole = _row(f"a step of all sides{kind}", [*common, parts[f"discriminator side{kind}"]])
        rows.append({**whole, "goal": GOAL_SECONDS})
    parameters = sum(parameter.numel() for parameter in opponent.parameters())
    show("framework", rows, {"batch": given.batch, "length": given.length, "discriminator_parameters": parameters})


def _row(what: str, figures: Sequence[tuple[float, float]]) -> dict[str, object]:
    """Parts as one; on a busy machine the processor's seconds are nearer to what it takes alone."""
    clock, processor = zip(*figures, strict=True)
    return {"what": what, "seconds": sum(clock), "processor": sum(processor)}


if __name__ == "__main__":
    main()
