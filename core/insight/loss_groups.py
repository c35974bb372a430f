"""Which losses belong together: by what a recipe declares, else by their names."""

from collections.abc import Iterable

from core.run.events import TermInfo

GROUPS = ("total", "reconstruction", "kl", "adversarial", "constraints", "weights", "metrics", "other")
"""In the order in which they are shown. "kl" is what the latent costs."""

# The first that a name has in it decides; a part of a name stands between underscores, slashes or dots.
_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("weights", ("weight", "weights", "lambda")),
    ("metrics", ("accuracy", "perplexity", "active")),
    ("adversarial", ("gen", "disc", "generator", "discriminator", "adversarial", "gan", "feature", "hinge", "r1")),
    ("kl", ("kl", "kld", "beta", "latent")),
    ("constraints", ("constraint", "constraints", "rhythm", "harmony", "voice")),
    ("reconstruction", ("recon", "reconstruction", "stft", "mag", "magnitude", "if", "phase", "mel", "spectral", "mse",
                        "l1", "perceptual", "structure")),
    ("total", ("total", "loss", "train", "val")),
)  # fmt: skip


def group_of(name: str) -> str:
    """The group of a loss by its name alone: "disc_accuracy" is a discriminator's, "total_loss" a total."""
    parts = set(name.lower().replace("/", "_").replace(".", "_").replace("-", "_").split("_"))
    if parts & {"disc", "gen"}:
        return "adversarial"
    return next((group for group, words in _WORDS if parts & set(words)), "other")


def grouped(names: Iterable[str], terms: Iterable[TermInfo] = ()) -> dict[str, list[str]]:
    """`names` by group, groups in the order of `GROUPS` and then as they come; `terms` decide where they know one."""
    declared = {term.name: term.group for term in terms}
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(declared.get(name) or group_of(name), []).append(name)
    order = [group for group in GROUPS if group in found] + [group for group in found if group not in GROUPS]
    return {group: found[group] for group in order}
