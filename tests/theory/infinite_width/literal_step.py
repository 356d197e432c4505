"""One step on a literal network of finite width, in plain NumPy: the second road to infinite width.

Shares no code with `theory.infinite_width`: every weight is drawn, gradients are products of
matrices, and a linearised movement is a derivative along the step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Update = Callable[[Any, Any], Any]
"""The matrix U of a step from its gradient g x^T, given g and x."""


def gradient_descent(g: Any, x: Any) -> Any:
    return np.outer(g, x)


def sign_descent(epsilon: float) -> Update:
    def update(g: Any, x: Any) -> Any:
        gradient = np.outer(g, x)
        size = np.abs(gradient) + epsilon / len(g)
        return np.divide(gradient, size, out=np.zeros_like(gradient), where=size > 0) / len(g)

    return update


def normalised(g: Any, x: Any) -> Any:
    return np.outer(g, x) / np.sqrt((g @ g) * (x @ x))


def moved(
    activation: Any,
    width: int,
    depth: int,
    scales: tuple[float, float],
    update: Update,
    rng: Any,
    *,
    decay: float = 0.0,
    step: float | None = None,
    square: float = 1.0,
) -> Any:
    """The mean over neurons of (Delta z)^2 over eta^2 of every layer of one network; with ``step``
    of a real step."""
    x = np.sqrt(square) * rng.choice([-1.0, 1.0], width)
    weights = [np.sqrt(scales[0] / width) * rng.normal(size=(width, width)) for _ in range(depth)]
    biases = [np.sqrt(scales[1]) * rng.normal(size=width) for _ in range(depth)]
    inputs, fields = [x], []
    for w, b in zip(weights, biases, strict=True):
        fields.append(w @ inputs[-1] + b)
        inputs.append(activation.value(fields[-1]))
    h = rng.normal(size=width) / width
    steps: list[Any] = []
    for w, z, x in zip(weights[::-1], fields[::-1], inputs[-2::-1], strict=True):
        g = activation.derivative(z) * h
        steps.insert(0, update(g, x) + decay * w)
        h = w.T @ g
    found, change = [], np.zeros(width)
    for w, b, u, z, x in zip(weights, biases, steps, fields, inputs, strict=False):
        if step is None:
            change = u @ x + w @ change
            found.append(np.mean(change**2))
            change = activation.derivative(z) * change
        else:
            after = (w - step * u) @ (x + change) + b
            found.append(np.mean((after - z) ** 2) / step**2)
            change = activation.value(after) - activation.value(z)
    return np.array(found)
