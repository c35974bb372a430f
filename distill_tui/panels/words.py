"""What a panel says of itself when a person asks with `?`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PanelHelp:
    """Plain sentences: what the panel's numbers mean, what good looks like, and what to do when it does not."""

    title: str
    means: str
    good: str
    todo: str
