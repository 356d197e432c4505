"""Residual networks, graphs and convolutions, literally: the forward pass written out, and exact
derivatives by complex steps.

A forward pass is a function of a dict of weight matrices to the pre-activations by name and the
output "f".  It is real-analytic on each side of the kinks, which its masks see from the real parts,
so that f(w + i eps d)/eps has the derivative along d as its imaginary part, to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["convolution", "graph", "linearised_update", "real_step", "residual"]

Array = NDArray[Any]
Weights = Mapping[Hashable, Array]
Forward = Callable[[Weights], dict[Hashable, Array]]
_EPS = 1e-150


def _sigma(z: Array, slope: float) -> Array:
    return np.where(z.real > 0, z, slope * z)


def residual(x: Array, multiplier2: float, skip2: float, slope: float) -> Forward:
    """h^b = sqrt(skip2) h^(b-1) + tau W sigma(U h^(b-1)); weights "in", ("U", b), ("W", b), "v";
    ("stream", b) and ("branch", b)."""

    def run(weights: Weights) -> dict[Hashable, Array]:
        h = weights["in"] @ x
        found: dict[Hashable, Array] = {("stream", 0): h}
        block = 1
        while ("U", block) in weights:
            z = weights["U", block] @ h
            h = skip2**0.5 * h + multiplier2**0.5 * weights["W", block] @ _sigma(z, slope)
            found |= {("branch", block): z, ("stream", block): h}
            block += 1
        return found | {"f": weights["v"] @ h}

    return run


def graph(
    vertices: Mapping[str, Sequence[str]], readout: Sequence[str], x: Array, slope: float
) -> Forward:
    """z = sum over sources of W x_source; weights (source, vertex) and ("v", vertex)."""

    def run(weights: Weights) -> dict[Hashable, Array]:
        value: dict[str, Array] = {"x": x}
        found: dict[Hashable, Array] = {}
        for name, sources in vertices.items():
            terms = [weights[source, name] @ value[source] for source in sources]
            found[name] = np.sum(terms, axis=0)
            value[name] = _sigma(found[name], slope)
        return found | {"f": np.sum([weights["v", name] @ value[name] for name in readout], axis=0)}

    return run


def convolution(inputs: Array, kernel: int, depth: int, shared: bool, slope: float) -> Forward:
    """Position s reads s, ..., s + kernel - 1; weights (l, k) of shared filters and "v", else
    (l, k, s) and ("v", s)."""
    positions = len(inputs)

    def of(weights: Weights, key: Hashable, s: int) -> Array:
        own = (key, s) if key == "v" else (*key, s)  # type: ignore[misc]
        return weights[key if shared else own]

    def run(weights: Weights) -> dict[Hashable, Array]:
        below, found = list(inputs), dict[Hashable, Array]()
        for layer in range(1, depth + 1):
            for s in range(positions):
                found[layer, s] = np.sum(
                    [
                        of(weights, (layer, k), s) @ below[(s + k) % positions]
                        for k in range(kernel)
                    ],
                    axis=0,
                )
            below = [_sigma(found[layer, s], slope) for s in range(positions)]
        mean = 1 / positions if shared else 1.0
        pooled = [of(weights, "v", s) @ below[s] * mean for s in range(positions)]
        return found | {"f": np.sum(pooled, axis=0)}

    return run


def _gradient(run: Forward, weights: Weights) -> dict[Hashable, Array]:
    """df/dw of every weight."""
    found: dict[Hashable, Array] = {}
    for key, matrix in weights.items():
        found[key] = np.zeros_like(matrix)
        for place in np.ndindex(matrix.shape):
            moved = matrix.copy()
            moved[place] += 1j * _EPS
            found[key][place] = run({**weights, key: moved})["f"].imag.item() / _EPS
    return found


def linearised_update(
    run: Forward, weights: Weights, rates: Mapping[Hashable, float]
) -> tuple[dict[Hashable, Array], float]:
    """The pre-activations' derivatives along the sum of r df/dw, minus their updates per
    eta (f - y); and f.  ``rates``: 0 where a key is left out."""
    gradient = _gradient(run, weights)
    moved = {k: w + 1j * _EPS * rates.get(k, 0.0) * gradient[k] for k, w in weights.items()}
    return {k: z.imag / _EPS for k, z in run(moved).items()}, run(weights)["f"].real.item()


def real_step(
    run: Forward, weights: Weights, rates: Mapping[Hashable, float], step: float, label: float
) -> dict[Hashable, Array]:
    """The pre-activations after a step of gradient descent less those before."""
    before, gradient = run(weights), _gradient(run, weights)
    pull = step * (before["f"].real.item() - label)
    moved = {k: w - pull * rates.get(k, 0.0) * gradient[k] for k, w in weights.items()}
    return {k: z.real - before[k].real for k, z in run(moved).items()}
