"""This module compares the weights that a module holds with those that the theory draws."""

from __future__ import annotations

from collections.abc import Iterator
from math import erfc, exp, hypot, log, log1p, pi

import torch
from torch import nn

from theory.errors import InvalidArgument
from verify.pytorch.learning_rates import exact_parts
from verify.pytorch.modules.computing import standard_deviations
from verify.pytorch.modules.layers import whole
from verify.pytorch.modules.model import ReadModel

__all__ = ["check_weights", "rms", "spread_in_words", "unlike_theory"]

_STANDARD_ERRORS, _ALLOWED, _TOGETHER_ALLOWED, _GAIN_ALLOWED = 5.0, 0.02, 0.1, 0.25
_NORMAL, _NORMAL_ERROR = (2 / pi) ** 0.5, (1 - 3 / pi) ** 0.5
"""Mean size over root mean square of a normal number, and sqrt(count) times its standard error."""
_FEWEST_ROWS, _HALF_ROWS, _FEWEST_PAIRS, _MOST_PAIRS = 16, 32, 60, 1000
_MOST_DIFFERENT, _REPEATED = 65_536, 0.01
_ODDS = 1e-6
_FEWEST_NORMS, _NEAR_NORMS, _LEAST_SPREAD, _LEAST_NORM = 8, 0.003, 0.15, 0.1
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
    found = unlike_theory(read)
    return found and (
        f"expected independent normal weights, as initialise(model) draws them, for which the "
        f"rates are, got {found}; call it first"
    )


def unlike_theory(read: ReadModel) -> str | None:
    """A clause on weights that are spread as the theory's are not, or not independent normal."""
    spread = _other_spread(read) or _together(read)
    return spread + _gain_in_words(read) if spread else next(_patterns(read), None)


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


def _logs(read: ReadModel) -> list[tuple[float, int]]:
    """Log of each layer's root mean square r over the theory's, and the count of its weights, which
    gives the log a standard error of 1/sqrt(2 count).

    Below 1 it is (r^2 - 1)/2, the first order of the log: so both tails are no heavier than a
    normal one's, down to a single weight.
    """
    rows = zip(read.layers, standard_deviations(read.network), strict=True)
    found = [((rms(each.weight) / right) ** 2 - 1, each.weight.numel()) for each, right in rows]
    return [(min(square, log1p(max(square, 0.0))) / 2, count) for square, count in found]


def _together(read: ReadModel) -> str | None:
    """A clause where the spreads of all layers multiply to another E[(Delta z)^2].

    Law: the step of W_k moves the last of L hidden layers by a label part that is proportional to
    the readout and to the squares of all hidden layers but W_k, and the output part to f, which is
    proportional to all layers.  Hence E is proportional, to first order in the log spreads, to the
    power 4 (1 - 1/L) + 2 s of each hidden layer's spread and the power 2 + 2 s of the readout's,
    where s is the output part's share of E.
    """
    depth = read.network.layers
    label, output = exact_parts(read.network, depth)
    share = output / (label + output)
    powers = *(4 * (1 - 1 / depth) + 2 * share,) * depth, 2 + 2 * share
    rows = list(zip(powers, _logs(read), strict=True))
    grown = sum(power * ratio for power, (ratio, _) in rows)
    error = hypot(*(power / (2 * count) ** 0.5 for power, (_, count) in rows))
    if abs(grown) <= max(_STANDARD_ERRORS * error, log(1 + _TOGETHER_ALLOWED)):
        return None
    return (
        f"weights whose spreads pass in each layer, but together make E[(Δz)²] about "
        f"{exp(min(grown, 700.0)):.2g} times the theory's"
    )


def _gain_in_words(read: ReadModel) -> str:
    """The gain where the hidden layers are spread as for ReLU, and the activation has a slope."""
    slope = float(read.network.activation.slope)
    if not slope:
        return ""
    *hidden, _ = _logs(read)
    found = sum(ratio * count for ratio, count in hidden) / sum(count for _, count in hidden)
    if abs(2 * found / log(1 + slope**2) - 1) > _GAIN_ALLOWED:
        return ""
    return (
        f": the gain sqrt(2), where LeakyReLU({slope:g}) has sqrt(2/(1 + {slope:g}²)) = "
        f"{(2 / (1 + slope**2)) ** 0.5:.4g}"
    )


def _patterns(read: ReadModel) -> Iterator[str]:
    """Clauses on weights that are not independent normal numbers."""
    scaled = {
        name: whole(each.weight).float() / rms(each.weight) for name, each in read.named.items()
    }
    for name, weight in scaled.items():
        if size := _other_size(weight):
            yield f"{size} at '{name}.weight'"
        if _dependent(_some_rows(weight)):
            yield f"rows or columns that depend on one another at '{name}.weight'"
    yield from _again(scaled)
    for name, weight in scaled.items():
        if _repeats(weight, read.named[name].weight.dtype):
            yield f"entries that repeat at '{name}.weight'"
        if most := _other_largest(weight):
            yield f"{most} at '{name}.weight'"


def _again(scaled: dict[str, torch.Tensor]) -> Iterator[str]:
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
        for (name, _), alike in zip(same, norms.std(dim=1) < _LEAST_SPREAD, strict=True):
            if alike and len(norms[0]) >= _FEWEST_ROWS:
                yield f"rows or columns of equal norms at '{name}.weight'"
        for (name, _), least in zip(same, norms[:, 0].tolist(), strict=True):
            if least < _LEAST_NORM * shape[1] ** 0.5 and shape[1] >= _FEWEST_ROWS:
                yield f"a row or column of almost zeros at '{name}.weight'"
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
    """The mean size of numbers of root mean square 1, where it is not that of normal ones."""
    size = float(weight.abs().mean(dtype=torch.float64))
    error = _STANDARD_ERRORS * _NORMAL_ERROR / weight.numel() ** 0.5
    if abs(size - _NORMAL) <= _ALLOWED / 2 + error:
        return None
    return f"a mean size of {size:.3g} times the root mean square, not {_NORMAL:.3g}"


def _other_largest(weight: torch.Tensor) -> str | None:
    """The largest size of numbers of root mean square 1, where it is not that of normal ones.

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


def _repeats(weight: torch.Tensor, dtype: torch.dtype) -> bool:
    """Whether more numbers than chance explains are there again, with either sign.

    Of 65,536 normal numbers in single precision 0.13 % are; those in 16 bits are not counted.
    """
    sizes = weight.flatten()[:_MOST_DIFFERENT].abs()
    again = len(sizes) - len(sizes.unique())
    return torch.finfo(dtype).bits > 16 and again > 1 + _REPEATED * len(sizes)


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
