"""`word_below` averages one layer exactly: from a word of its kernel to words below.

Below the layer stand a vector x and symmetric matrices A (the masked kernel) and B, C, ... (other
matrices carried up unchanged in kind).  The layer has W with independent Gaussian rows w_a, and

    z_a = w_a . x,   K_ab = rate |x|^2 delta_ab + w_a^T A w_b,   P_ab = w_a^T B w_b, ...

and masks D_a.  A *pre-activation word* is a word in K, P, Q, ..., z and D.  Its expectation given
what lies below is found in three steps:

1. *Coincidences.*  The sum over neurons splits by which indices are equal (a set partition), and
   r distinct neurons can be chosen in (N)_r = N (N-1) ... (N-r+1) ways.
2. *Coins.*  Flipping the sign of row a of W flips z_a, and K_ab for b != a, and leaves the law
   alone.  Every index carries an even number of row ends, so the word is even in each row and
   the mask of each distinct neuron averages on its own to E[D^p], p the number of its masks.
   Should x vanish the masks are not coins, but then so do all words on the right that hold an x,
   and the masks that made x vanish made A, B, ... vanish too: both sides are zero.
3. *Rows.*  Wick's theorem over the rows (`theory.words.wick`), after expanding the own share.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain

from theory.words.coefficients import Coefficient, Term
from theory.words.wick import contract, row_letter
from theory.words.word import Word, canonical_word, is_trace

__all__ = ["BELOW", "CARRIED", "masked", "word_below"]

BELOW = {"K": "A", "P": "B", "Q": "C", "R": "E", "S": "F", "z": "x"}
"""Each letter of a layer's pre-activations, and its masked kind, which the next layer sees."""
CARRIED = "PQRS"
"""The matrices without own share: what the gradients of an observable carry up."""
_ABOVE = {below: above for above, below in BELOW.items()}
_OWN_SHARE = "K"


def masked(word: Word) -> Word:
    """A word in the masked A, B, ..., x of a layer as a word in its D, K, P, ..., z:
    A = D K D, x = D z."""
    return tuple(_masked_factor(factor) for factor in word)


def _masked_factor(factor: str) -> str:
    if is_trace(factor):
        return "".join(f"D{_ABOVE[letter]}D" for letter in factor)
    matrices = "".join(f"D{_ABOVE[letter]}D" for letter in factor[1:-1])
    return f"{_ABOVE[factor[0]]}D{matrices}D{_ABOVE[factor[-1]]}"


class _Graph:
    """A pre-activation word as a graph: its indices are vertices with mask powers, its matrices
    edges, its vectors legs."""

    def __init__(self, word: Word) -> None:
        self.masks: list[int] = []
        self.edges: list[tuple[str, int, int]] = []
        self.legs: list[tuple[str, int]] = []
        for factor in word:
            (self._add_trace if is_trace(factor) else self._add_form)(factor)

    def _vertex(self) -> int:
        self.masks.append(0)
        return len(self.masks) - 1

    def _walk(self, letters: str, vertex: int, last: int | None = None) -> int:
        matrices = len(letters) - letters.count("D")
        for letter in letters:
            if letter == "D":
                self.masks[vertex] += 1
                continue
            matrices -= 1
            closing = last is not None and matrices == 0
            after = last if closing and last is not None else self._vertex()
            self.edges.append((letter, vertex, after))
            vertex = after
        return vertex

    def _add_trace(self, letters: str) -> None:
        first = self._vertex()
        self._walk(letters, first, first)

    def _add_form(self, factor: str) -> None:
        first = self._vertex()
        last = self._walk(factor[1:-1], first)
        self.legs += [(factor[0], first), (factor[-1], last)]


@cache
def word_below(word: Word) -> Mapping[Word, Coefficient]:
    """E[``word``] over the layer, given what lies below: ``{word below: coefficient}``."""
    graph = _Graph(word)
    total: defaultdict[Word, Counter[Term]] = defaultdict(Counter)
    for blocks in _set_partitions(len(graph.masks)):
        neurons = max(blocks, default=-1) + 1
        masks = _block_masks(graph.masks, blocks, neurons)
        for own, strings in _own_shares(graph, blocks):
            ends = sum(_row_ends(string) for string in strings)
            term = Term(neurons, ends // 2, own, masks)
            for below, count in contract(canonical_word(strings)).items():
                total[below][term] += count
    return {below: dict(terms) for below, terms in total.items()}


def _set_partitions(size: int) -> Iterator[tuple[int, ...]]:
    """All set partitions of ``size`` items as restricted growth strings."""
    if size == 0:
        yield ()
        return
    for blocks in _set_partitions(size - 1):
        for block in range(max(blocks, default=-1) + 2):
            yield (*blocks, block)


def _block_masks(masks: list[int], blocks: tuple[int, ...], neurons: int) -> tuple[int, ...]:
    powers = [0] * neurons
    for power, block in zip(masks, blocks, strict=True):
        powers[block] += power
    return tuple(sorted(power for power in powers if power))


def _own_shares(graph: _Graph, blocks: tuple[int, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Expand K_aa = rate |x|^2 + w_a^T A w_a: how many own shares, and the strings left."""
    legs = [row_letter(blocks[vertex]) + BELOW[letter] for letter, vertex in graph.legs]
    expansions: list[tuple[int, tuple[str, ...]]] = [(0, tuple(legs))]
    for letter, i, j in graph.edges:
        string = row_letter(blocks[i]) + BELOW[letter] + row_letter(blocks[j])
        with_string = [(own, (*strings, string)) for own, strings in expansions]
        with_share = [(own + 1, (*strings, "xx")) for own, strings in expansions]
        shared = letter == _OWN_SHARE and blocks[i] == blocks[j]
        expansions = list(chain(with_string, with_share if shared else ()))
    return iter(expansions)


def _row_ends(string: str) -> int:
    return sum(not end.isalpha() for end in (string[0], string[-1]))
