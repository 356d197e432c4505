"""This module compares the weights that a module holds with those that the theory draws."""

from __future__ import annotations

from collections.abc import Iterator
from math import pi

import torch
from torch import nn

from theory.errors import InvalidArgument
from verify.pytorch.modules.computing import standard_deviations
from verify.pytorch.modules.layers import whole
from verify.pytorch.modules.model import ReadModel

__all__ = ["check_weights", "rms", "spread_in_words"]

_STANDARD_ERRORS, _ALLOWED = 5.0, 0.02
_NORMAL, _NORMAL_ERROR = (2 / pi) ** 0.5, (1 - 3 / pi) ** 0.5
"""Mean size over root mean square of a normal number, and sqrt(count) times its standard error."""
_FEWEST_ROWS, _HALF_ROWS, _FEWEST_PAIRS, _MOST_PAIRS = 16, 32, 100, 1000
_FEWEST_NORMS, _NEAR_NORMS = 8, 0.003
"""Norms of lines of normal numbers of size 1 have a standard deviation of 0.7."""


def rms(weight: torch.Tensor) -> float:
    """The root mean square of a weight matrix.

    >>> rms(torch.tensor([[3.0, -3.0, 3.0, -3.0]]))
    3.0
    """
    values = whole(weight)
    norm = torch.linalg.vector_norm(values, dtype=torch.float64)
    return float(norm / values.numel() ** 0.5)


def check_weights(read: ReadModel, readout_rate: float) -> None:
    """Raise `InvalidArgument` for weights that are not finite, and for a frozen readout that has a
    learning rate."""
    for name, layer in read.named.items():
        if not torch.isfinite(whole(layer.weight)).all():
            raise InvalidArgument(
                f"expected weights that are finite numbers, got some that are not in "
                f"'{name}.weight'; draw them anew with initialise(model)"
            )
    if readout_rate and not read.readout.weight.requires_grad:
        *_, name = read.named
        raise InvalidArgument(
            f"expected a readout that is trained, got '{name}.weight' with requires_grad=False "
            f"and a learning rate of {readout_rate:.3g}; give a plan that leaves it, "
            f"such as AllHidden()"
        )


def spread_in_words(read: ReadModel) -> str | None:
    """A sentence where the weights that a module holds are not spread as the theory draws them,
    or not independent and normal."""
    *_, (last, readout) = read.named.items()
    if not whole(readout.weight).any():
        return (
            f"expected a readout that is drawn, got one that is all zero at '{last}.weight': the "
            f"hidden layers have no gradient in the first step, and the rates are not for it; call "
            f"initialise(model) first"
        )
    found = _other_spread(read) or next(_patterns(read), None)
    return found and (
        f"expected independent normal weights, as initialise(model) draws them, for which the "
        f"rates are, got {found}; call it first"
    )


def _other_spread(read: ReadModel) -> str | None:
    """A clause where a root mean square or a mean is not the theory's.

    The root mean square is known to 1/sqrt(2 count), the mean to 1/sqrt(count) in units of it; five
    times that, and 2 % of the root mean square, pass.
    """
    wrong = []
    rows = zip(read.named.items(), standard_deviations(read.network), strict=True)
    for (name, layer), right in rows:
        weight, found = whole(layer.weight), rms(layer.weight)
        count, mean = weight.numel(), float(weight.mean(dtype=torch.float64))
        spread = abs(found / right - 1) > _ALLOWED + _STANDARD_ERRORS / (2 * count) ** 0.5
        if spread or abs(mean / right) > _ALLOWED + _STANDARD_ERRORS / count**0.5:
            got = f"a root mean square of {found:.3g} and a mean of {mean:.2g} at '{name}.weight'"
            wrong.append((got, f"where the theory has {right:.3g} and 0"))
    others = f" and in {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return f"{others}, ".join(wrong[0]) if wrong else None


def _patterns(read: ReadModel) -> Iterator[str]:
    """Clauses on weights that are not independent normal numbers."""
    scaled = {
        name: whole(each.weight).float() / rms(each.weight) for name, each in read.named.items()
    }
    for name, weight in scaled.items():
        if size := _other_size(weight):
            yield f"{size} at '{name}.weight'"
        lines = _some_rows(weight)
        if _dependent(lines):
            yield f"rows or columns that depend on one another at '{name}.weight'"
        if _repeated(lines):
            yield f"entries that repeat at '{name}.weight'"
    yield from _again(scaled)


def _again(scaled: dict[str, torch.Tensor]) -> Iterator[str]:
    """Clauses on layers with the numbers of another, by rows or by columns, or in other places.

    Independent layers have mean products beyond 7 standard errors in less than 1 of 10,000 models
    of 200 layers, and norms as near as this in less than 1 of a million.
    """
    layers = [(name, lines) for name, w in scaled.items() for lines in (w, w.T)]
    names = [name for name, _ in layers]
    flat = [lines.flatten()[:_MOST_PAIRS] for _, lines in layers]
    counts = torch.tensor([len(each) for each in flat])
    counts = torch.minimum(counts[:, None], counts)
    table = nn.utils.rnn.pad_sequence(flat, batch_first=True)
    products = (table @ table.T).abs()
    for one, two in _pairs(names, (products > 7 * counts.sqrt()) & (counts >= _FEWEST_PAIRS)):
        yield f"the numbers of '{one}.weight' again at '{two}.weight'"
    norms = [torch.linalg.vector_norm(lines, dim=1).sort().values for _, lines in layers]
    for shape in {lines.shape for _, lines in layers if len(lines) >= _FEWEST_NORMS}:
        same = [index for index, (_, lines) in enumerate(layers) if lines.shape == shape]
        found = torch.stack([norms[index] for index in same])
        near = torch.cdist(found, found, p=torch.inf) < _NEAR_NORMS
        for one, two in _pairs([names[index] for index in same], near):
            yield f"the same norms of rows or columns at '{one}.weight' and '{two}.weight'"


def _pairs(names: list[str], found: torch.Tensor) -> Iterator[tuple[str, str]]:
    """The names of two layers, the lower first, wherever ``found``."""
    for i, j in found.triu(1).nonzero().tolist():
        if names[i] != names[j]:
            yield names[i], names[j]


def _other_size(weight: torch.Tensor) -> str | None:
    """The mean size of numbers of root mean square 1, where it is not that of normal ones."""
    size = float(weight.abs().mean(dtype=torch.float64))
    error = _STANDARD_ERRORS * _NORMAL_ERROR / weight.numel() ** 0.5
    if abs(size - _NORMAL) <= _ALLOWED / 2 + error:
        return None
    return f"a mean size of {size:.3g} times the root mean square, not {_NORMAL:.3g}"


def _some_rows(weight: torch.Tensor) -> torch.Tensor:
    """The shorter of rows and columns, half of them from the middle on where there are many."""
    lines = weight if weight.shape[0] <= weight.shape[1] else weight.T
    half = len(lines) // 2
    few = half <= _HALF_ROWS
    return lines if few else torch.cat([lines[:_HALF_ROWS], lines[half : half + _HALF_ROWS]])


def _dependent(lines: torch.Tensor) -> bool:
    """Whether squared products of different rows are not those of k independent ones of length n.

    The mean of (w_i . w_j)^2/n is 1, its variance (2 + (4 k - 2)/n)/(number of pairs).
    """
    (k, n), pairs = lines.shape, len(lines) * (len(lines) - 1) / 2
    if k < _FEWEST_ROWS:
        return False
    found = float((lines @ lines.T).triu(1).square().sum()) / (n * pairs)
    error = ((2 + (4 * k - 2) / n) / pairs) ** 0.5
    return bool(abs(found - 1) > _ALLOWED + _STANDARD_ERRORS * error)


def _repeated(lines: torch.Tensor) -> bool:
    """Whether entries are those in the mirror image, or next to them along a diagonal."""
    n = min(lines.shape)
    i, j = torch.triu_indices(n, n, 1)
    return (
        _correlated(lines[i, j], lines[j, i])
        or _correlated(lines[1:, 1:], lines[:-1, :-1])
        or _correlated(lines[1:, :-1], lines[:-1, 1:])
    )


def _correlated(one: torch.Tensor, two: torch.Tensor) -> bool:
    count = min(one.numel(), two.numel())
    if count < _FEWEST_PAIRS:
        return False
    mean = float((one.flatten()[:count] * two.flatten()[:count]).mean())
    return bool(abs(mean) > 7 / count**0.5)
