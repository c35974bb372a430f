"""What counting alone can do: an n-gram model of token sequences, the yardstick for models that learn."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

START = -2  # what stands before a sequence; never predicted
Context = tuple[int, ...]


class KneserNey:
    """Interpolated modified Kneser-Ney (Chen & Goodman 1999, section 3) of `order` tokens, the last one predicted.

    Each order's probability is what is left of its counts after a discount of its own for counts of 1, 2 and more,
    plus what was taken off times that of the next lower order; below one token it is uniform over `size`. Orders below
    the highest count in how many places a sequence of tokens occurs rather than how often, but for those that begin a
    sequence. Discounts follow from the counts of counts.
    """

    def __init__(self, order: int = 5, size: int = 774) -> None:
        self.order, self.size = order, size
        # By length of the context: how often each token follows it, and those as sums, discounts and leftovers.
        self._follows: list[dict[Context, Counter[int]]] = []
        self._left: list[dict[Context, tuple[float, float]]] = []
        self._discounts: list[tuple[float, float, float]] = []

    def fit(self, sequences: Iterable[Sequence[int]]) -> "KneserNey":
        """Count `sequences` of tokens from 0 to `size` - 1, each from its beginning; replaces an earlier fit."""
        grams: list[Counter[Context]] = [Counter() for _ in range(self.order)]
        for sequence in sequences:
            tokens = (START, *sequence)
            for length, counts in enumerate(grams, start=1):
                counts.update(
                    tuple(tokens[i : i + length]) for i in range(1 if length == 1 else 0, len(tokens) - length + 1)
                )
        for length in range(1, self.order):  # from the lowest on: the next higher one still holds plain counts
            counts = Counter(gram[1:] for gram in grams[length])
            counts.update({gram: times for gram, times in grams[length - 1].items() if gram[0] == START})
            grams[length - 1] = counts
        self._follows, self._left, self._discounts = [], [], []
        for counts in grams:
            discounts = _discounts(Counter(counts.values()))
            follows: dict[Context, Counter[int]] = defaultdict(Counter)
            for gram, times in counts.items():
                follows[gram[:-1]][gram[-1]] = times
            self._discounts.append(discounts)
            self._follows.append(dict(follows))
            self._left.append({context: _left(after, discounts) for context, after in follows.items()})
        return self

    def probability(self, token: int, before: Sequence[int]) -> float:
        """Of `token` after the tokens `before`, of which the last `order` - 1 count; () is in the middle of nowhere.

        For the beginning of a sequence `before` begins with START.
        """
        result = 1 / self.size
        for length in range(min(self.order - 1, len(before)) + 1):
            context = tuple(before[len(before) - length :])
            left = self._left[length].get(context)
            if left is None:
                break  # what was never seen was not seen with more before it either
            total, share = left
            count = self._follows[length][context].get(token, 0)
            result = (count - self._discount(length, count)) / total + share * result
        return result

    def distribution(self, before: Sequence[int]) -> NDArray[np.float64]:
        """The probabilities [size] of all tokens after `before`."""
        result = np.full(self.size, 1 / self.size)
        for length in range(min(self.order - 1, len(before)) + 1):
            context = tuple(before[len(before) - length :])
            left = self._left[length].get(context)
            if left is None:
                break
            total, share = left
            result *= share
            for token, count in self._follows[length][context].items():
                result[token] += (count - self._discount(length, count)) / total
        return result

    def nll(self, sequence: Sequence[int]) -> NDArray[np.float64]:
        """The negative log-likelihood of each token of a sequence from its beginning on, in nats."""
        tokens = [START, *sequence]
        reach = self.order - 1
        return -np.log([self.probability(tokens[i], tokens[max(0, i - reach) : i]) for i in range(1, len(tokens))])

    def sample(self, length: int, rng: np.random.Generator) -> list[int]:
        """A sequence of `length` tokens drawn from the model, from a beginning on."""
        tokens = [START]
        for _ in range(length):
            shares = self.distribution(tokens[-(self.order - 1) :] if self.order > 1 else ())
            tokens.append(int(rng.choice(self.size, p=shares / shares.sum())))
        return tokens[1:]

    def _discount(self, length: int, count: int) -> float:
        return self._discounts[length][min(count, 3) - 1] if count else 0.0


def _discounts(of_counts: Counter[int]) -> tuple[float, float, float]:
    """What to take off counts of 1, 2, and 3 or more (Chen & Goodman 1999, equation 17), 0 < d < count.

    Where few counts are seen the formula divides by nothing or leaves its range: half a count is taken then.
    """
    n1, n2 = of_counts[1], of_counts[2]
    share = n1 / (n1 + 2 * n2) if n1 else 0.0
    result = []
    for count in (1, 2, 3):
        here, next_up = of_counts[count], of_counts[count + 1]
        discount = count - (count + 1) * share * next_up / here if here else 0.0
        result.append(discount if 0 < discount < count else 0.5)
    return result[0], result[1], result[2]


def _left(after: Counter[int], discounts: tuple[float, float, float]) -> tuple[float, float]:
    """The sum of a context's counts, and the share of it that the discounts take off."""
    total = sum(after.values())
    return total, sum(discounts[min(count, 3) - 1] for count in after.values()) / total
