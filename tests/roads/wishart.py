"""Moments of real Wishart matrices and of products of Gaussian matrices, from the literature.

Nothing here contracts a kernel recursion. Wishart moments are sums over perfect matchings:
for G (rows x columns) with independent N(0, 1) entries and a partition of k,

    E prod_j tr (G G^T)^{k_j} = sum over matchings m of {0, ..., 2k-1} of
                                rows^{loops(m, R)} columns^{loops(m, C)},

with C and R the two fixed matchings along the cycles of the partition (P. J. Hanlon,
R. P. Stanley and J. R. Stembridge, "Some combinatorial aspects of the spectra of normally
distributed random matrices", 1992).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from math import comb

__all__ = ["fuss_catalan", "wishart_moment"]

Matching = tuple[int, ...]  # the partner of every point


def _matchings(points: tuple[int, ...]) -> Iterator[list[tuple[int, int]]]:
    """All perfect matchings of an even number of points, (2k - 1)!! of them."""
    if not points:
        yield []
        return
    first, *others = points
    for position, partner in enumerate(others):
        rest = (*others[:position], *others[position + 1 :])
        for matching in _matchings(rest):
            yield [(first, partner), *matching]


def _partners(pairs: list[tuple[int, int]]) -> Matching:
    """The involution that exchanges the points of each pair."""
    partner = dict(pairs) | {b: a for a, b in pairs}
    return tuple(partner[point] for point in range(len(partner)))


def _loops(left: Matching, right: Matching) -> int:
    """Number of loops in the union of two perfect matchings."""
    unseen, count = set(range(len(left))), 0
    while unseen:
        count += 1
        point = min(unseen)
        while point in unseen:
            unseen -= {point, left[point]}
            point = right[left[point]]
    return count


def _fixed_matchings(partition: tuple[int, ...]) -> tuple[Matching, Matching]:
    """(R, C) of tr (G G^T)^k = sum G_{i1 j1} G_{i2 j1} G_{i2 j2} ... G_{i1 jk}, per cycle.

    The factors are numbered along each cycle; C pairs those that share a column index, R
    those that share a row index.
    """
    row_pairs, column_pairs, start = [], [], 0
    for k in partition:
        cycle = range(start, start + 2 * k)
        column_pairs += [(cycle[2 * s], cycle[2 * s + 1]) for s in range(k)]
        row_pairs += [(cycle[2 * s + 1], cycle[(2 * s + 2) % (2 * k)]) for s in range(k)]
        start += 2 * k
    return _partners(row_pairs), _partners(column_pairs)


@cache
def _loop_counts(partition: tuple[int, ...]) -> Counter[tuple[int, int]]:
    """How many matchings have (a, b) loops with the fixed matchings R and C."""
    rows, columns = _fixed_matchings(partition)
    points = tuple(range(2 * sum(partition)))
    matchings = (_partners(pairs) for pairs in _matchings(points))
    return Counter((_loops(m, rows), _loops(m, columns)) for m in matchings)


def wishart_moment(partition: tuple[int, ...], *, rows: int, columns: int) -> int:
    """E prod_k tr((G G^T)^k) over the parts k >= 1, G (rows x columns) standard normal."""
    counts = _loop_counts(tuple(sorted(partition)))
    return sum(count * rows**a * columns**b for (a, b), count in counts.items())


def fuss_catalan(order: int, power: int) -> Fraction:
    """1/(s k + 1) binom(s k + k, k), s the order and k the power.

    The limit of E tr (P P^T)^k / n^{s k + 1} as n -> infinity, P a product of s independent
    n x n standard normal matrices (T. Banica, S. Belinschi, M. Capitaine and B. Collins,
    "Free Bessel laws", 2011).
    """
    s, k = order, power
    return Fraction(comb(s * k + k, k), s * k + 1)
