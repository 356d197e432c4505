"""This module computes the linearised update in plain NumPy, one network at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.literal import Literal
from bench.settings import Setting

__all__ = ["FORMS", "linearised", "prepare"]

Array = Any


def linearised(weights: Sequence[Array], readout: Array, x: Array) -> tuple[Array, Array]:
    """K g at the last hidden layer of one ReLU network, shape ``(width,)``, and its output f.

    ``weights``: W of layers 1 to L, shape ``(rows, columns)`` each.  u = |x|^2 g + W D u, upwards.
    """
    masks, norms = [], []
    for weight in weights:
        norms.append(x @ x)
        z = weight @ x
        masks.append(z > 0)
        x = np.where(masks[-1], z, 0.0)
    gradients = [readout * masks[-1]]
    for weight, mask in zip(weights[:0:-1], masks[-2::-1], strict=True):
        gradients.append((weight.T @ gradients[-1]) * mask)
    update = norms[0] * gradients[-1]
    for index in range(1, len(weights)):
        below = update * masks[index - 1]
        update = norms[index] * gradients[-1 - index] + weights[index] @ below
    return update, readout @ x


FORMS = {"plain": linearised}


def prepare(setting: Setting, literal: Literal, seed: int) -> Any:
    """A function of a number of networks of layers: their label parts and outputs f, drawn anew."""
    stream, update_of = np.random.default_rng(seed), FORMS[setting.form]
    width, x = literal.width, np.ones(literal.width)

    def draw() -> tuple[list[Array], Array]:
        weights = [sd * stream.standard_normal((width, width)) for sd in literal.deviations]
        return weights, stream.standard_normal(width) / width

    def run(networks: int) -> list[tuple[float, float]]:
        found = (update_of(*draw(), x) for _ in range(networks))
        return [(float(update @ update) / width, float(f)) for update, f in found]

    return run
