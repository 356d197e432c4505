"""This module finds weights that are not independent normal numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import erfc, log, log1p, pi
from typing import Any

import numpy as np
import torch
from scipy.special import betainc, gammainc, gammaincc, ndtri
from torch import nn

from verify.pytorch.modules.layers import whole

__all__ = ["dependence"]

_STANDARD_ERRORS, _ALLOWED = 5.0, 0.02
_NORMAL, _NORMAL_ERROR = (2 / pi) ** 0.5, (1 - 3 / pi) ** 0.5
"""Mean size over root mean square of a normal number, and sqrt(count) times its standard error."""
_FEWEST_ROWS, _HALF_ROWS, _FEWEST_PAIRS, _MOST_PAIRS = 16, 128, 60, 1000
_MOST_DIFFERENT, _REPEATED, _FEW = 65_536, 0.01, 0.75
_HALVES = (torch.bfloat16, torch.float16)
_ODDS = 1e-6
_FEWEST_NORMS, _NEAR_NORMS = 8, 0.003
_SIGNALS, _SEED = 4, 0x5F3759DF
_LEAST_CHANCE = 1e-300

Weights = Mapping[str, torch.Tensor]


def dependence(layers: Mapping[str, nn.Linear]) -> Iterator[str]:
    """Clauses on weights that are not independent normal numbers.

    >>> layer = nn.Linear(32, 32, bias=False)
    >>> _ = nn.init.orthogonal_(layer.weight)
    >>> next(dependence({"hidden": layer}))
    "rows or columns that depend on one another at 'hidden.weight'"
    """
    scaled = {name: _scaled(whole(each.weight).float()) for name, each in layers.items()}
    for name, weight in scaled.items():
        if size := _other_size(weight):
            yield f"{size} at '{name}.weight'"
        if _dependent(_some_rows(weight)):
            yield f"rows or columns that depend on one another at '{name}.weight'"
    yield from _again(scaled)
    for name, weight in scaled.items():
        if _repeats(whole(layers[name].weight)):
            yield f"entries that repeat at '{name}.weight'"
        if most := _other_largest(weight):
            yield f"{most} at '{name}.weight'"
    yield from _unlikely(scaled)


def _scaled(weight: torch.Tensor) -> torch.Tensor:
    """The weight scaled to a root mean square of 1."""
    return weight / (torch.linalg.vector_norm(weight) / weight.numel() ** 0.5)


@dataclass(frozen=True)
class _Number:
    """A statistic of one layer, in words, and its score, which is standard normal by law."""

    value: float
    score: float


def _unlikely(scaled: Weights) -> Iterator[str]:
    """Clauses on numbers that independent normal weights have less than once in a million models in
    any one layer, or beyond five standard errors in all layers together, the least likely first.
    """
    numbers = {words: found for words, found in _numbers(scaled).items() if found}
    critical = -float(ndtri(_ODDS / (2 * sum(map(len, numbers.values())))))
    counts = {name: weight.numel() for name, weight in scaled.items()}
    said: list[tuple[float, str]] = []
    for words, found in numbers.items():
        for name, number in found.items():
            if abs(number.score) > critical:
                clause = f"{words.format(f'{number.value:.3g}')} at '{name}.weight'"
                said.append((abs(number.score), clause))
        together = _together(found, counts)
        if abs(together.score) > _STANDARD_ERRORS:
            clause = f"{words.format(f'{together.value:.3g}')} in all layers together"
            said.append((abs(together.score), clause))
    yield from (clause for _, clause in sorted(said, reverse=True))


def _together(found: Mapping[str, _Number], counts: Mapping[str, int]) -> _Number:
    """The mean, each layer weighted by the root of its number of weights.

    Law: sum_l a_l z_l/sqrt(sum_l a_l^2) of independent standard normal z_l is standard normal.
    """
    shares = {name: counts[name] ** 0.5 for name in found}
    size = sum(share**2 for share in shares.values()) ** 0.5
    mean = sum(shares[name] * each.value for name, each in found.items()) / sum(shares.values())
    return _Number(mean, sum(shares[name] * each.score for name, each in found.items()) / size)


def _numbers(scaled: Weights) -> dict[str, dict[str, _Number]]:
    """Statistics by layer, below the words that describe them."""
    found: dict[str, dict[str, _Number]] = {}
    for name, weight in scaled.items():
        for words, number in _of_one(weight):
            found.setdefault(words, {})[name] = number
    for (_, below), (name, weight) in pairwise(scaled.items()):
        both = min(len(weight), below.shape[1])
        if both > 1:
            number = _product(weight[:both], below.T[:both])
            words = "a correlation of {} with the transpose of the layer below"
            found.setdefault(words, {})[name] = number
    names, weights = [*scaled], [*scaled.values()]
    backward = [weight.T for weight in reversed(weights)]
    for way, order, chain in (("into", names, weights), ("back from", names[::-1], backward)):
        numbers = zip(order, _signals(chain), strict=True)
        found[f"a mean square of {{}} times that of independent ones {way} signals"] = {
            name: number for name, number in numbers if number is not None
        }
    return found


def _of_one(weight: torch.Tensor) -> Iterator[tuple[str, _Number]]:
    """Numbers of one layer, with their words."""
    yield "a mean of {} root mean squares", _mean(weight.flatten())
    if min(weight.shape) > 1:
        yield "a diagonal with a mean of {} root mean squares", _mean(weight.diagonal())
    for side, lines in (("row", weight), ("column", weight.T)):
        k, n = lines.shape
        if n > 1:
            words = f"a correlation of {{}} between neighbours in each {side}"
            yield words, _product(lines[:, 1:], lines[:, :-1])
            words = f"sums of {side}s of {{}} times the mean square of independent ones"
            yield words, _along(lines, lines.new_ones(n, 1) / n**0.5)
        if k > 1:
            yield f"{side} norms of {{}} times the variance of independent ones", _norms(lines)


def _mean(values: torch.Tensor) -> _Number:
    mean = float(values.mean(dtype=torch.float64))
    return _Number(mean, mean * values.numel() ** 0.5)


def _product(one: torch.Tensor, two: torch.Tensor) -> _Number:
    """Law: sum a_i b_i/|a| is standard normal where the b_i are independent of a."""
    product = float((one * two).sum(dtype=torch.float64))
    norms = float(torch.linalg.vector_norm(one)) * float(torch.linalg.vector_norm(two))
    return _Number(product / norms, product / norms * one.numel() ** 0.5)


def _along(lines: torch.Tensor, basis: torch.Tensor) -> _Number:
    """The mean square of ``lines`` along the orthonormal columns of ``basis``.

    Law: of m lines of n normal numbers, the share of the square sum along k columns has the beta
    distribution with m k/2 and m (n - k)/2.
    """
    (m, n), k = lines.shape, basis.shape[1]
    share = float((lines @ basis).square().sum(dtype=torch.float64)) / (m * n)
    share = min(share, 1.0)
    inside, outside = m * k / 2, m * (n - k) / 2
    score = _scores(betainc(inside, outside, share), betainc(outside, inside, 1 - share))
    return _Number(share * n / k, float(score))


def _norms(lines: torch.Tensor) -> _Number:
    """The variance of the norms of lines.

    Law: squares of norms of n normal numbers have the chi-squared distribution; the normal scores
    of k of these have a variance of 1, which has it too.
    """
    half, k = lines.shape[1] / 2, len(lines)
    squares = lines.square().sum(dim=1, dtype=torch.float64).numpy() / 2
    scores = _scores(gammainc(half, squares), gammaincc(half, squares))
    found, freedom = float(((scores - scores.mean()) ** 2).sum()), (k - 1) / 2
    score = _scores(gammainc(freedom, found / 2), gammaincc(freedom, found / 2))
    return _Number(found / (k - 1), float(score))


def _scores(below: Any, above: Any) -> Any:
    """Standard normal numbers with these chances of smaller and of larger numbers."""
    least = np.maximum(np.minimum(below, above), _LEAST_CHANCE)
    return np.where(below < above, 1, -1) * ndtri(least)


def _signals(weights: Sequence[torch.Tensor]) -> Iterator[_Number | None]:
    """Mean squares of each weight along the signals that pass the weights before it, with ReLU in
    between, from a few inputs in random directions; None for one number alone."""
    generator = torch.Generator().manual_seed(_SEED)
    shape, kind = (weights[0].shape[1], _SIGNALS), weights[0].dtype
    x = torch.randn(shape, generator=generator, device="cpu", dtype=kind)
    for weight in weights:
        width = weight.shape[1]
        basis, _ = torch.linalg.qr(x[:, : max(1, width // 2)])
        yield _along(weight, basis) if width > 1 else None
        x = torch.relu(weight @ basis)


def _again(scaled: Weights) -> Iterator[str]:
    """Clauses on numbers of a layer that are there again, in it or in another, by rows, by columns
    or one step along a diagonal, and on layers whose lines have the norms of another's.

    Independent normal numbers have mean products beyond 7 standard errors in less than 1 of 1000
    models of 200 layers, and norms as near as this in less than 1 of a million.
    """
    views = [(name, view) for name, weight in scaled.items() for view in _views(weight)]
    flat = [view.flatten()[:_MOST_PAIRS] for _, view in views]
    sizes = torch.tensor([len(each) for each in flat], device="cpu")
    counts = torch.minimum(sizes[:, None], sizes)
    table = nn.utils.rnn.pad_sequence(flat, batch_first=True)
    found = ((table @ table.T).abs() > 7 * counts.sqrt()) & (counts >= _FEWEST_PAIRS)
    for one, two in _pairs([name for name, _ in views], found):
        again = f"the numbers of '{one}.weight' again" if one != two else "entries that repeat"
        yield f"{again} at '{two}.weight'"
    lines = [(name, each) for name, weight in scaled.items() for each in (weight, weight.T)]
    for shape in {each.shape for _, each in lines if len(each) >= _FEWEST_NORMS}:
        same = [(name, each) for name, each in lines if each.shape == shape]
        norms = torch.stack([torch.linalg.vector_norm(each, dim=1).sort()[0] for _, each in same])
        near = torch.cdist(norms, norms, p=torch.inf) < _NEAR_NORMS
        for one, two in _pairs([name for name, _ in same], near):
            yield f"the same norms of rows or columns at '{one}.weight' and '{two}.weight'"


def _views(weight: torch.Tensor) -> list[torch.Tensor]:
    """The first rows, the first columns, and the first rows moved along either diagonal; the
    numbers alone where there are no diagonals."""
    rows, columns = (each[: _MOST_PAIRS // each.shape[1] + 1] for each in (weight, weight.T))
    if min(weight.shape) < 3:
        return [rows]
    return [rows, columns, rows.roll((1, 1), (0, 1)), rows.roll((1, -1), (0, 1))]


def _pairs(names: list[str], found: torch.Tensor) -> Iterator[tuple[str, str]]:
    """The names of two layers, the lower first, wherever ``found``."""
    return ((names[i], names[j]) for i, j in found.triu(1).nonzero().tolist())


def _other_size(weight: torch.Tensor) -> str | None:
    """The mean size of numbers of root mean square 1, where normal numbers have another."""
    size = float(weight.abs().mean(dtype=torch.float64))
    error = _STANDARD_ERRORS * _NORMAL_ERROR / weight.numel() ** 0.5
    if abs(size - _NORMAL) <= _ALLOWED / 2 + error:
        return None
    return f"a mean size of {size:.3g} times the root mean square, not {_NORMAL:.3g}"


def _other_largest(weight: torch.Tensor) -> str | None:
    """The largest size of numbers of root mean square 1, where it is unlikely for normal numbers.

    Law: n normal numbers stay below m with a chance of erf(m/sqrt(2))^n.
    """
    most, count = float(weight.abs().max()), weight.numel()
    beyond = erfc(most / 2**0.5)
    if count * log1p(-beyond) >= log(_ODDS) and count * beyond >= _ODDS:
        return None
    return (
        f"a largest size of {most:.3g} times the root mean square, which {count:,} normal numbers "
        f"have less than once in {1 / _ODDS:,.0f} draws,"
    )


def _repeats(weight: torch.Tensor) -> bool:
    """Whether more numbers than chance explains occur again, with either sign.

    Of 65,536 normal numbers in single precision 0.13 % do.  Normal numbers rounded to 16 bits have
    few values: three quarters of the different ones in a draw of this size pass.
    """
    sizes = weight.flatten()[:_MOST_DIFFERENT].abs()
    different, count = len(sizes.unique()), len(sizes)
    for half in _HALVES:
        if torch.equal(sizes.to(half).to(sizes), sizes):
            generator = torch.Generator().manual_seed(_SEED)
            drawn = torch.randn(count, generator=generator, device="cpu")
            rounded = (drawn * sizes.double().square().mean().sqrt()).to(half).abs()
            return different < _FEW * len(rounded.unique()) - 1
    return count - different > 1 + _REPEATED * count


def _some_rows(weight: torch.Tensor) -> torch.Tensor:
    """The shorter of rows and columns, half of them from the middle on where there are many."""
    lines = weight if weight.shape[0] <= weight.shape[1] else weight.T
    half = len(lines) // 2
    few = half <= _HALF_ROWS
    return lines if few else torch.cat([lines[:_HALF_ROWS], lines[half : half + _HALF_ROWS]])


def _dependent(lines: torch.Tensor) -> bool:
    """Whether squared products of different rows differ from k independent rows of length n.

    The mean of (w_i . w_j)^2/n is 1, its variance (2 + (4 k - 2)/n)/(number of pairs).
    """
    (k, n), pairs = lines.shape, len(lines) * (len(lines) - 1) / 2
    if k < _FEWEST_ROWS:
        return False
    found = float((lines @ lines.T).triu(1).square().sum()) / (n * pairs)
    error = ((2 + (4 * k - 2) / n) / pairs) ** 0.5
    return bool(abs(found - 1) > _ALLOWED + _STANDARD_ERRORS * error)
