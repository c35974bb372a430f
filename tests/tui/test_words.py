"""What the screen says can be understood by someone who has never trained a model, and can be drawn anywhere."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import distill_tui
from core.run.events import RunStarted
from core.run.state import RunState
from distill_tui import panels, screens
from distill_tui.ascii import to_ascii
from distill_tui.panels.words import PanelHelp
from tests.fakes import FakeLink
from tests.tui.conftest import Monitor

SOURCES = sorted(Path(distill_tui.__file__).parent.rglob("*.py"))
TABLE = "ascii.py"  # names characters in order to replace them
JARGON = re.compile(
    r"\b(posterior|prior|nats?|logits?|gradients?|artifact|payload|subprocess|daemon|mutex|stdin|sqlite|null|None|"
    r"exception|traceback|enum|config key|hyperparameters?)\b",
    re.IGNORECASE,
)
EXPLAINED = {"LatentPanel": {"nats", "prior"}}  # words that the same help explains


def shown_texts(path: Path) -> Iterator[str]:
    """The string constants of a module, without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_symbol_has_a_likeness_in_ascii(path: Path) -> None:
    symbols = {character for text in shown_texts(path) for character in text if not character.isascii()}
    if path.name != TABLE:
        assert {symbol for symbol in symbols if to_ascii(symbol).startswith("?")} == set()


def explained_by_themselves() -> list[type]:
    """Every panel and screen that has words for `?`."""
    found = {}
    for package in (panels, screens):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for owner in vars(importlib.import_module(module.name)).values():
                if isinstance(owner, type) and isinstance(vars(owner).get("WORDS"), PanelHelp):
                    found[owner.__name__] = owner
    return [found[name] for name in sorted(found)]


@pytest.mark.parametrize("owner", explained_by_themselves(), ids=lambda owner: owner.__name__)
def test_help_is_plain_sentences(owner: type) -> None:
    words: PanelHelp = vars(owner)["WORDS"]
    for part in filter(None, (words.means, words.good, words.todo)):
        first = part.split()[0]
        assert len(first) == 1 or first[0].isupper(), "it begins a sentence, or with a key"
        assert part.endswith(".")
        assert {word.lower() for word in JARGON.findall(part)} <= EXPLAINED.get(owner.__name__, set())


async def test_before_the_first_step_it_says_what_will_appear_and_when(monitor: Monitor) -> None:
    link = FakeLink(steps=0)
    async with monitor(link) as seen:
        assert "44 sounds to train on, 19 held back to test it." in seen.text
        assert isinstance(link.stored[0].event, RunStarted)


async def test_a_run_that_was_stopped_by_the_system_is_called_so_in_words(monitor: Monitor) -> None:
    link = FakeLink()
    link.complete("preempted")
    async with monitor(link) as seen:
        assert "■ interrupted, saved" in seen.text
        assert "preempted" not in seen.text.splitlines()[0]
        assert isinstance(seen.board.state, RunState)
