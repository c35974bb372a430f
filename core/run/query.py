"""The filter language of lists of runs, and the order to show them in: `best < 0.4 and not live`, `-loss.stft.weight`.

    expression   any = all { "or" all };  all = one { ["and"] one };  one = { "not" | "!" } ( "(" any ")" | condition )
    condition    KEY OPERATOR VALUE, one of the words live, archived and baseline, or text sought in name, data and note
    operator     = != < > <= >= and ~ (contains), !~ (does not)

A key is a result (`RESULTS`) or a dotted config key. What a run does not have makes a condition false there.
"""

import difflib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.run.conditions import Condition, all_of, any_of, compare, flag, opposite, seek
from core.run.facts import FLAGS, NUMBERS, RESULTS, STATES, Order, QueryError, check_key, keys_of, shown, value_of
from core.run.folder import RunSummary

__all__ = ["Order", "Query", "QueryError", "keys_of", "parse", "value_of"]

LONGEST = 1000  # characters of a filter
DEEPEST = 50  # brackets within brackets
UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@dataclass(frozen=True)
class Query:
    """A filter that has been understood. `keys` are the names that it compares, `words` the ones it merely seeks."""

    text: str = ""
    condition: Condition | None = None
    keys: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def matches(self, run: RunSummary, now: float) -> bool:
        """Whether the run is wanted at the moment `now`, in seconds since 1970. The empty filter wants every run."""
        return self.condition is None or self.condition(run, now)

    def check(self, known: Collection[str]) -> None:
        """Raise QueryError for a name that none of the runs has; `known` is what `keys_of` tells of them."""
        for key in self.keys:
            check_key(key, known)
        for word in self.words:
            if "." in word and word in known:
                raise QueryError(f"{word}: compare it with something, such as {word} > 0")


def parse(text: str) -> Query:
    """Understand a filter; empty text wants every run. Raises QueryError for anything that is none.

    Whether the keys exist is for `Query.check` to say, once the runs are known.
    """
    if len(text) > LONGEST:
        raise QueryError(f"a filter of {len(text):,} characters; at most {LONGEST:,} are understood")
    tokens = _tokens(text)
    return _Parser(tokens).query(text) if tokens else Query(text)


class _Token(NamedTuple):
    """`kind` is "word", "quoted", "operator", "(", ")" or one of and, or, not."""

    kind: str
    text: str


_TOKEN = re.compile(
    r"""\s*(?:(?P<operator><=|>=|!=|==|!~|[=<>~])|(?P<sign>[()!])|(?P<quote>["'])|(?P<word>[^\s()=<>~!"']+))"""
)


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while match := _TOKEN.match(text, at):
        at = match.end()
        if operator := match["operator"]:
            found.append(_Token("operator", operator.replace("==", "=")))
        elif sign := match["sign"]:
            found.append(_Token(sign.replace("!", "not"), sign))
        elif quote := match["quote"]:
            end = text.find(quote, at)
            if end < 0:
                raise QueryError(f"expected another {quote} at the end of {quote}{shown(text[at:])}")
            found.append(_Token("quoted", text[at:end]))
            at = end + 1
        else:
            word = match["word"]
            found.append(_Token(word.lower() if word.lower() in ("and", "or", "not") else "word", word))
    return found


class _Parser:
    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens, self._at, self._depth = tokens, 0, 0
        self._keys: dict[str, None] = {}
        self._words: dict[str, None] = {}

    def query(self, text: str) -> Query:
        condition = self._any()
        if self._next == ")":
            raise QueryError("a ) without its (")
        return Query(text, condition, tuple(self._keys), tuple(self._words))

    @property
    def _next(self) -> str:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else "end"

    def _take(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._next == "or":
            self._take()
            parts.append(self._all())
        return any_of(parts)

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._next not in ("or", ")", "end"):
            if self._next == "and":
                self._take()
            parts.append(self._one())
        return all_of(parts)

    def _one(self) -> Condition:
        negated = False
        while self._next == "not":
            self._take()
            negated = not negated
        part = self._bracketed() if self._next == "(" else self._condition()
        return opposite(part) if negated else part

    def _bracketed(self) -> Condition:
        self._take()
        self._depth += 1
        if self._depth > DEEPEST:
            raise QueryError(f"more than {DEEPEST} brackets within each other")
        inner = self._any()
        if self._next != ")":
            raise QueryError("expected a ) at the end")
        self._take()
        self._depth -= 1
        return inner

    def _condition(self) -> Condition:
        if self._next not in ("word", "quoted"):
            raise QueryError(self._expected("a condition", ", such as best < 0.4"))
        token = self._take()
        if self._next == "operator":
            return self._comparison(token)
        if token.kind == "word":
            if token.text.lower() in FLAGS:
                self._keys.setdefault(token.text.lower())
                return flag(token.text.lower())
            if token.text.lower() in RESULTS:
                raise QueryError(f"expected a comparison after {token.text}, {_example(token.text.lower())}")
            self._words.setdefault(token.text.lower())
        return seek(token.text)

    def _comparison(self, name: _Token) -> Condition:
        operator = self._take().text
        if name.kind == "quoted":
            raise QueryError(f"expected a name before {operator}, not text in quotes: {_example('best')}")
        key = name.text.lower()
        if self._next not in ("word", "quoted"):
            raise QueryError(self._expected(f"something to compare {shown(name.text)} with"))
        value = self._take().text
        self._keys.setdefault(key)
        return compare(key, operator, value, _literal(key, operator, value))

    def _expected(self, what: str, example: str = "") -> str:
        before = f" after {shown(self._tokens[self._at - 1].text)}" if self._at else ""
        found = f", not {shown(self._tokens[self._at].text)}" if self._next != "end" else ""
        return f"expected {what}{before}{found}{example}"


def _literal(key: str, operator: str, value: str) -> float | None:
    """The value's number, checked where the key tells what it must be."""
    if operator in ("~", "!~"):
        return None
    if key == "age":
        match = re.fullmatch(r"([0-9]*\.?[0-9]+)(s|min|h|d|w)", value.lower())
        if match is None:
            raise QueryError(f"expected an age such as 30min, 12h or 3d, not {shown(value)}")
        return float(match[1]) * UNITS[match[2]]
    try:
        number = float(value)
    except ValueError:
        number = None
    if key in NUMBERS and number is None:
        raise QueryError(f"expected a number to compare {key} with, not {shown(value)}")
    if key == "status" and operator in ("=", "!=") and value.lower() not in STATES:
        near = difflib.get_close_matches(value.lower(), STATES, n=1)
        raise QueryError(f"no run is ever {shown(value)}; {f'did you mean {near[0]}?' if near else 'try finished'}")
    return number


def _example(key: str) -> str:
    examples = {"best": "such as best < 0.4", "age": "such as age < 3d", "status": "such as status = finished"}
    return examples.get(key, f"such as {key} > 10" if key in NUMBERS else f"such as {key} ~ bells")
