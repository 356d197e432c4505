"""Networks in literal weights from their definition, moved by differences, and their products as
samplers take them."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from theory import (
    MLP,
    ActivatedThenWeights,
    Branch,
    GradientDescent,
    LayerNorm,
    Momentum,
    Normalised,
    Residual,
    SignDescent,
    UpDown,
    WeightDecay,
    WeightsThenActivated,
)
from theory.optimisers import Optimiser
from verify.numerics.variates import new_stream
from verify.samplers.layerwise.updates import Matrices, Matrix, layerwise_updates
from verify.samplers.problem import numeric_problem

Array = NDArray[np.float64]
DIFFERENCE = 1e-5
OPTIMISERS: tuple[Optimiser, ...] = (
    GradientDescent(),
    SignDescent(),
    SignDescent(epsilon="1/2"),
    Normalised(scale="0.7"),
    Momentum("0.9", averaged=True, nesterov=True),
    WeightDecay(GradientDescent(), "1/3"),
    WeightDecay(SignDescent(), "1/3"),
)


class Given(Matrices):
    """Matrices in numbers: ``weights[l]`` of layer l, from layer 2 on, and drawn ``vectors``."""

    def __init__(self, weights: list[Array], vectors: list[Array]) -> None:
        self.weights, self.vectors = weights, list(vectors)

    def begin(self, network: int) -> None:
        assert network == 0

    def normals(self, width: int) -> Array:
        drawn = self.vectors.pop(0)
        assert drawn.size == width
        return drawn

    def forward(self, matrix: Matrix, x: Array) -> Array:
        return self.weights[matrix.number] @ x

    def backward(self, matrix: Matrix, x: Array, g: Array) -> Array:
        return g @ self.weights[matrix.number]

    def again(self, matrix: Matrix, y: Array) -> Array:
        return self.weights[matrix.number] @ y


class Literal:
    """An MLP from its definition: every weight, the first layer's too."""

    network: Any

    def __init__(self, network: MLP, generator: np.random.Generator) -> None:
        self.network, self.widths = network, [int(width) for width in network.widths]
        self.places: Any = tuple(range(1, len(self.widths)))
        pairs = list(zip(self.widths, self.widths[1:], strict=False))
        c = float(network.c)
        draw = generator.standard_normal
        self.weights = [draw((rows, columns)) * (c / columns) ** 0.5 for columns, rows in pairs]
        deviation = float(network.bias_variance) ** 0.5
        self.biases = [draw(rows) * deviation for rows in self.widths[1:]]
        self.readout = draw(self.widths[-1]) / self.widths[-1]
        self.x = np.full(self.widths[0], (float(network.norm2) / self.widths[0]) ** 0.5)

    def scaled(self, values: Array, before: str) -> Array:
        norm = self.network.norm
        if norm is None or norm.before != before:
            return values
        if isinstance(norm, LayerNorm):
            values = values - values.mean()
        return values / np.sqrt(np.mean(values**2))

    def run(self, weights: list[Array]) -> tuple[list[Array], float]:
        x, found = self.x, []
        for layer, (matrix, bias) in enumerate(zip(weights, self.biases, strict=True)):
            found.append(matrix @ (self.scaled(x, "weights") if layer else x) + bias)
            x = self.network.activation.value(self.scaled(found[-1], "activation"))
        return found, float(self.readout @ self.scaled(x, "weights"))

    def gradient(self) -> list[Array]:
        """Of f, one weight at a time."""
        found = [np.zeros_like(matrix) for matrix in self.weights]
        for matrix, slopes in zip(self.weights, found, strict=True):
            for place in np.ndindex(matrix.shape):
                before, values = matrix[place], []
                for sign in (1, -1):
                    matrix[place] = before + sign * DIFFERENCE
                    values.append(self.run(self.weights)[1])
                matrix[place] = before
                slopes[place] = (values[0] - values[1]) / (2 * DIFFERENCE)
        return found

    def update(self, optimiser: Optimiser, residue: float) -> list[Array]:
        """U of every layer: the step of the loss (f - y)^2/2 is -eta U."""
        rule, found = optimiser.unscaled, []
        for slopes, matrix in zip(self.gradient(), self.weights, strict=True):
            full = residue * slopes
            if isinstance(rule, SignDescent):
                small = float(rule.epsilon) / self.widths[-1]
                full = np.where(abs(full) > 1e-9, full / (abs(full) + small + 1e-300), 0.0)
            if isinstance(rule, Normalised):
                full = full / np.linalg.norm(full, 2)
            decay = float(optimiser.weight_decay) * self.widths[-1] ** (rule.width_power // 2)
            found.append(float(optimiser.multiple) * full + decay * matrix)
        return found

    def movement(self, update: list[Array], step: float) -> list[Array]:
        """(z' - z)/step after the step -step U."""
        moved = [w - step * u for w, u in zip(self.weights, update, strict=True)]
        before, after = self.run(self.weights)[0], self.run(moved)[0]
        return [(new - old) / step for old, new in zip(before, after, strict=True)]


class LiteralResidual(Literal):
    """A residual network from its definition, whose multiplier stands beside the weights; all
    streams and the branches in front of an activation are its places."""

    def __init__(self, network: Residual, generator: np.random.Generator) -> None:
        self.network = network
        n, m, size = map(int, (network._width_at(0), network.inner_width, network.first_fan_in))
        variances, two = network.variances, isinstance(network.branch, UpDown)
        shapes = [(n, size, variances.input)]
        for _ in range(network.layers):
            shapes += [(m, n, variances.up), *[(n, m, variances.down)] * two]
        draw = generator.standard_normal
        self.weights = [draw((i, j)) * float(c / j) ** 0.5 for i, j, c in shapes]
        deviation = float(network.bias_variance) ** 0.5
        self.biases = [draw(m) * deviation for _ in range(network.layers)]
        self.readout, self.widths = draw(n) * float(network.s) ** 0.5 / n, [n]
        self.x = np.full(size, (float(network.norm2) / size) ** 0.5)
        before = isinstance(network.branch, UpDown | WeightsThenActivated)
        self.places = (0, *range(1, network.layers + 1))
        if before:
            self.places += tuple(Branch(block) for block in range(1, network.layers + 1))

    def run(self, weights: list[Array]) -> tuple[list[Array], float]:
        given, phi = list(weights[1:]), self.network.activation.value
        tau, skip = float(self.network.tau2) ** 0.5, float(self.network.skip2) ** 0.5
        streams, branches, kind = [weights[0] @ self.x], [], self.network.branch
        for bias in self.biases:
            x = self.scaled(streams[-1], "weights")
            if isinstance(kind, ActivatedThenWeights):
                out = given.pop(0) @ phi(x)
            else:
                branches.append(given.pop(0) @ x + bias)
                out = phi(branches[-1])
                out = given.pop(0) @ out if isinstance(kind, UpDown) else out
            streams.append(skip * streams[-1] + tau * out)
        return [*streams, *branches], float(self.readout @ streams[-1])


def check_a_step(literal: Literal, optimiser: Optimiser, step: float | None) -> None:
    """The step of the sampler's arithmetic is that of the definition, at every place."""
    network = literal.network
    problem = numeric_problem(
        network, layer=literal.places, rates=None, step=step, optimiser=optimiser
    )
    first = literal.weights[0] @ literal.x
    vectors = [first / (problem.weight_sd[0] * problem.input_norm)]
    deviation = float(network.bias_variance) ** 0.5
    for bias in literal.biases:
        vectors += [bias / deviation] if deviation else []
    vectors.append(literal.readout / problem.readout_sd)
    logs = np.empty((len(problem.parts), 1, len(literal.places)))
    given = Given([np.empty(0), np.empty(0), *literal.weights[1:]], vectors)
    stream = new_stream(np.random.default_rng(0))  # of which nothing is drawn
    layerwise_updates(problem, stream, np.array([1.0]), logs, given)
    f = literal.run(literal.weights)[1]
    whole = problem.parts == ("total",)
    update = literal.update(optimiser, f - 1.0 if whole else 1.0)
    if step is None:
        two = [literal.movement(update, sign * 1e-5) for sign in (1, -1)]
        moved = [(one + other) / 2 for one, other in zip(*two, strict=True)]
    else:
        moved = literal.movement(update, step)
    expected = np.array([np.mean(each**2) for each in moved])
    assert np.exp(logs[0][0]) == pytest.approx(expected, rel=2e-5)
    if not whole:
        parts = np.full(len(moved), np.log(f**2))
        assert logs[1][0] - logs[0][0] == pytest.approx(parts)
