"""One step on a literal network of finite width, in plain NumPy: the second road to infinite width.

Shares no code with `theory.infinite_width`: every weight is drawn, gradients are products of
matrices, and a linearised movement is a derivative along the step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


def normed(v: Any, centred: bool) -> Any:
    """v less its mean where ``centred``, over its root mean square."""
    v = v - centred * v.mean()
    return v / np.sqrt(np.mean(v**2))


def normed_change(v: Any, change: Any, centred: bool) -> Any:
    """The derivative of `normed` along ``change``; its matrix is symmetric."""
    v = v - centred * v.mean()
    scale = np.sqrt(np.mean(v**2))
    change = change - centred * change.mean()
    return (change - v * np.mean(v * change) / scale**2) / scale


@dataclass
class Output:
    """A layer's output x of its pre-activation z, and its derivatives; ``norm``: the place of a
    norm and whether it is centred."""

    activation: Any
    norm: tuple[str, bool] | None = None

    def value(self, z: Any) -> Any:
        if self.norm is None:
            return self.activation.value(z)
        place, centred = self.norm
        if place == "weights":
            return normed(self.activation.value(z), centred)
        return self.activation.value(normed(z, centred))

    def pushed(self, z: Any, change: Any) -> Any:
        """The change of x along a change of z."""
        slope, value = self.activation.derivative, self.activation.value
        if self.norm is None:
            return slope(z) * change
        place, centred = self.norm
        if place == "weights":
            return normed_change(value(z), slope(z) * change, centred)
        return slope(normed(z, centred)) * normed_change(z, change, centred)

    def pulled(self, z: Any, h: Any) -> Any:
        """The gradient at z of a gradient at x."""
        slope, value = self.activation.derivative, self.activation.value
        if self.norm is None:
            return slope(z) * h
        place, centred = self.norm
        if place == "weights":
            return slope(z) * normed_change(value(z), h, centred)
        return normed_change(z, slope(normed(z, centred)) * h, centred)


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
    norm: tuple[str, bool] | None = None,
) -> Any:
    """The mean over neurons of (Delta z)^2 over eta^2 of every layer of one network; with ``step``
    of a real step."""
    output = Output(activation, norm)
    x = np.sqrt(square) * rng.choice([-1.0, 1.0], width)
    weights = [np.sqrt(scales[0] / width) * rng.normal(size=(width, width)) for _ in range(depth)]
    biases = [np.sqrt(scales[1]) * rng.normal(size=width) for _ in range(depth)]
    inputs, fields = [x], []
    for w, b in zip(weights, biases, strict=True):
        fields.append(w @ inputs[-1] + b)
        inputs.append(output.value(fields[-1]))
    h = rng.normal(size=width) / width
    steps: list[Any] = []
    for w, z, x in zip(weights[::-1], fields[::-1], inputs[-2::-1], strict=True):
        g = output.pulled(z, h)
        steps.insert(0, update(g, x) + decay * w)
        h = w.T @ g
    found, change = [], np.zeros(width)
    for w, b, u, z, x in zip(weights, biases, steps, fields, inputs, strict=False):
        if step is None:
            change = u @ x + w @ change
            found.append(np.mean(change**2))
            change = output.pushed(z, change)
        else:
            after = (w - step * u) @ (x + change) + b
            found.append(np.mean((after - z) ** 2) / step**2)
            change = output.value(after) - output.value(z)
    return np.array(found)
