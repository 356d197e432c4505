"""One step of networks of any activation, with biases, norms and optimisers, layer by layer.

The arrays of a layer have the shape ``(networks, width)``.  A sampler gives the products with
weight matrices (`Matrices`); everything else is the same arithmetic for all samplers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
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
from verify.numerics.single_normals import single_normals
from verify.numerics.variates import Stream
from verify.samplers.problem import Problem

__all__ = ["Matrices", "dot", "layerwise_updates", "over"]


class Matrices(ABC):
    """The weight matrices of layers 2 to L of some ``networks``, known through three products of
    each."""

    def __init__(self, problem: Problem, stream: Stream, networks: int) -> None:
        self._problem, self._stream, self._networks = problem, stream, networks

    def normals(self, width: int) -> FloatArray:
        """Standard normals for each network, such as biases, a readout or a first layer."""
        drawn = np.empty(self._networks * width, np.float32)
        single_normals(self._stream, drawn)
        return drawn.reshape(self._networks, width).astype(float)

    @abstractmethod
    def forward(self, layer: int, x: FloatArray) -> FloatArray:
        """W x."""

    @abstractmethod
    def backward(self, layer: int, x: FloatArray, wx: FloatArray, g: FloatArray) -> FloatArray:
        """The transposed product of W and g, after ``wx`` = W x."""

    @abstractmethod
    def again(self, layer: int, seen: Seen, y: FloatArray) -> FloatArray:
        """W y for one more vector, after both."""

    def _sd(self, layer: int) -> float:
        return float(self._problem.weight_sd[layer - 1])


@dataclass
class Seen:
    """One layer: its input ``x``, W x, the gradient ``g`` of f there, and the transposed product
    ``h`` of W and g."""

    x: FloatArray
    wx: FloatArray
    g: FloatArray
    h: FloatArray


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


class _Activated:
    """x of one layer as a function of its z, and the derivative, forwards and backwards."""

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
class _Step:
    """What an optimiser does to the weights of one layer, U, through its products."""

    optimiser: Optimiser
    residue: FloatArray
    """f - y, shape ``(networks, 1)``; 1 where label and output parts are taken apart."""
    width: int
    multiple: float = field(init=False)
    decay: float = field(init=False)

    def __post_init__(self) -> None:
        self.multiple = float(self.optimiser.multiple)
        self.decay = float(self.optimiser.weight_decay)
        if self.optimiser.width_power:
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


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def layerwise_updates(
    problem: Problem, matrices: Matrices, labels: FloatArray, logs: FloatArray
) -> None:
    """Natural logarithms of the mean squared update of each layer asked for, into ``logs``, shape
    ``(parts, networks, layers)``; infinite or NaN where a network leaves the range of floats."""
    run = _Run(problem, matrices, labels[:, None])
    asked = {int(layer): np.flatnonzero(problem.layers == layer) for layer in problem.layers}
    for layer, moved in run.movements():
        if layer in asked:
            square = dot(moved, moved) / moved.shape[1]
            parts = [np.log(square[:, 0])]
            if problem.parts == ("label", "output"):
                parts.append(parts[0] + 2.0 * np.log(np.abs(run.output[:, 0])))
            for part, values in enumerate(parts):
                logs[part][:, asked[layer]] = values[:, None]


class _Run:
    """Networks drawn, differentiated and moved."""

    def __init__(self, problem: Problem, matrices: Matrices, labels: FloatArray) -> None:
        self.problem, self.matrices, self.network = problem, matrices, problem.network
        self.seen: dict[int, Seen] = {}
        self.active: dict[int, _Activated] = {}
        self.output = self._forward()
        whole = problem.parts == ("total",)
        self.residue = self.output - labels if whole else np.ones_like(self.output)

    def _activated(self, z: FloatArray) -> _Activated:
        return _Activated(z, self.network.activation, self.network.norm)

    def _forward(self) -> FloatArray:
        """Draw the networks and the gradients of f; f is returned."""
        problem, matrices, widths = self.problem, self.matrices, self.problem.widths
        deviation = float(self.network.bias_variance) ** 0.5
        for layer in range(1, widths.size):
            width = int(widths[layer])
            if layer == 1:
                x = problem.input_vector
                wx = problem.weight_sd[0] * problem.input_norm * matrices.normals(width)
                x = np.broadcast_to(x, (wx.shape[0], x.size))
            else:
                x = self.active[layer - 1].x
                wx = matrices.forward(layer, x)
            z = wx + deviation * matrices.normals(width) if deviation else wx
            self.active[layer] = self._activated(z)
            self.seen[layer] = Seen(x, wx, wx, wx)
        top = self.active[widths.size - 1]
        readout = problem.readout_sd * matrices.normals(int(widths[-1]))
        output, h = dot(readout, top.x), readout
        for layer in range(widths.size - 1, 0, -1):
            here = self.seen[layer]
            here.g = self.active[layer].gradient(h)
            if layer > 1:
                here.h = h = matrices.backward(layer, here.x, here.wx, here.g)
        return output

    def movements(self) -> Any:
        """Layer by layer, the change of z over -eta, to first order or of a real step."""
        step, change = self.problem.step, None
        for layer, here in self.seen.items():
            rate = float(self.problem.rates[layer - 1])
            rule = _Step(self.problem.optimiser, self.residue, int(self.problem.widths[-1]))
            further = np.zeros_like(here.wx)
            other, moved = here.x, here.wx
            if change is not None:
                y = self._moved_input(layer - 1, change)
                further = self.matrices.again(layer, here, y)
                if step is not None:
                    other, moved = here.x - step * y, here.wx - step * further
            own = rule.own(here.g, here.x, other)
            if rule.decay:
                own = own + rule.decay * moved
            change = rate * own + further
            yield layer, change

    def _moved_input(self, below: int, change: FloatArray) -> FloatArray:
        """The change of x above layer ``below`` over -eta."""
        active, step = self.active[below], self.problem.step
        if step is None:
            return active.change(change)
        return (active.x - self._activated(active.z - step * change).x) / step
