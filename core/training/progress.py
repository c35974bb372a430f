"""How far a run has come: the part of a trainer's state that is neither weights nor random numbers."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class TrainingProgress:
    """Counts and best values; plain, so that it goes into a checkpoint as it is.

    `step` counts optimizer steps done, skipped ones included; `validated` is the step after which the last validation
    was made, so that a stop between an epoch's last step and its validation loses neither. `means` are the running
    means of the epoch under way, `rate_scale` halves with every rollback.

    `advice` is what was taken and may be undone (plain `AdviceTaken`), `advised_at` the step of the last one or of a
    rollback. By itself the trainer has taken so much by the kind of alert (`advised_kinds`), and leaves alone those
    alerts (ids) whose advice was undone (`advice_declined`).
    """

    step: int = 0
    validated: int = 0
    elapsed_seconds: float = 0.0
    best_val_loss: float | None = None
    best_epoch: int | None = None
    rate_scale: float = 1.0
    skipped_steps: int = 0
    skipped_in_a_row: int = 0
    rollbacks_in_vain: int = 0
    advice: list[dict[str, Any]] = field(default_factory=list)
    advised_at: int | None = None
    advised_kinds: dict[str, int] = field(default_factory=dict)
    advice_declined: list[str] = field(default_factory=list)
    means: dict[str, Any] = field(default_factory=lambda: {"sums": {}, "counts": {}})
    detectors: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "TrainingProgress":
        """The inverse of `to_dict`; unknown keys of newer versions are dropped."""
        known = cls.__dataclass_fields__
        return cls(**{key: value for key, value in plain.items() if key in known})
