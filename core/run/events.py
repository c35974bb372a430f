"""What a run tells the world, as frozen events."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

CompletionReason = Literal["finished", "cancelled", "preempted", "failed"]
Severity = Literal["warning", "danger"]
PreviewKind = Literal["original", "reconstruction", "sample"]
Phase = Literal["loading", "training", "validating", "saving"]
RemedyKind = Literal["set", "back", "stop"]
Direction = Literal["", "at most", "at least"]


@dataclass(frozen=True)
class TermInfo:
    """One loss term as a recipe declares it.

    `name` is the key in the recipe's loss dictionary; `group` collects panels (reconstruction, kl, adversarial, ...).
    `judged` says that the term's weight is constant, so that a rise of it means trouble: the total is never judged,
    since KL annealing raises it by itself. `help` explains in one or two plain sentences what the number means.
    """

    name: str
    label: str
    group: str
    judged: bool = True
    help: str = ""


@dataclass(frozen=True)
class SkippedFile:
    """A file of the person's folder that is not trained on, and why. `path` is relative to the data folder."""

    path: str
    reason: str


@dataclass(frozen=True)
class ConfigDifference:
    """A setting that is not as it would be `than` ("preset"), or was in the checkpoint resumed from ("checkpoint").

    `here` and `there` are the two values as text.
    """

    key: str
    here: str
    there: str
    than: Literal["preset", "checkpoint"]


@dataclass(frozen=True)
class RunStarted:
    """A trainer took the run: at its start and again at every resume (`session` counts them from 0).

    The metrics of steps from `start_step` on belong to this session; what an earlier session logged past that step
    stays in the store but is no longer on the run's path. `extras` names what steps may measure beside their terms.
    """

    session: int
    recipe: str
    representation: str
    terms: tuple[TermInfo, ...]
    device: str
    host: str
    pid: int
    start_step: int
    total_steps: int
    total_epochs: int
    steps_per_epoch: int
    parameters: int
    preset: str
    train_files: int
    val_files: int
    train_seconds: float
    skipped: tuple[SkippedFile, ...] = ()
    resumed_from: str = ""
    extras: tuple[str, ...] = ()
    differences: tuple[ConfigDifference, ...] = ()


@dataclass(frozen=True)
class PhaseChanged:
    """What the trainer is busy with from now on; `detail` is one short line, e.g. "17 of 63 files"."""

    phase: Phase
    detail: str = ""


@dataclass(frozen=True)
class StepMetrics:
    """One optimizer step (specification 5, pattern 3; per-component fields of specification 3, test 5).

    `terms` holds every term of the recipe by name, unweighted; the named fields repeat those of the audio recipe.
    `elapsed_s` counts training time over all sessions. A skipped step has `skipped` set and its terms as they came.

    `extras` is what a step measured beside its terms, by names with a slash: "weight/TERM" (what the term counts with
    in the minimised total), "gradient/TERM" (its share of the gradient), "norm/PART", "update/PART", "dead/PART" and
    "data/empty" (see `core.training.stability_gauge`), "system/NAME" (the machine).
    """

    epoch: int
    step: int
    total_steps: int
    train_loss: float
    recon_loss: float = 0.0
    kl_loss: float = 0.0
    kl_weight: float = 0.0
    learning_rate: float = 0.0
    step_time_s: float = 0.0
    stft_loss: float = 0.0
    mag_recon_loss: float = 0.0
    if_recon_loss: float = 0.0
    grad_norm: float = 0.0
    data_time_s: float = 0.0
    elapsed_s: float = 0.0
    device_memory_bytes: float = 0.0
    skipped: bool = False
    terms: Mapping[str, float] = field(default_factory=dict)
    extras: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class EpochMetrics:
    """The end of an epoch, after validation. `val_terms` and `train_terms` hold the epoch's mean of every term.

    `overfitting_gap` is (val_loss - train_loss) / train_loss over the judged terms; `active_dimensions` of
    `latent_dimensions` have a validation KL above 0.1 nats; `kl_divergence` is the raw validation KL in nats.
    `active_units` are those whose posterior mean differs between items (variance above 0.01; Burda et al. 2015), and
    `mutual_information` is an estimate of what the latent says of an item, in nats (Hoffman & Johnson 2016). A run of
    an older version measured neither: -1 and NaN.
    """

    epoch: int
    total_epochs: int
    train_loss: float
    val_loss: float
    val_recon_loss: float = 0.0
    val_kl_loss: float = 0.0
    kl_divergence: float = 0.0
    overfitting_gap: float = 0.0
    eta_seconds: float = 0.0
    elapsed_seconds: float = 0.0
    val_stft_loss: float = 0.0
    val_mag_recon_loss: float = 0.0
    val_if_recon_loss: float = 0.0
    step: int = 0
    active_dimensions: int = 0
    latent_dimensions: int = 0
    is_best: bool = False
    train_terms: Mapping[str, float] = field(default_factory=dict)
    val_terms: Mapping[str, float] = field(default_factory=dict)
    kl_per_dimension: tuple[float, ...] = ()
    active_units: int = -1
    mutual_information: float = math.nan


@dataclass(frozen=True)
class LatentMap:
    """The validation material in two dimensions: principal components of its posterior means.

    Item i is called names[i] and lies at (x[i], y[i]); `explained` is each axis' share of the variance, 0 to 1.
    """

    epoch: int
    step: int
    names: tuple[str, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    explained: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class PreviewEvent:
    """A preview was written. `audio_path` is relative to the run folder: pass it to `RunLink.fetch`.

    Original and reconstruction of one sound share `pair`; `mrstft` is the reconstruction's distance to its original,
    where sounds are compared, and `likeness` says in a word or two how near it is where something else is.
    `peaks` is a small waveform for a list: up to 64 values from 0 to 1. `score_path` is a tune's MIDI file beside its
    sound, to be fetched in the same way.
    """

    epoch: int
    audio_path: str
    sample_rate: int
    step: int = 0
    kind: PreviewKind = "sample"
    name: str = ""
    pair: str = ""
    seconds: float = 0.0
    mrstft: float | None = None
    peaks: tuple[float, ...] = ()
    score_path: str = ""
    likeness: str = ""


@dataclass(frozen=True)
class CheckpointSaved:
    """A checkpoint is whole on disk. `path` is relative to the run folder; `reason` says who asked for it."""

    step: int
    epoch: int
    path: str
    reason: Literal["interval", "autosave", "best", "requested", "cancelled", "preempted", "finished"]
    val_loss: float | None = None


@dataclass(frozen=True)
class Remedy:
    """Something that the trainer can do about an alert at a person's word; `words` say it: "Halve the learning rate".

    "set" gives the live value `key` the `value`; "back" takes weights and optimizer from before the trouble and
    multiplies the rate by `value`; "stop" saves and stops. A `safe` one loses nothing that was learned and can be
    undone: `--auto conservative` does it without asking. `direction` says that the key is to be "at most" or "at least"
    the value, so that one which a person has set beyond it stays; what an older version told says nothing of it.
    """

    kind: RemedyKind
    words: str
    key: str = ""
    value: float = 0.0
    safe: bool = False
    direction: Direction = ""


@dataclass(frozen=True)
class AlertStarted:
    """Something is wrong since `step`: named, explained, with the action that helps. `id` pairs it with its end.

    `remedies` are what the trainer can do about it by itself, the best first. `restored` says that it is no news: it
    stood when the run was stopped, and a new session tells of it again.
    """

    id: str
    kind: str
    severity: Severity
    title: str
    explanation: str
    action: str
    step: int
    epoch: int
    remedies: tuple[Remedy, ...] = ()
    restored: bool = False


@dataclass(frozen=True)
class AlertEnded:
    """The condition that the alert `id` named no longer holds."""

    id: str
    step: int
    epoch: int


@dataclass(frozen=True)
class RolledBack:
    """Three non-finite steps in a row: weights and optimizer are those of `restored_step` again, at half the rate.

    The count of steps goes on, so that other batches follow than the ones that failed.
    """

    step: int
    restored_step: int
    learning_rate_scale: float
    reason: str


@dataclass(frozen=True)
class CommandAnswered:
    """The trainer's answer to the command `id`: done, or refused with the reason in `message`."""

    id: int
    command: str
    done: bool
    message: str = ""
    step: int = 0


@dataclass(frozen=True)
class ValueSet:
    """A person changed the live value `key`; steps after `step` use it."""

    step: int
    key: str
    before: float
    after: float


@dataclass(frozen=True)
class AdviceTaken:
    """The trainer did what `remedy` says, after `step`: at a person's word, or by itself ("auto").

    `id` pairs it with its undoing; `alert` is the alert that it answers, and `reason` that one's title. Of "set",
    `before` is the value that `remedy.key` had; of "back", `restored_step` is the step of the weights that it took.
    `checkpoint`, relative to the run folder, holds the state right before it.
    """

    id: str
    step: int
    alert: str
    reason: str
    remedy: Remedy
    by: Literal["person", "auto"] = "person"
    before: float = 0.0
    restored_step: int = 0
    checkpoint: str = ""


@dataclass(frozen=True)
class AdviceUndone:
    """What the advice `id` did was taken back after `step`."""

    id: str
    step: int


@dataclass(frozen=True)
class NoteAdded:
    """A person's note at a step."""

    step: int
    text: str


@dataclass(frozen=True)
class Reported:
    """One line for the events list that needs nothing done: what was skipped, which subscriber was dropped.

    `refusal` says that the trainer was asked to stop and goes on, since it could not save.
    """

    message: str
    step: int = 0
    refusal: bool = False


@dataclass(frozen=True)
class TrainingCompleteEvent:
    """The session is over. "finished" and "cancelled" are never the same; "failed" carries the error's one line."""

    reason: CompletionReason
    epoch: int
    step: int
    elapsed_seconds: float = 0.0
    best_val_loss: float | None = None
    best_epoch: int | None = None
    checkpoint: str = ""
    error: str = ""


Event = (
    RunStarted | PhaseChanged | StepMetrics | EpochMetrics | PreviewEvent | CheckpointSaved | AlertStarted | AlertEnded
    | RolledBack | CommandAnswered | ValueSet | AdviceTaken | AdviceUndone | NoteAdded | Reported | LatentMap
    | TrainingCompleteEvent
)  # fmt: skip


@dataclass(frozen=True)
class Stored:
    """An event with its place in the run: sequence number (from 1) and wall-clock time in seconds since 1970."""

    seq: int
    time: float
    event: Event
