"""Literal residual networks: every weight, gradients backwards and movements forwards."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.activations import Nonlinearity
from theory.networks.norms import LayerNorm, Norm
from theory.networks.roles import ActivatedThenWeights, BranchKind, UpDown

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Shape:
    branch: BranchKind
    activation: Nonlinearity
    blocks: int
    up: float = 2.0
    down: float = 1.0
    tau2: float = 0.25
    skip2: float = 1.0
    bias: float = 0.0
    ratio: float = 1.0
    norm: Norm | None = None


class Scaled:
    """A norm at one point, and its derivative, which is symmetric."""

    def __init__(self, norm: Norm | None, h: Array) -> None:
        self.norm, self.x = norm, h
        if norm is not None:
            h = h - h.mean() if isinstance(norm, LayerNorm) else h
            self.root = np.sqrt(np.mean(h**2))
            self.x = h / self.root

    def change(self, y: Array) -> Array:
        if self.norm is None:
            return y
        y = y - y.mean() if isinstance(self.norm, LayerNorm) else y
        return (y - self.x * (self.x @ y) / y.size) / self.root


def own(rule: str, g: Array, x: Array) -> Array:
    """U x of the weights with input x and gradient g x^T."""
    if rule == "sign":
        return np.sign(g) * np.sum(abs(x))
    if rule == "normalised":
        return g * np.linalg.norm(x) / np.linalg.norm(g)
    return g * (x @ x)


def movements(
    shape: Shape, width: int, rule: str, generator: np.random.Generator
) -> tuple[list[float], list[float], float]:
    """Mean squares of the change of stream and branches of one network, and the change of f."""
    draw, inner = generator.standard_normal, int(shape.ratio * width)
    two, reads = isinstance(shape.branch, UpDown), isinstance(shape.branch, ActivatedThenWeights)
    tau, skip, phi = shape.tau2**0.5, shape.skip2**0.5, shape.activation
    h, seen = draw(width), []
    rows = inner if two else width
    for _ in range(shape.blocks):
        scaled = Scaled(shape.norm, h)
        first = draw((rows, width)) * (shape.up / width) ** 0.5
        second = draw((width, inner)) * (shape.down / inner) ** 0.5 if two else None
        if reads:
            z, out = scaled.x, first @ phi.value(scaled.x)
        else:
            z = first @ scaled.x + draw(rows) * shape.bias**0.5
            out = phi.value(z) if second is None else second @ phi.value(z)
        seen.append((scaled, first, second, z))
        h = skip * h + tau * out
    readout = p = draw(width) / width
    gradients = []
    for scaled, first, second, z in reversed(seen):
        gradients.append(p)
        if reads:
            back = phi.derivative(z) * (first.T @ (tau * p))
        else:
            error = tau * p if second is None else second.T @ (tau * p)
            back = first.T @ (phi.derivative(z) * error)
        p = skip * p + scaled.change(back)
    x = np.ones(width)
    u: Any = own(rule, p, x)
    stream, branch = [float(np.mean(u**2))], []
    for (scaled, first, second, z), p in zip(seen, reversed(gradients), strict=True):
        y, slope = scaled.change(u), phi.derivative(z)
        if reads:
            out = own(rule, tau * p, phi.value(z)) + first @ (slope * y)
        else:
            error = tau * p if second is None else second.T @ (tau * p)
            moved = own(rule, slope * error, scaled.x) + first @ y
            branch.append(float(np.mean(moved**2)))
            out = slope * moved
            if second is not None:
                out = own(rule, tau * p, phi.value(z)) + second @ out
        u = skip * u + tau * out
        stream.append(float(np.mean(u**2)))
    return stream, branch, float(readout @ u)
