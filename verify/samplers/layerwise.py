"""One step of networks of any activation, with biases, norms and optimisers, block by block.

A network is a first matrix and blocks h' = skip h + branch(h), whose branches are chains of parts:
products with a weight matrix, functions and multipliers.  A plain layer is a block without a skip.
Vectors have the shape ``(networks, width)``.  A sampler gives the products with weight matrices
(`Matrices`); everything else is the same arithmetic for all samplers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from theory.activations import Linear, Nonlinearity
from theory.networks.norms import Norm
from theory.networks.residual import Residual
from theory.networks.roles import ActivatedThenWeights, UpDown
from verify.numerics.arrays import FloatArray
from verify.numerics.single_normals import single_normals
from verify.numerics.variates import Stream
from verify.samplers.layer_parts import Activated, Step, dot
from verify.samplers.problem import Problem

__all__ = ["Matrices", "Matrix", "Seen", "layerwise_updates"]


class Matrix(NamedTuple):
    """A weight matrix: its ``number`` in the network, from 1, its ``rows``, and the standard
    deviation ``sd`` of one weight."""

    number: int
    rows: int
    sd: float


@dataclass
class Seen:
    """The products of one matrix: its input ``x``, W x, the gradient ``g`` of f there, and the
    transposed product ``h`` of W and g."""

    x: FloatArray
    wx: FloatArray
    g: FloatArray
    h: FloatArray


class Matrices(ABC):
    """The weight matrices of some ``networks``, but for the first, known through three products of
    each."""

    def __init__(self, problem: Problem, stream: Stream, networks: int) -> None:
        self._problem, self._stream, self._networks = problem, stream, networks

    def normals(self, width: int) -> FloatArray:
        """Standard normals for each network, such as biases, a readout or a first layer."""
        drawn = np.empty(self._networks * width, np.float32)
        single_normals(self._stream, drawn)
        return drawn.reshape(self._networks, width).astype(float)

    @abstractmethod
    def forward(self, matrix: Matrix, x: FloatArray) -> FloatArray:
        """W x."""

    @abstractmethod
    def backward(self, matrix: Matrix, x: FloatArray, wx: FloatArray, g: FloatArray) -> FloatArray:
        """The transposed product of W and g, after ``wx`` = W x."""

    @abstractmethod
    def again(self, matrix: Matrix, seen: Seen, y: FloatArray) -> FloatArray:
        """W y for one more vector, after both."""


class _Part(ABC):
    """A part of a branch.  ``site``: the number of the site that its output is, or None."""

    site: int | None = None

    @abstractmethod
    def forward(self, x: FloatArray) -> FloatArray:
        """The output, of an input that is kept."""

    @abstractmethod
    def backward(self, g: FloatArray) -> FloatArray:
        """The gradient of f at the input, from that at the output."""

    @abstractmethod
    def change(self, y: FloatArray) -> FloatArray:
        """The change of the output over -eta from that of the input, to first order or of a real
        step."""


@dataclass
class _Multiplier(_Part):
    """A constant factor."""

    factor: float

    def forward(self, x: FloatArray) -> FloatArray:
        return self.factor * x

    def backward(self, g: FloatArray) -> FloatArray:
        return self.factor * g

    def change(self, y: FloatArray) -> FloatArray:
        return self.factor * y


@dataclass
class _Function(_Part):
    """An activation and a norm."""

    activation: Nonlinearity
    norm: Norm | None
    step: float | None

    def forward(self, x: FloatArray) -> FloatArray:
        self.at = self._at(x)
        return self.at.x

    def _at(self, z: FloatArray) -> Activated:
        return Activated(z, self.activation, self.norm)

    def backward(self, g: FloatArray) -> FloatArray:
        return self.at.gradient(g)

    def change(self, y: FloatArray) -> FloatArray:
        if self.step is None:
            return self.at.change(y)
        return (self.at.x - self._at(self.at.z - self.step * y).x) / self.step


@dataclass
class _Product(_Part):
    """W x + b with drawn biases b of a ``deviation``, and a step of W at a ``rate``."""

    run: _Run
    matrix: Matrix
    rate: float
    deviation: float
    site: int | None = None

    def forward(self, x: FloatArray) -> FloatArray:
        wx = self._product(x)
        self.seen = Seen(x, wx, wx, wx)
        if not self.deviation:
            return wx
        return wx + self.deviation * self.run.matrices.normals(self.matrix.rows)

    def _product(self, x: FloatArray) -> FloatArray:
        return self.run.matrices.forward(self.matrix, x)

    def backward(self, g: FloatArray) -> FloatArray:
        self.seen.g = g
        self.seen.h = self.run.matrices.backward(self.matrix, self.seen.x, self.seen.wx, g)
        return self.seen.h

    def change(self, y: FloatArray) -> FloatArray:
        here, step = self.seen, self.run.problem.step
        further = self.run.matrices.again(self.matrix, here, y)
        if step is None:
            return self.own(here.x, here.wx) + further
        return self.own(here.x - step * y, here.wx - step * further) + further

    def own(self, x: FloatArray, wx: FloatArray) -> FloatArray:
        """U x from the step of the weights W -> W - eta U, with ``wx`` = W x."""
        rule = self.run.rule
        own = rule.own(self.seen.g, self.seen.x, x)
        return self.rate * (own + rule.decay * wx if rule.decay else own)


class _First(_Product):
    """The first matrix, whose input is given and does not move: one product is enough."""

    def _product(self, x: FloatArray) -> FloatArray:
        size = self.matrix.sd * self.run.problem.input_norm
        return size * self.run.matrices.normals(self.matrix.rows)

    def backward(self, g: FloatArray) -> FloatArray:
        self.seen.g = g
        return g

    def change(self, y: FloatArray) -> FloatArray:
        return self.own(self.seen.x, self.seen.wx)


class _Block(NamedTuple):
    """h' = skip h + branch(h), whose output is a ``site``."""

    site: int
    branch: tuple[_Part, ...]
    skip: float = 0.0

    def forward(self, h: FloatArray) -> FloatArray:
        """h'."""
        out = h
        for part in self.branch:
            out = part.forward(out)
        return self.joined(h, out)

    def backward(self, g: FloatArray) -> FloatArray:
        """The gradient of f at h, from that at h'."""
        out = g
        for part in reversed(self.branch):
            out = part.backward(out)
        return self.joined(g, out)

    def joined(self, h: FloatArray, out: FloatArray) -> FloatArray:
        """``out`` of the branch, and what the skip adds."""
        return self.skip * h + out if self.skip else out


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def layerwise_updates(
    problem: Problem, matrices: Matrices, labels: FloatArray, logs: FloatArray
) -> None:
    """Natural logarithms of the mean squared update of each layer asked for, into ``logs``, shape
    ``(parts, networks, layers)``; infinite or NaN where a network leaves the range of floats."""
    run = _Run(problem, matrices, labels[:, None])
    asked = {int(site): np.flatnonzero(problem.layers == site) for site in problem.layers}
    for site, moved in run.movements():
        if site in asked:
            square = dot(moved, moved) / moved.shape[1]
            parts = [np.log(square[:, 0])]
            if problem.parts == ("label", "output"):
                parts.append(parts[0] + 2.0 * np.log(np.abs(run.output[:, 0])))
            for part, values in enumerate(parts):
                logs[part][:, asked[site]] = values[:, None]


class _Run:
    """Networks drawn, differentiated and moved."""

    def __init__(self, problem: Problem, matrices: Matrices, labels: FloatArray) -> None:
        self.problem, self.matrices = problem, matrices
        self.network: Any = problem.network
        blocks = isinstance(self.network, Residual)
        self.first = self._product(1, 0.0 if blocks else self._deviation, site=1)
        self.blocks = self._residual_blocks() if blocks else self._layers()
        self.head = _Block(0, () if blocks else (self._function(self.network.norm),))
        self.output = self._drawn(labels.size)
        whole = problem.parts == ("total",)
        residue = self.output - labels if whole else np.ones_like(self.output)
        self.rule = Step(problem.optimiser, residue, int(problem.widths[-1]))

    def _layers(self) -> list[_Block]:
        """Layers from the second on: an activation, and a matrix."""
        norm, deviation = self.network.norm, self._deviation
        return [
            _Block(layer, (self._function(norm), self._product(layer, deviation)))
            for layer in range(2, self.problem.widths.size)
        ]

    def _residual_blocks(self) -> list[_Block]:
        skip = float(self.problem.sites.link_factors[-1])
        return [
            _Block(2 * block + 1, self._branch(block), skip)
            for block in range(1, self.network.layers + 1)
        ]

    def _branch(self, block: int) -> tuple[_Part, ...]:
        """A norm at the entry, one or two matrices, and tau."""
        network = self.network
        tau, place = float(network.tau2) ** 0.5, 2 * block
        entry = (self._function(network.norm, Linear()),) if network.norm else ()
        phi, end = self._function(None), _Multiplier(tau)
        if isinstance(network.branch, ActivatedThenWeights):
            return *entry, phi, self._product(block + 1, tau=tau), end
        if isinstance(network.branch, UpDown):
            up = self._product(place, self._deviation, site=place)
            return *entry, up, phi, self._product(place + 1, tau=tau), end
        return *entry, self._product(block + 1, self._deviation, site=place), phi, end

    @property
    def _deviation(self) -> float:
        """Of one bias."""
        return float(self.network.bias_variance**0.5)

    def _function(self, norm: Norm | None, activation: Nonlinearity | None = None) -> _Function:
        return _Function(activation or self.network.activation, norm, self.problem.step)

    def _product(
        self, number: int, deviation: float = 0.0, *, site: int | None = None, tau: float = 1.0
    ) -> _Product:
        """The matrix of a ``number``; ``tau``: what its edge has of a multiplier behind it."""
        sites, edge = self.problem.sites, number - 1
        rows, sd = int(sites.widths[sites.targets[edge]]), float(sites.sd[edge]) / tau
        rate = float(sites.rates[edge]) / tau**2
        kind = _First if number == 1 else _Product
        return kind(self, Matrix(number, rows, sd), rate, deviation, site)

    def _drawn(self, networks: int) -> FloatArray:
        """Draw the ``networks`` and the gradients of f; f is returned."""
        x = self.problem.input_vector
        h = self.first.forward(np.broadcast_to(x, (networks, x.size)))
        for block in self.blocks:
            h = block.forward(h)
        h = self.head.forward(h)
        g = self.problem.readout_sd * self.matrices.normals(h.shape[1])
        output, g = dot(g, h), self.head.backward(g)
        for block in reversed(self.blocks):
            g = block.backward(g)
        self.first.backward(g)
        return output

    def movements(self) -> Iterator[tuple[int, FloatArray]]:
        """Site by site, the change over -eta, to first order or of a real step."""
        change = self.first.change(self.first.seen.x)
        yield 1, change
        for block in self.blocks:
            out = change
            for part in block.branch:
                out = part.change(out)
                if part.site is not None:
                    yield part.site, out
            change = block.joined(change, out)
            yield block.site, change
