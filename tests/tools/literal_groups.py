"""Literal ReLU networks, many at once: what one step of three groups of weights does to them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moved:
    """Per network: f, and the first-order changes per unit of -(f - y) and of each group's rate.

    ``z``: by group (first, hidden), shape ``(2, networks, width)``, at the last hidden layer;
    ``out``: of f, by group (first, hidden, readout), shape ``(3, networks)``.
    """

    f: Array
    z: Array
    out: Array

    def mean_squares(self, rates: tuple[float, float, float]) -> tuple[Array, Array]:
        """(Delta z)^2 over neurons and labels, and (Delta f)^2, of each network."""
        weight = 1 + self.f**2
        first, hidden, readout = rates
        z = first * self.z[0] + hidden * self.z[1]
        out = first * self.out[0] + hidden * self.out[1] + readout * self.out[2]
        return weight * (z**2).mean(axis=1), weight * out**2


def literal_step(networks: int, inputs: int, width: int, depth: int, seed: int) -> Moved:
    """Backpropagation written out with weights, masks and outer products; |x|^2 = ``inputs``."""
    rng = np.random.default_rng(seed)
    acts: list[Array] = [np.ones((networks, inputs))]
    weights: list[Array] = []
    masks: list[Any] = []
    for _ in range(depth):
        fan_in = acts[-1].shape[1]
        weights.append(rng.normal(size=(networks, width, fan_in)) * np.sqrt(2 / fan_in))
        z = np.einsum("bij,bj->bi", weights[-1], acts[-1])
        masks.append(z > 0)
        acts.append(z * masks[-1])
    v = rng.normal(size=(networks, width)) / width
    grads: list[Array] = [v * masks[-1]]
    for k in range(depth - 1, 0, -1):
        grads.append(np.einsum("bij,bi->bj", weights[k], grads[-1]) * masks[k - 1])
    grads = grads[::-1]
    z_by_group = []
    for trained in ({0}, set(range(1, depth))):
        change = np.zeros((networks, width))
        for k in range(depth):
            if k:
                change = np.einsum("bij,bj->bi", weights[k], change * masks[k - 1])
            if k in trained:
                outer = np.einsum("bi,bj->bij", grads[k], acts[k])
                change = change + np.einsum("bij,bj->bi", outer, acts[k])
        z_by_group.append(change)
    out = [np.einsum("bi,bi->b", v, dz * masks[-1]) for dz in z_by_group]
    out.append((acts[-1] ** 2).sum(axis=1))
    return Moved(np.einsum("bi,bi->b", v, acts[-1]), np.stack(z_by_group), np.stack(out))
