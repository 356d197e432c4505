"""A network of a few rational weights, differentiated weight by weight: what K g has to be.

The change of z^(l) by one gradient step is a sum over single weights, sum_mu r_mu (d_mu z)(d_mu f).
Here each derivative is carried forward through the layers on its own; the kernel and the gradient
that the derivation starts from come from their recursions instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

__all__ = ["by_kernel", "by_weights"]

Row = list[Fraction]
Rows = list[Row]

_SLOPE = Fraction(1, 3)
_INPUT: Row = [Fraction(1), Fraction(-2)]
_WEIGHTS: list[Rows] = [
    [[Fraction(2), Fraction(3)], [Fraction(-1), Fraction(-1)], [Fraction(1, 2), Fraction(1)]],
    [[Fraction(1), Fraction(2), Fraction(-1)], [Fraction(3), Fraction(-2), Fraction(1, 3)]],
    [[Fraction(-1), Fraction(2)], [Fraction(2), Fraction(1, 5)]],
]
_READOUT: Row = [Fraction(3), Fraction(-2)]
_RATES = [Fraction(1), Fraction(5, 2), Fraction(2, 3)]


def by_weights(layer: int) -> Row:
    """sum_mu r_mu (d_mu z) (d_mu f) over the single weights of layers 1 to ``layer``."""
    total = [Fraction(0) for _ in _WEIGHTS[layer - 1]]
    for rate, z_dot, f_dot in _derivatives(layer):
        total = [old + rate * each * f_dot for old, each in zip(total, z_dot, strict=True)]
    return total


def by_kernel(layer: int) -> Row:
    """K g at ``layer``: K from |x|^2 I + W A W^T, A = D K D, and g from the readout down."""
    _, activations, masks = _forward()
    kernel: Rows = []
    for index in range(layer):
        weights = _WEIGHTS[index]
        share = _RATES[index] * _dot(activations[index], activations[index])
        if index:
            kernel = _masked(kernel, masks[index - 1])
            carried = [[_dot(row, column) for column in kernel] for row in weights]
            kernel = [[_dot(row, other) for other in weights] for row in carried]
        else:
            kernel = [[Fraction(0)] * len(weights) for _ in weights]
        for neuron in range(len(weights)):
            kernel[neuron][neuron] += share
    gradient = [d * v for d, v in zip(masks[-1], _READOUT, strict=True)]
    for index in range(len(_WEIGHTS) - 1, layer - 1, -1):
        columns = zip(*_WEIGHTS[index], strict=True)
        below = [_dot(list(column), gradient) for column in columns]
        gradient = [d * h for d, h in zip(masks[index - 1], below, strict=True)]
    return [_dot(row, gradient) for row in kernel]


def _forward() -> tuple[Rows, Rows, Rows]:
    """Pre-activations, activations (the input first) and masks, by layer."""
    pre, activations, masks = [], [_INPUT], []
    for weights in _WEIGHTS:
        z = [_dot(row, activations[-1]) for row in weights]
        mask = [Fraction(1) if each > 0 else _SLOPE for each in z]
        pre.append(z)
        masks.append(mask)
        activations.append([d * each for d, each in zip(mask, z, strict=True)])
    return pre, activations, masks


def _derivatives(layer: int) -> Iterator[tuple[Fraction, Row, Fraction]]:
    """For each weight up to ``layer``: its rate, its derivatives of z^(layer) and of f."""
    _, activations, masks = _forward()
    for index in range(layer):
        for neuron, row in enumerate(_WEIGHTS[index]):
            for source in range(len(row)):
                z_dot = [Fraction(0) for _ in _WEIGHTS[index]]
                z_dot[neuron] = activations[index][source]
                yield _RATES[index], *_carried(index, layer, z_dot, masks)


def _carried(index: int, layer: int, z_dot: Row, masks: Rows) -> tuple[Row, Fraction]:
    """The derivative of z in layer ``index`` + 1, carried on to z^(layer) and to f."""
    found = z_dot
    x_dot = [d * each for d, each in zip(masks[index], z_dot, strict=True)]
    for above in range(index + 1, len(_WEIGHTS)):
        z_dot = [_dot(row, x_dot) for row in _WEIGHTS[above]]
        found = z_dot if above < layer else found
        x_dot = [d * each for d, each in zip(masks[above], z_dot, strict=True)]
    return found, _dot(_READOUT, x_dot)


def _masked(kernel: Rows, mask: Row) -> Rows:
    rows = zip(mask, kernel, strict=True)
    return [[d * entry * e for entry, e in zip(row, mask, strict=True)] for d, row in rows]


def _dot(left: Row, right: Row) -> Fraction:
    return sum((a * b for a, b in zip(left, right, strict=True)), Fraction(0))
