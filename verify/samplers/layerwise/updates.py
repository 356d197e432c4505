"""Networks are drawn, differentiated and moved by compiled passes; the caller answers where a table
lacks a value, and where it gives the weight matrices."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from sympy import Expr, Number

from theory.activations import Nonlinearity, PiecewiseLinear
from verify.numerics.arrays import FloatArray
from verify.numerics.tables import tabulated
from verify.numerics.variates import Stream
from verify.samplers.layerwise.passes import BACKWARD, FORWARD, READOUT, run
from verify.samplers.layerwise.program import ACTIVATION, SIGNS, program_of
from verify.samplers.layerwise.state import ANSWERED, NETWORK, PART, STAGE, new_state
from verify.samplers.problem import Problem
from verify.samplers.vectors import dot

__all__ = ["Matrices", "Matrix", "layerwise_updates"]

_GENTLE = 1 / 64, 64
"""The numbers in formulas that a table may hold: their graphs show their detail at its points."""


class Matrix(NamedTuple):
    """A weight matrix: its ``number`` in the network, from 1, its ``rows``, and the standard
    deviation ``sd`` of one weight."""

    number: int
    rows: int
    sd: float


class Matrices(ABC):
    """The weight matrices of one network at a time, but for the first, and its other normals."""

    @abstractmethod
    def begin(self, network: int) -> None:
        """Go on to the network of this number."""

    @abstractmethod
    def normals(self, width: int) -> FloatArray:
        """Standard normals, such as biases, a readout or a first layer."""

    @abstractmethod
    def forward(self, matrix: Matrix, x: FloatArray) -> FloatArray:
        """W x."""

    @abstractmethod
    def backward(self, matrix: Matrix, x: FloatArray, g: FloatArray) -> FloatArray:
        """The transposed product of W and g."""

    @abstractmethod
    def again(self, matrix: Matrix, y: FloatArray) -> FloatArray:
        """W y for one more vector, after both."""


def layerwise_updates(
    problem: Problem,
    stream: Stream,
    labels: FloatArray,
    logs: FloatArray,
    matrices: Matrices | None = None,
) -> None:
    """Natural logarithms of the mean squared update of each layer asked for, into ``logs``, shape
    ``(parts, networks, layers)``; infinite or NaN where a network leaves the range of floats.

    ``matrices``: None for weight matrices that are never formed, whose products are drawn from
    ``stream``.
    """
    caller = _Caller(problem, matrices)
    drawn = stream, caller.program, caller.table, caller.state, labels, problem.layers, logs
    with np.errstate(all="ignore"):
        while not run(*drawn):
            caller.answer()


@lru_cache(maxsize=64)
def _table(activation: Nonlinearity, for_signs: bool = False) -> FloatArray:
    """The activation and its derivative; without entries where the numbers of a formula may give
    its graph detail between any points."""
    if isinstance(activation, PiecewiseLinear) or _is_gentle(activation.formula):
        kinks = activation.kinks
        return tabulated(activation.value, activation.derivative, kinks, for_signs=for_signs)
    return tabulated(_nothing, _nothing, ())


def _is_gentle(formula: Expr) -> bool:
    """Whether no number in a formula is very large or very small."""
    sizes = [abs(each) for each in formula.atoms(Number) if each != 0]
    return all(bool(_GENTLE[0] <= size) and bool(size <= _GENTLE[1]) for size in sizes)


def _nothing(z: FloatArray) -> FloatArray:
    return np.full_like(z, np.nan)


class _Caller:
    """Gives the passes what they lack."""

    def __init__(self, problem: Problem, matrices: Matrices | None) -> None:
        network: Any = problem.network
        self.program = program_of(problem, matrices is not None)
        self.state = new_state(self.program, problem.sites.widths.size)
        self._at(0)[:] = problem.input_vector
        self.activation: Nonlinearity = network.activation
        self.table = _table(self.activation, self.program.rule == SIGNS)
        self._problem, self._matrices = problem, matrices

    def answer(self) -> None:
        """Do what the passes left to do at their stage and part."""
        now = self.state.now
        stage, part = int(now[STAGE]), int(now[PART])
        if stage != READOUT and self.program.kinds[part] == ACTIVATION:
            self._evaluate(stage, part)
        elif self._matrices is not None:
            self._multiply(self._matrices, stage, part)
        now[ANSWERED] = 1

    def _evaluate(self, stage: int, part: int) -> None:
        """The formula of the activation, at every neuron of a layer."""
        value, z, x = self.activation.value, self._at(part), self._at(part + 1)
        if stage == FORWARD:
            begin = self.program.slopes[part]
            x[:] = value(z)
            self.state.slopes[begin : begin + x.size] = self.activation.derivative(z)
            self.state.squares[part + 1] = dot(x, x)
        else:
            (y, out), step = self._changes(part), self.program.step
            out[:] = (value(z) - value(z - step * y)) / step

    def _multiply(self, matrices: Matrices, stage: int, part: int) -> None:
        """A product with one of the ``matrices``, or the readout."""
        if stage == READOUT:
            g = self._at(self.program.kinds.size, of_gradients=True)
            g[:] = self.program.readout_sd * matrices.normals(g.size)
            return
        x, out = self._at(part), self._at(part + 1)
        matrix = Matrix(int(self.program.numbers[part]), out.size, float(self.program.sd[part]))
        if stage == FORWARD:
            self._forward(matrices, matrix, part)
        elif stage == BACKWARD:
            g, begin = self._at(part + 1, of_gradients=True), self.program.pulled[part]
            self.state.gradients[begin : begin + x.size] = matrices.backward(matrix, x, g)
        else:
            y, moved = self._changes(part)
            moved[:] = matrices.again(matrix, y)

    def _forward(self, matrices: Matrices, matrix: Matrix, part: int) -> None:
        """W x + b, and W x beside it."""
        x, out, begin = self._at(part), self._at(part + 1), self.program.products[part]
        wx, deviation = self.state.values[begin : begin + out.size], self.program.deviations[part]
        if part == 0:
            matrices.begin(int(self.state.now[NETWORK]))
            wx[:] = matrix.sd * self._problem.input_norm * matrices.normals(out.size)
        else:
            wx[:] = matrices.forward(matrix, x)
        if deviation:
            out[:] = wx + deviation * matrices.normals(out.size)

    def _at(self, place: int, *, of_gradients: bool = False) -> FloatArray:
        """The vector, or gradient, at a ``place``."""
        vectors: FloatArray = self.state.gradients if of_gradients else self.state.values
        return vectors[self.program.begin[place] : self.program.begin[place + 1]]

    def _changes(self, part: int) -> tuple[FloatArray, FloatArray]:
        """The change at the input of a ``part``, and room for that at its output."""
        rows = self.state.change.reshape(2, -1)
        before, after = self._at(part).size, self._at(part + 1).size
        return rows[part % 2, :before], rows[1 - part % 2, :after]
