"""What is done only to runs of this machine: where they are another host's, the person is told how to do it there."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from distill_tui.format import clean
from distill_tui.keys import Key

if TYPE_CHECKING:
    from distill_tui.screens.run_shelf import RunShelf

REFUSAL_SECONDS = 12.0  # time enough to copy the command that it names

Action = TypeVar("Action", bound=Callable[..., Any])


def here_only(action: Action) -> Action:
    """An action of a `RunShelf` that its source must keep its runs for; elsewhere it gives the source's refusal."""

    @wraps(action)
    def guarded(shelf: "RunShelf", *given: Any) -> Any:
        if shelf.source.keeps:
            return action(shelf, *given)
        shelf.notify(clean(shelf.source.refusal), timeout=REFUSAL_SECONDS, markup=False)
        return None

    guarded.here_only = True  # type: ignore[attr-defined]
    return cast(Action, guarded)


def can_be_done(shelf: "RunShelf", key: Key) -> bool:
    """Whether what the key does would not be refused."""
    return shelf.source.keeps or not getattr(getattr(shelf, f"action_{key.action}", None), "here_only", False)
