"""The functions of a layer, which are norms and activations, and the step of its weights.

Vectors have the shape ``(networks, width)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from sympy import erf, erfc, lambdify

from theory.activations import Nonlinearity
from theory.activations.nonlinearity import z
from theory.networks.norms import LayerNorm, Norm
from theory.optimisers import Normalised, Optimiser, SignDescent
from verify.numerics.arrays import FloatArray

__all__ = ["Activated", "Step", "dot", "over"]


def dot(left: FloatArray, right: FloatArray) -> FloatArray:
    """The inner product of the rows, shape ``(networks, 1)``."""
    return np.asarray(np.einsum("ij,ij->i", left, right)[:, None])


def over(number: FloatArray, divisor: FloatArray) -> FloatArray:
    """number/divisor, 0 over nothing."""
    return np.divide(number, divisor, out=np.zeros_like(number), where=divisor > 0.0)


class _Scaled:
    """RMSNorm or LayerNorm of a row, and its derivative, which is symmetric."""

    def __init__(self, norm: Norm, a: FloatArray) -> None:
        self.centred = isinstance(norm, LayerNorm)
        a = self._centre(a)
        self.root = np.sqrt(dot(a, a) / a.shape[1])
        self.value = over(a, np.broadcast_to(self.root, a.shape))

    def _centre(self, a: FloatArray) -> FloatArray:
        return a - a.mean(axis=1, keepdims=True) if self.centred else a

    def change(self, y: FloatArray) -> FloatArray:
        """The derivative times ``y``."""
        y = self._centre(y)
        y = y - self.value * (dot(self.value, y) / y.shape[1])
        return over(y, np.broadcast_to(self.root, y.shape))


def _scaled(norm: Norm | None, before: str, values: FloatArray) -> _Scaled | None:
    """``values`` as a norm scales them, where it stands ``before`` weights or the activation."""
    return _Scaled(norm, values) if norm is not None and norm.before == before else None


@lru_cache(maxsize=64)
def _functions(activation: Nonlinearity) -> tuple[Any, Any]:
    """phi and phi' of arrays; SciPy has a fast erf."""
    formula = activation.formula
    if not formula.has(erf, erfc):
        return activation.value, activation.derivative
    value, derivative = (
        lambdify(z, each, "scipy", cse=True) for each in (formula, formula.diff(z))
    )
    return value, derivative


class Activated:
    """phi of z with a norm before or after it, and the derivative, forwards and backwards."""

    def __init__(self, z: FloatArray, activation: Nonlinearity, norm: Norm | None) -> None:
        self.z = z
        self.first = _scaled(norm, "activation", z)
        self._at = z if self.first is None else self.first.value
        value, self._derivative = _functions(activation)
        x = value(self._at)
        self.last = _scaled(norm, "weights", x)
        self.x = x if self.last is None else self.last.value

    @cached_property
    def slope(self) -> FloatArray:
        """phi'."""
        return np.asarray(self._derivative(self._at))

    def change(self, dz: FloatArray) -> FloatArray:
        """To first order, the change of x."""
        y = self.slope * (dz if self.first is None else self.first.change(dz))
        return y if self.last is None else self.last.change(y)

    def gradient(self, h: FloatArray) -> FloatArray:
        """The gradient at z, from the gradient at x."""
        g = self.slope * (h if self.last is None else self.last.change(h))
        return g if self.first is None else self.first.change(g)


@dataclass
class Step:
    """What an optimiser does to the weights of one matrix, U, through its products."""

    optimiser: Optimiser
    residue: FloatArray
    """f - y, shape ``(networks, 1)``; 1 where label and output parts are taken apart."""
    width: int
    multiple: float = field(init=False)
    decay: float = field(init=False)

    def __post_init__(self) -> None:
        self.multiple = float(self.optimiser.multiple)
        self.decay = float(self.optimiser.weight_decay)
        if self.optimiser.unscaled.width_power:
            self.decay *= self.width

    def own(self, g: FloatArray, x: FloatArray, other: FloatArray) -> FloatArray:
        """U other, without weight decay, for an input x of the weights."""
        rule = self.optimiser.unscaled
        if isinstance(rule, SignDescent):
            return self.multiple * np.sign(self.residue) * self._signs(rule, g, x, other)
        along = dot(x, other)
        if isinstance(rule, Normalised):
            length = np.sqrt(dot(g, g) * dot(x, x))
            return self.multiple * np.sign(self.residue) * over(along, length) * g
        return self.multiple * self.residue * along * g

    def _signs(
        self, rule: SignDescent, g: FloatArray, x: FloatArray, other: FloatArray
    ) -> FloatArray:
        if rule.epsilon == 0:
            return np.sign(g) * dot(np.sign(x), other)
        small = float(rule.epsilon) / self.width
        entries = (self.residue * g)[:, :, None] * x[:, None, :]
        moved = np.einsum("nij,nj->ni", entries / (np.abs(entries) + small), other)
        return np.asarray(np.sign(self.residue) * moved)
