"""Sorting runs by any result or setting: by its name in the command palette, or typed."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, cast

from textual.app import App
from textual.command import DiscoveryHit, Hit, Hits, Provider

from core.run.facts import Order, QueryError

if TYPE_CHECKING:
    from distill_tui.screens.home import HomeScreen

ASK = "Sort by ..."
ASK_HELP = "By any result or setting, such as loss.stft.weight"


async def ask_order(app: App[Any], keys: Collection[str], order: Order) -> Order | None:
    """Ask for a key to sort by; None when the person goes back."""
    from distill_tui.screens.ask_text import AskText

    def wrong(text: str) -> str:
        try:
            Order.parse(text, keys)
        except QueryError as error:
            return str(error)
        return ""

    question = "A result or a setting: best, epoch, age, loss.stft.weight. A minus in front turns it round."
    ask = AskText("Sort by", question, f"{'-' if order.turned else ''}{order.key}", "best", check=wrong)
    text = await app.push_screen_wait(ask)
    return None if text is None else Order.parse(text, keys)


class SortCommands(Provider):
    """In the palette: sort by each result and setting that the runs have."""

    @property
    def home(self) -> "HomeScreen":
        """The screen that the palette was opened on."""
        return cast("HomeScreen", self.screen)

    async def discover(self) -> Hits:
        """One entry that asks; the rest is found by typing."""
        yield DiscoveryHit(ASK, self.home.action_ask_order, help=ASK_HELP)

    async def search(self, query: str) -> Hits:
        """Every key that fits what is typed."""
        matcher = self.matcher(query)
        if score := matcher.match(ASK):
            yield Hit(score, matcher.highlight(ASK), self.home.action_ask_order, help=ASK_HELP)
        for key in self.home.sort_keys:
            title = f"Sort by {key}"
            if score := matcher.match(title):
                yield Hit(score, matcher.highlight(title), lambda key=key: self.home.action_sort_by(key))
