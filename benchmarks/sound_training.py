"""One setting, trained by the project's own recipe and trainer until its compute is spent, heard on held-out sounds."""

import io
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import soundfile
import torch
from sound_measures import RATE, at_48k, compare, means, spread
from sound_settings import ALWAYS
from torch.nn import functional

from core.audio.files import read_sound
from core.audio.recipe import AudioRecipe
from core.audio.remake import Place, Remaker
from core.audio.voice import AudioVoice
from core.losses.kl import get_kl_weight
from core.models.conv_vae import ConvVAE
from core.run.folder import RunFolder
from core.run.store import RunWriter
from core.training.config_file import load_config
from core.training.control import Control
from core.training.devices import choose_device
from core.training.journal import Journal
from core.training.optimize import unwrapped
from core.training.state import TrainingState
from core.training.train import _started
from core.training.trainer import Trainer
from core.training.validation import ACTIVE_NATS, validate

COUNT = 16  # of the samples, and of the real sounds that their variety is compared with
TIMED_STEPS = 3
MOST_WARMUP = 200


@dataclass
class Order:
    """What to train: `train` and `held_out` are paths below `data`; `seconds` are of CPU time, or of a GPU's clock."""

    name: str
    data: str
    train: list[str]
    held_out: list[str]
    seconds: float
    overrides: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    renders: str = ""


class Clock:
    """What has been spent of a budget: the process's CPU time on a CPU, the wall's on another device."""

    def __init__(self, budget: float, device: torch.device) -> None:
        self._budget = budget
        self.now: Callable[[], float] = time.process_time if device.type == "cpu" else time.perf_counter
        self.restart()

    def restart(self) -> None:
        """Nothing is spent yet."""
        self._began, self._paused = self.now(), 0.0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What happens inside does not count."""
        began = self.now()
        yield
        self._paused += self.now() - began

    @property
    def spent(self) -> float:
        return self.now() - self._began - self._paused

    @property
    def left(self) -> float:
        return self._budget - self.spent

    @property
    def share(self) -> float:
        """Of the budget, above 0 and up to 1."""
        return min(1.0, max(1e-6, self.spent / self._budget))


class BudgetedTrainer(Trainer):
    """A trainer whose schedules run over the compute, not over a number of steps that nobody knows beforehand."""

    clock: Clock

    @property
    def kl_weight(self) -> float:
        kl, epochs = self.state.config.loss.kl, self.state.config.epochs
        return get_kl_weight(self.clock.share * epochs, epochs, kl.warmup_fraction, kl.weight_max)

    def _step(self) -> None:
        step = self.state.step + 1
        # As many steps as there will be at this pace: rate and opponent then stand where the clock does.
        self.total_steps = max(step + 1, round(step / self.clock.share))
        if self.recipe.opponent is not None:
            self.recipe.opponent._total_steps = self.total_steps
        super()._step()
        if self.clock.left <= 0:
            self.control.stop("cancelled")


def trained(order: Order, data: Path, runs: Path) -> tuple[AudioRecipe, TrainingState, float]:
    """The recipe, the state at the end, and the compute that was spent, from when the sounds were loaded.

    Fitting and validation count; there are no previews, and few checkpoints.
    """
    config, given = load_config(None, [], {**ALWAYS, **order.overrides, "data.path": str(data), "device": order.device})
    device = choose_device(config.device)
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    clock = Clock(order.seconds, device)

    def progress(done: int, total: int, what: str) -> None:
        if what == "files":
            clock.restart()  # the last time when all are loaded

    recipe = AudioRecipe.prepare(config, given, device, progress, frozenset(order.held_out))
    if config.warmup_steps < 0:
        with clock.paused():
            steps = round(clock.left / seconds_a_step(recipe, clock))
        recipe.config = replace(recipe.config, warmup_steps=min(MOST_WARMUP, max(1, steps // 20)))
    torch.manual_seed(config.seed)

    folder = RunFolder.create(runs, order.name)
    writer = RunWriter(folder.store_path)
    state = TrainingState(recipe, device)
    journal = Journal(writer, None)
    journal.emit(_started(recipe, state, writer.next_session, ""))
    trainer = BudgetedTrainer(recipe, state, folder, writer, journal, Control())
    trainer.clock = clock
    trainer.run()
    spent = clock.spent
    writer.close()
    return recipe, state, spent


def seconds_a_step(recipe: AudioRecipe, clock: Clock) -> float:
    """Roughly, from a few steps whose gradients are thrown away: the warmup is a share of all steps."""
    generator = torch.Generator().manual_seed(1)
    recipe.model.train()
    for number in range(TIMED_STEPS + 1):
        if number == 1:  # the first is slower
            began = clock.now()
        total = recipe.losses(recipe.model, recipe.batch(generator), 0.0)["total_loss"]
        total.backward()
        total.item()  # waits for the device
    recipe.model.zero_grad(set_to_none=True)
    return (clock.now() - began) / TIMED_STEPS


def heard(order: Order, data: Path, recipe: AudioRecipe, state: TrainingState) -> dict[str, Any]:
    """The row of a trained setting: the latest averaged weights, through the code of the `reconstruct` command."""
    model = unwrapped(state.average).eval()
    assert isinstance(model, ConvVAE)
    recipe.fit_density(model)
    validation = validate(recipe, state, 0.0, lambda: False)
    assert validation is not None
    remaker = Remaker(model.cpu(), recipe.config)
    voice = AudioVoice(remaker)
    rows, seconds, spent = [], 0.0, 0.0
    for name in order.held_out:
        began = time.process_time()
        rendering = voice.reconstruct(data / name)
        spent += time.process_time() - began
        seconds += rendering.seconds
        samples, rate = soundfile.read(io.BytesIO(rendering.data), dtype="float32")
        rows.append(compare(read_sound(data / name, RATE)[0], at_48k(torch.from_numpy(samples), rate)))
        if order.renders:
            path = Path(order.renders) / order.name / f"{Path(name).stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(rendering.data)
    active = sum(kl > ACTIVE_NATS for kl in validation.kl_per_dimension)
    return {
        **means(rows),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "steps": state.step,
        "audio s/s": seconds / spent,
        "active": f"{active}/{len(validation.kl_per_dimension)}",
        "variety": variety(order, data, remaker),
    }


def variety(order: Order, data: Path, remaker: Remaker) -> float:
    """The spread of 16 samples against that of 16 real sounds, each from its beginning: 1 is as varied."""
    rate, length = remaker.sample_rate, remaker.chunk_samples
    names = sorted([*order.train, *order.held_out])
    chosen = sorted({number * len(names) // COUNT for number in range(COUNT)})
    sounds = [read_sound(data / names[number], rate)[0][:length] for number in chosen]
    real = [functional.pad(sound, (0, length - len(sound))) for sound in sounds]
    drawn = [remaker.sound_of(Place(remaker.drawn(seed, length), length)) for seed in range(COUNT)]
    return spread([at_48k(sound, rate) for sound in drawn]) / spread([at_48k(sound, rate) for sound in real])


def row_of(order: Order) -> dict[str, Any]:
    """Train and listen. The sounds are linked into a folder that holds nothing else, and stay where they are."""
    with tempfile.TemporaryDirectory() as place:
        data = Path(place) / "sounds"
        for name in [*order.train, *order.held_out]:
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            (data / name).symlink_to(Path(order.data).absolute() / name)
        recipe, state, spent = trained(order, data, Path(place) / "runs")
        row = {"what": order.name, **heard(order, data, recipe, state), "CPU s": round(spent, 1)}
        recipe.close()
    return row
