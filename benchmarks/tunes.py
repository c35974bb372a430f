"""How well it learns tunes: held-out tokens, and what it writes, beside an n-gram model and chance.

    python benchmarks/tunes.py DATA [--cpu-seconds 2400] [--threads 2] [--settings default,uncertainty] [--json FILE]

Split and seeds are fixed; versions of one tune are on one side. A setting is trained by the project's own recipe and
trainer until its CPU time over all threads is spent (2400 s are 20 minutes on two cores); its latest averaged weights
are measured. "perplexity" of a held-out token is by the bound on its likelihood, exp((NLL + KL) / tokens) with the
latent drawn from the posterior, which is what may be held against an n-gram model; "given z" leaves the KL out.
"accuracy" is teacher-forced, "notes" the F-measure of free-running reconstructions. "active" latent dimensions carry
0.1 nats or more. The last columns are the areas that histograms of 64 samples share with those of the held-out windows;
the row of training windows says what real tunes reach. Without DATA: the demo's tunes, for 20 CPU-seconds.
"""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ngram import KneserNey
from report import show
from tune_measures import Histogram, overlaps, statistics
from tune_training import SETTINGS, Order, row_of

from core.errors import UsageError
from core.folders import relative_name
from core.midi.bank import TuneBank, fixed_windows
from core.midi.demo import make_demo_tunes
from core.midi.files import Tune, find_tunes
from core.midi.split import split_tunes
from core.midi.tokens import decode, encode
from core.midi.vocabulary import PITCHES, SIZE
from core.training.config_file import parse_assignment
from core.training.presets import validation_fraction
from core.training.tunes_config import TunesConfig

SECONDS = 2400.0
DEMO_SECONDS = 20.0
SPLIT_SEED = 0
SAMPLES = 64
ORDER = 5
KEYS = range(-5, 6)  # semitones, as the training's augmentation has them

Windows = list[list[int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, metavar="DATA")
    parser.add_argument("--cpu-seconds", type=float, help=f"for each setting (default: {SECONDS:g})")
    parser.add_argument("--threads", type=int, default=2, metavar="N")
    parser.add_argument("--settings", default="default", metavar="NAME,...", help=", ".join(SETTINGS))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a config value for all")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there, too")
    args = parser.parse_args()
    if unknown := set(args.settings.split(",")) - SETTINGS.keys():
        parser.error(f"no such setting: {', '.join(sorted(unknown))}; there are {', '.join(SETTINGS)}")
    seconds = args.cpu_seconds or (SECONDS if args.data else DEMO_SECONDS)
    with tempfile.TemporaryDirectory() as place:
        if args.data is None:
            args.data = Path(place)
            make_demo_tunes(args.data)
        try:
            rows = table(args, seconds)
        except UsageError as error:
            parser.error(str(error))
    show("tunes", rows)
    if args.json:
        args.json.write_text(json.dumps({"benchmark": "tunes", "data": str(args.data), "rows": rows}, indent=1))


def table(args: argparse.Namespace, seconds: float) -> list[dict[str, Any]]:
    """All rows, told on stderr as they come."""
    torch.set_num_threads(args.threads)
    config = TunesConfig()
    bank = TuneBank.load(find_tunes(args.data), config, root=args.data)
    pairs = list(zip(bank.files, bank.tunes, strict=True))
    train_files, val_files = split_tunes(pairs, validation_fraction(len(bank.files)), SPLIT_SEED)
    train, held_out = bank.subset(train_files).tunes, bank.subset(val_files).tunes
    windows = [row for tune in held_out for row in windows_of(tune, config)]
    real = statistics(map(decode, windows))
    rows: list[dict[str, Any]] = []

    def tell(row: dict[str, Any]) -> None:
        print(json.dumps(row), file=sys.stderr, flush=True)
        rows.append(row)

    tell({"what": "chance", "perplexity": float(SIZE), **overlaps(map(decode, noise(config)), real)})
    tell(counted(f"{ORDER}-gram, Kneser-Ney", [encode(tune.notes) for tune in train], windows, real, config))
    everywhere = [encode(moved.notes) for tune in train for key in KEYS for moved in transposed(tune, key)]
    tell(counted(f"{ORDER}-gram, Kneser-Ney, in all keys", everywhere, windows, real, config))
    shown = [row for tune in train for row in windows_of(tune, config)]
    tell({"what": "training windows", **overlaps(map(decode, shown[:: max(1, len(shown) // SAMPLES)]), real)})
    names = [relative_name(path, args.data) for path in val_files]
    for name in args.settings.split(","):
        overrides = {**SETTINGS[name], **dict(map(parse_assignment, args.set))}
        order = Order(name, str(args.data.absolute()), names, seconds, args.threads, args.device, overrides)
        tell(row_of(order, windows, real, SAMPLES))
    return rows


def windows_of(tune: Tune, config: TunesConfig) -> Windows:
    """A tune's fixed windows, as validation has them."""
    _, rows = fixed_windows(tune, config.window_tokens, config.min_notes)
    return [[token for token in row if token >= 0] for row in rows.tolist()]


def counted(
    name: str, sequences: Windows, windows: Windows, real: dict[str, Histogram], config: TunesConfig
) -> dict[str, Any]:
    """The row of an n-gram model: the held-out windows' perplexity and what it writes."""
    model = KneserNey(ORDER, SIZE).fit(sequences)
    surprise = [nats for window in windows for nats in model.nll(window)]
    drawn = [model.sample(config.window_tokens, np.random.default_rng(number)) for number in range(SAMPLES)]
    perplexity = math.exp(sum(surprise) / len(surprise))
    return {"what": name, "perplexity": perplexity, **overlaps(map(decode, drawn), real)}


def noise(config: TunesConfig) -> Windows:
    """Windows of random tokens."""
    rows: Windows = np.random.default_rng(0).integers(SIZE, size=(SAMPLES, config.window_tokens)).tolist()
    return rows


def transposed(tune: Tune, semitones: int) -> Sequence[Tune]:
    """The tune in another key; none where a note would leave MIDI's pitches."""
    notes = tuple(note._replace(pitch=note.pitch + semitones) for note in tune.notes)
    return [Tune(notes)] if all(0 <= note.pitch < PITCHES for note in notes) else []


if __name__ == "__main__":
    main()
