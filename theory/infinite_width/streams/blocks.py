"""The mean squared update of residual networks as n -> infinity, by a recursion over the blocks.

The stream is h^b = s h^(b-1) + tau times a branch.  With u = -Delta h/eta at the label +-1, the
gradient p^b of f at h^b over 1/n, P = E p^2, and r the scale of a norm,

    P^(b-1) = s^2 P^b + E (gradient through the branch)^2,
    u^b = sum over c <= b of s^(b-c) (kappa_c p^c + own parts across p^c) + fresh Gaussian numbers,
    alpha_b = E u p/P = s^2 alpha_(b-1) + kappa_b,

because p^c is s^(b-c) p^b and independent numbers.  A branch reads u through the norm and a matrix
V, which sends the gradient at V's input back along the gradient at V's output, as in
`theory.infinite_width.recursion`, and the rest to fresh Gaussian numbers.  The gradient through the
branch is the part of p^(b-1) across p^b, and its product with u^(b-1) is alpha_(b-1) times its
square.  With one matrix behind the activation, W sigma(h), the slope at h^b is that of the same
neuron in all blocks: E phi'(h^b)^2 u^2 is then a sum over blocks of E phi'(h^b)^2 phi'(h^c)^2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from theory.activations.contact import half_line_slopes
from theory.activations.moments import Moments
from theory.activations.nonlinearity import FloatArray, Nonlinearity
from theory.activations.quadrature import gaussian_rule
from theory.errors import NotSolved
from theory.infinite_width.streams.decay import decayed_in_blocks
from theory.infinite_width.streams.network import Blocks
from theory.infinite_width.streams.sizes import stream_sizes
from theory.networks.inputs import Inputs
from theory.networks.norms import LayerNorm
from theory.networks.residual import Residual
from theory.networks.roles import ByRole, UpDown
from theory.optimisers import Normalised, Optimiser, OwnPart, SignDescent
from theory.optimisers.optimiser import GAUSSIAN_SIZE

__all__ = ["Movement", "SlopePairs", "branch_parts", "moved_in_blocks", "output_moved_by_stream"]

_MOST_PAIRS = 4096
"""Blocks of networks whose blocks are taken in pairs."""
_HERMITE, _NODES, _FARTHEST = 96, 400, 16.0
"""Terms of a Hermite series; nodes of a rule, and standard deviations that it covers."""


@dataclass(frozen=True)
class Movement:
    """E (Delta h)^2 of the ``stream`` after blocks 0 to B, and of the pre-activations in the
    ``branch`` of blocks 1 to B, at eta = 1; ``squares``: E h^2 of the stream; ``output``: |Delta f|
    by the steps of the weights below the readout."""

    stream: FloatArray
    branch: FloatArray
    squares: FloatArray
    output: float

    def parts(self, *, stream: bool, branch: bool) -> FloatArray:
        """The movements of the stream, of the branches, or of both in this order."""
        return np.concatenate([self.stream] * stream + [self.branch] * branch)


@dataclass(frozen=True)
class Matrix:
    """One matrix as an optimiser reads it, `theory.optimisers.Layer`, or matrices in arrays."""

    fan_in: float
    square: Any
    size: Any
    gradient: Any
    slopes: tuple[Any, ...] = (1.0,) * 5
    fan_out: float = 1.0

    def slope(self, power: int) -> Any:
        """E |phi'|^power."""
        return self.slopes[power]

    def entrywise(self, entry: Callable[[Any], Any]) -> OwnPart:
        """Refused: its own parts at two blocks are not products of signs."""
        raise NotSolved(
            "sign descent with an epsilon is not solved for residual networks: leave epsilon out"
        )

    def own(self, rule: Optimiser, rate: Any) -> OwnPart:
        """The own part at a multiple of the step of ``rule``, for gradients of this size."""
        size = rate / self.fan_out**0.5 if isinstance(rule, Normalised) else rate
        found, tau = rule.own_part(self), self.gradient
        square, along = size**2 * tau ** (2 * rule.degree), size * tau ** (1 + rule.degree)
        return OwnPart(
            found.square * square,
            found.along * along,
            found.slope_square * square,
            found.slope_along * along,
        )


def output_moved_by_stream(network: Residual, inputs: Inputs, optimiser: Optimiser) -> float:
    """|Delta f| by the own step of the readout, which reads the last stream, at eta = 1 and over
    n^(head_power/2)."""
    found = Blocks(network, inputs)
    square = float(found.squares[-1])
    signs = found.is_inside and optimiser.unscaled.width_power
    size = float(stream_sizes(found)[-1]) if signs else GAUSSIAN_SIZE * square**0.5
    return float(optimiser.head(square, size))


def moved_in_blocks(
    network: Residual, inputs: Inputs, optimiser: Optimiser, rates: tuple[ByRole, ...]
) -> Movement:
    """The linearised movement of every block; ``rates``: one `ByRole` for each block.

    Raises `NotSolved` for sign descent with an epsilon, and for sign descent where the activation
    reads the stream.
    """
    found = Blocks(network, inputs)
    steps = _behind_activation if found.reads_stream else _before_activation
    moved, decay = steps(found, optimiser, rates), float(optimiser.weight_decay)
    if not decay:
        return moved
    stream, branch = decayed_in_blocks(found, decay, rates)
    return replace(moved, stream=moved.stream + stream, branch=moved.branch + branch)


class _Step(NamedTuple):
    """Multiples of the step of a rule, by role."""

    input: float
    up: float
    down: float


def _multiples(optimiser: Optimiser, rates: tuple[ByRole, ...]) -> list[_Step]:
    size = float(optimiser.multiple)
    known = {
        each: _Step(*(size * float(rate) for rate in (each.input, each.up, each.down)))
        for each in set(rates)
    }
    return [known[each] for each in rates]


def _first(found: Blocks, rule: Optimiser, multiple: float) -> tuple[OwnPart, float]:
    """The own part of the input's matrix, and its size where it is a sign."""
    size, p = float(found.inputs.size), float(found.gradients[0])
    matrix = Matrix(found.fan_in, float(found.inputs.square), size, p**0.5)
    return matrix.own(rule, multiple), multiple * found.fan_in * size


@dataclass(frozen=True)
class BranchParts:
    """Own parts of the matrices of every branch, ``before`` and ``behind`` its activation; the size
    of the parts where they are ``signs``; and ``back`` = E (gradient at its output)^2."""

    before: OwnPart | None
    behind: OwnPart | None
    signs: Any
    back: Any


def branch_parts(
    found: Any,
    rule: Optimiser,
    moments: Moments,
    entries: tuple[Any, Any],
    gradient2: Any,
    rates: tuple[Any, Any],
) -> BranchParts:
    """The parts at multiples ``rates`` of the steps of U and W.  ``entries``: E x^2 and E |x| of
    the branch's input; ``gradient2``: E (gradient at its output)^2, all in arrays."""
    two, (up, down), before, behind = isinstance(found.kind, UpDown), rates, None, None
    rows = found.ratio if two else 1.0
    back = (found.down if two else 1.0) * gradient2 / rows
    if two or found.reads_stream:
        matrix = Matrix(rows, moments.q, moments.q1, gradient2**0.5)
        behind = matrix.own(rule, down if two else up)
    if not found.reads_stream:
        slopes = (moments.alive, moments.m1, moments.m2, moments.m3, moments.m4)
        before = Matrix(1.0, *entries, back**0.5, slopes, rows).own(rule, up)
    signs = rows * moments.q1 * down if two else entries[1] * moments.m1 * up
    return BranchParts(before, behind, signs, back)


def _before_activation(found: Blocks, optimiser: Optimiser, rates: tuple[ByRole, ...]) -> Movement:
    """Of branches W sigma(U h) and sigma(W h), whose slopes are fresh in every block."""
    signs, two = isinstance(optimiser.unscaled, SignDescent), isinstance(found.kind, UpDown)
    rule, steps, moments = optimiser.unscaled, _multiples(optimiser, rates), found.moments
    p, tau2, skip2 = found.gradients[1:], found.tau2, found.skip2
    entries = _entry_sizes(found) if signs else 0 * found.entry
    each_rate = np.array([step.up for step in steps]), np.array([step.down for step in steps])
    parts = branch_parts(found, rule, moments, (found.entry, entries), tau2 * p, each_rate)
    up, down = parts.before, parts.behind
    assert up is not None
    lambdas = 0 * p if down is None else down.along / p
    across = 0 * p if down is None else tau2 * down.square - lambdas**2 * p
    own, size = _first(found, rule, steps[0].input)
    sizes = np.concatenate([[size], tau2**0.5 * parts.signs])
    along = np.concatenate([[own.along / found.gradients[0]], lambdas if two else up.along / p])
    rows, out = (found.ratio, found.down) if two else (1.0, 1.0)
    stream, branch = np.empty(found.blocks + 1), np.empty(found.blocks)
    stream[0], alpha = own.square, along[0]
    columns = (p, moments.m2, moments.m4, parts.back, found.up / found.scale2[:-1], lambdas, across)
    for block, (p_b, m2, m4, back, read, lambda_, added) in enumerate(zip(*columns, strict=True)):
        a, fresh = alpha * read, stream[block] * read
        branch[block] = up.square[block] + 2 * a * up.along[block] + a**2 * m2 * back + fresh
        slope_along = up.slope_square[block] + 2 * a * up.slope_along[block]
        masked = slope_along + a**2 * m4 * back + m2 * fresh
        kappa = rows * (up.along[block] + a * m2 * back) / p_b + lambda_
        pairs = _sign_pairs(found, sizes, along, block + 1) if signs else 0.0
        # for one matrix E (slope psi)^2 holds kappa^2 P already
        moved = skip2 * (stream[block] + 2 * alpha * kappa * p_b) + two * kappa**2 * p_b
        stream[block + 1] = moved + added + tau2 * out * masked + 2 * pairs
        alpha = skip2 * alpha + kappa
    return Movement(stream, branch, found.squares, float(alpha * found.gradients[-1]))


def _entry_sizes(found: Blocks) -> FloatArray:
    """E |norm h| at the entry of every block; the stream is Gaussian if no activation ends a
    branch."""
    if not found.is_inside:
        return np.asarray(GAUSSIAN_SIZE * found.entry**0.5)
    centred = isinstance(found.norm, LayerNorm)
    return np.asarray(stream_sizes(found, centred)[:-1] / found.scale2[:-1] ** 0.5)


def _sign_pairs(found: Blocks, sizes: FloatArray, along: FloatArray, last: int) -> float:
    """The covariances across p of the signs of the gradients of block ``last`` with those below."""
    blocks, p = np.arange(last), found.gradients
    carried = found.skip2 ** ((last - blocks) / 2)
    correlation = carried * np.sqrt(p[last] / p[:last])
    signs = sizes[:last] * sizes[last] * (2 / np.pi) * np.arcsin(np.minimum(correlation, 1.0))
    return float(np.sum(carried * (signs - along[:last] * along[last] * carried * p[last])))


def _behind_activation(found: Blocks, optimiser: Optimiser, rates: tuple[ByRole, ...]) -> Movement:
    """Of branches W sigma(h), whose slopes are those of one neuron of the stream."""
    if isinstance(optimiser.unscaled, SignDescent):
        raise NotSolved(
            "sign descent on branches W sigma(h) is not solved, since gradients are not Gaussian: "
            "give branch=UpDown()"
        )
    if found.blocks > _MOST_PAIRS:
        raise NotSolved(
            f"branches W sigma(h) are solved for {_MOST_PAIRS} blocks at most, since their blocks "
            f"are taken in pairs: give fewer blocks, or branch=UpDown()"
        )
    skip2, gradients, scale2 = found.skip2, found.gradients, found.scale2[:-1]
    slopes = _slope_pairs(found)
    moments, p = found.moments, gradients[1:]
    slope2 = moments.m2 / scale2
    parts = found.passed * p / slope2  # E (gradient through block b + 1, without its slope)^2
    rule, steps = optimiser.unscaled, _multiples(optimiser, rates)
    entries, each_rate = (found.entry, 0 * p), (np.array([step.up for step in steps]), 0 * p)
    behind = branch_parts(found, rule, moments, entries, found.tau2 * p, each_rate).behind
    assert behind is not None
    kappas = behind.along / p
    own, _ = _first(found, rule, steps[0].input)
    stream, branch = np.empty(found.blocks + 1), np.empty(found.blocks)
    alphas, alpha, noise = np.zeros(found.blocks), own.along / gradients[0], 0.0
    stream[0] = own.square
    places = np.arange(found.blocks)
    for block in range(found.blocks):
        alphas[block] = alpha
        reach = skip2 ** np.abs(places - block).astype(float)
        weights = np.where(places < block, alphas**2, alpha**2) * reach * parts
        last = skip2 ** (found.blocks - block) * alpha**2 * gradients[-1]
        masked = np.sum(weights * slopes[block]) + slope2[block] * (last + noise)
        branch[block] = stream[block] / scale2[block]
        kappa = kappas[block] + alpha * found.passed[block]
        noise = skip2 * noise + found.tau2 * found.up * masked
        stream[block + 1] = (
            skip2 * (stream[block] + 2 * alpha * kappa * p[block])
            + kappa**2 * p[block]
            + found.tau2 * found.up * masked
        )
        alpha = skip2 * alpha + kappa
    return Movement(stream, branch, found.squares, float(alpha * gradients[-1]))


def _slope_pairs(found: Blocks) -> FloatArray:
    """E phi'(h^b)^2 phi'(h^c)^2 over the divisors of the norm, of all pairs of blocks."""
    squares, steps = found.squares[:-1], np.arange(found.blocks)
    lower, upper = np.minimum.outer(steps, steps), np.maximum.outer(steps, steps)
    carried = found.skip2 ** ((upper - lower) / 2)
    correlation = np.minimum(carried * np.sqrt(squares[lower] / squares[upper]), 1.0)
    pairs = SlopePairs(found.activation)
    series = pairs.series(found.inside)
    total = pairs.of(correlation, series[:, :, None], series[:, None, :])
    return np.asarray(total / np.multiply.outer(found.scale2[:-1], found.scale2[:-1]))


class SlopePairs:
    """E phi'(g)^2 phi'(h)^2 of Gaussian numbers g and h."""

    def __init__(self, activation: Nonlinearity) -> None:
        self._activation, self._halves = activation, half_line_slopes(activation)
        if activation.kinks and self._halves is None:
            raise NotSolved(
                "branches W sigma(h) are solved for activations that are piecewise linear or "
                "smooth: give Tanh(), say, or branch=UpDown()"
            )

    def series(self, seen: FloatArray) -> FloatArray:
        """The Hermite series of phi'(h)^2 for E h^2 in ``seen``, shape (terms, numbers); no terms
        where pairs have a closed form."""
        if self._halves is not None:
            return np.zeros((0, len(seen)))
        nodes, weights = gaussian_rule([-_FARTHEST, _FARTHEST], _NODES)
        slopes = self._activation.derivative(np.sqrt(seen)[:, None] * nodes) ** 2
        before, basis, found = np.zeros_like(nodes), np.ones_like(nodes), []
        for order in range(_HERMITE):
            found.append(slopes @ (weights * basis))
            before, basis = (
                basis,
                (nodes * basis - order**0.5 * before) / (order + 1) ** 0.5,
            )
        return np.array(found)

    def of(self, correlation: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
        """At every ``correlation``, from the two `series`."""
        if self._halves is not None:
            above, below = (float(each) ** 2 for each in self._halves)
            even, odd = (above + below) / 2, (above - below) / 2
            return np.asarray(even**2 + odd**2 * (2 / np.pi) * np.arcsin(correlation))
        total, power = np.zeros_like(correlation), np.ones_like(correlation)
        for one, other in zip(left, right, strict=True):
            total += power * one * other
            power = power * correlation
        return total
