"""Tokens and states as vectors, and vectors as logits: pitches know octave and class, and intervals count."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.midi.vocabulary import ABSENT, LEVEL_VELOCITIES, MAX_SHIFT, PITCHES, SIZE, TIME_SHIFT, VELOCITY
from core.models.token_state import NONE, TokenState, allowed

CLASSES = 12
INTERVALS = 49  # from two octaves below to two above; what is further counts as that
EXACT_STEPS = 32  # durations below it have a bucket each, those above an eighth of an octave
BUCKETS = EXACT_STEPS + 8 * 5 + 2  # the last but one for all longer ones, the last for none
MIDDLE = 60
# What a token that breaks the order of tokens loses, in nats: it costs almost nothing to say that it will not come,
# and a sequence that comes from elsewhere still has a finite loss.
FORBIDDEN = 12.0
# Steps in which the clock's hands go round: a 16th to eight bars of 4/4 at 120, and three-beat bars.
CLOCK = (8.0, 16.0, 32.0, 48.0, 64.0, 96.0, 128.0, 192.0, 256.0, 384.0, 512.0, 1024.0)


class TokenTable(nn.Module):
    """A vector for each token [774, width]; a NOTE_ON and its NOTE_OFF share that of their pitch, and a pitch shares
    those of its octave and its class, so that what is seen in one key says something about the others."""

    octave: Tensor
    pitch_class: Tensor
    hands: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.randn(SIZE, width) * 0.5)
        self.pitches = nn.Parameter(torch.randn(PITCHES, width) * 0.5)
        self.octaves = nn.Parameter(torch.randn(-(-PITCHES // CLASSES), width) * 0.5)
        self.classes = nn.Parameter(torch.randn(CLASSES, width) * 0.5)
        self.kinds = nn.Parameter(torch.randn(4, width) * 0.5)
        self.durations = nn.Linear(2 * 16, width, bias=False)
        pitches = torch.arange(PITCHES)
        self.register_buffer("octave", pitches // CLASSES, persistent=False)
        self.register_buffer("pitch_class", pitches % CLASSES, persistent=False)
        octaves = torch.arange(1, MAX_SHIFT + 1).log2()
        angles = octaves[:, None] * torch.logspace(-3, 3, 16, base=2.0)
        self.register_buffer("hands", torch.cat([angles.cos(), angles.sin()], dim=1), persistent=False)

    def forward(self) -> Tensor:
        """The table [774, width]."""
        pitches = self.pitches + self.octaves[self.octave] + self.classes[self.pitch_class]
        on, off, shift, level = self.kinds
        shared = torch.cat(
            [
                pitches + on,
                pitches + off,
                self.durations(self.hands) + shift,
                level.expand(len(LEVEL_VELOCITIES), -1),
            ]
        )
        return self.tokens + shared


class StateEmbedding(nn.Module):
    """A `TokenState` [batch, length] as vectors [batch, length, width]: pitches, intervals, durations and the clock."""

    rates: Tensor
    offsets: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = [INTERVALS + 1] * 4 + [PITCHES + 1] * 2 + [BUCKETS] * 5 + [len(LEVEL_VELOCITIES) + 1]
        starts = torch.tensor([0, *sizes]).cumsum(0)
        self.register_buffer("offsets", starts[:-1], persistent=False)
        self.register_buffer("rates", 2 * torch.pi / torch.tensor(CLOCK), persistent=False)
        self.facts = nn.EmbeddingBag(int(starts[-1]), width, mode="sum")
        self.chords = nn.Linear(PITCHES + INTERVALS + 2 * len(CLOCK), width)
        nn.init.normal_(self.facts.weight, std=0.2)

    def forward(self, state: TokenState) -> Tensor:
        known = state.sounding.any(dim=-1)
        lowest = torch.where(known, state.sounding.int().argmax(dim=-1), NONE)
        facts = [
            interval(state.pitch, state.top),
            interval(state.top, state.before_top),
            interval(state.pitch, lowest),
            interval(state.top, lowest),
            state.pitch % (PITCHES + 1),
            state.top % (PITCHES + 1),
            bucket(torch.where(state.onset >= 0, state.now - state.onset, NONE)),
            bucket(state.gap),
            bucket(self._age(state, lowest)),
            bucket(self._age(state, state.pitch)),
            bucket(torch.where((state.last >= TIME_SHIFT) & (state.last < VELOCITY), state.last - TIME_SHIFT, NONE)),
            state.level % (len(LEVEL_VELOCITIES) + 1),
        ]
        rows = torch.stack([fact.long() for fact in facts], dim=-1) + self.offsets
        angles = state.now[..., None] * self.rates
        seen = torch.cat([state.sounding, self._around(state), angles.cos(), angles.sin()], dim=-1)
        vectors: Tensor = self.facts(rows.flatten(0, -2)).view(*rows.shape[:-1], -1)
        chords: Tensor = self.chords(seen)
        return vectors + chords

    @staticmethod
    def _age(state: TokenState, pitch: Tensor) -> Tensor:
        """Steps for which `pitch` has sounded, NONE where it does not."""
        place = pitch.clamp(min=0)[..., None]
        sounds = (pitch >= 0) & state.sounding.gather(-1, place)[..., 0]
        return torch.where(sounds, state.now - state.began.gather(-1, place)[..., 0], NONE)

    @staticmethod
    def _around(state: TokenState) -> Tensor:
        """What sounds from two octaves below the last pitch to two above, [..., 49] bool."""
        middle = torch.where(state.pitch >= 0, state.pitch, MIDDLE)
        half = INTERVALS // 2
        places = middle[..., None] + torch.arange(-half, half + 1, device=middle.device)
        there = (places >= 0) & (places < PITCHES)
        return state.sounding.gather(-1, places.clamp(0, PITCHES - 1)) & there


class TokenHead(nn.Module):
    """Vectors [..., width] and the state that they were made in to logits [..., 774].

    To the product with the token table come logits by interval: of a note to the one struck before it, to the last top
    note and to the lowest that sounds; and of a note's end by how long it has sounded. What would break the order of
    tokens loses `FORBIDDEN` nats.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(SIZE))
        self.intervals = nn.Linear(width, 3 * (INTERVALS + 1))
        self.ages = nn.Linear(width, BUCKETS)
        self.scale = 1 / math.sqrt(width)

    def forward(self, x: Tensor, table: Tensor, state: TokenState) -> Tensor:
        x = self.norm(x)
        logits = functional.linear(x * self.scale, table, self.bias)
        pitches = torch.arange(PITCHES, device=x.device)
        lowest = torch.where(state.sounding.any(dim=-1), state.sounding.int().argmax(dim=-1), NONE)
        references = (state.pitch, state.top, lowest)
        on = sum(
            by_interval.gather(-1, interval(pitches, reference[..., None]))
            for by_interval, reference in zip(self.intervals(x).chunk(3, dim=-1), references, strict=True)
        )
        off = self.ages(x).gather(-1, bucket(state.now[..., None] - state.began))
        added = torch.cat([on, off, torch.zeros_like(logits[..., 2 * PITCHES :])], dim=-1)
        return logits + added - FORBIDDEN * ~allowed(state)


def interval(pitch: Tensor, reference: Tensor) -> Tensor:
    """The place, 0 to 48, of an interval of -24 to 24 semitones; 49 where one of the pitches is NONE."""
    half = INTERVALS // 2
    return torch.where((pitch >= 0) & (reference >= 0), (pitch - reference).clamp(-half, half) + half, INTERVALS)


def bucket(steps: Tensor) -> Tensor:
    """The place, 0 to BUCKETS - 1, of a duration in steps; the last one for NONE."""
    far = EXACT_STEPS + (8 * (steps.clamp(min=EXACT_STEPS) / EXACT_STEPS).log2()).long()
    placed = torch.where(steps < EXACT_STEPS, steps, far.clamp(max=BUCKETS - 2))
    return torch.where(steps < 0, BUCKETS - 1, placed)


def shifted(tokens: Tensor) -> Tensor:
    """[batch, length] one place later, ABSENT in front: what is known before each token."""
    return functional.pad(tokens[:, :-1], (1, 0), value=ABSENT)
