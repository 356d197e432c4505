"""`Literal` is a network as a peer draws it, in the arrays of any library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from theory import MLP, Residual

__all__ = ["Literal"]

Array = Any


class Literal(NamedTuple):
    """A ReLU network of square weight matrices on an input of ones: ``depth`` layers z = W relu(z),
    or the ``residual`` network h + W relu(U h)/sqrt(depth) of ``depth`` blocks."""

    width: int
    depth: int
    residual: bool = False

    @property
    def network(self) -> MLP | Residual:
        """The same network in the theory and the samplers."""
        return (Residual if self.residual else MLP)(self.width, self.depth)

    @property
    def deviations(self) -> list[float]:
        """Standard deviations of the weights, of the lowest matrix first; a block has U and W."""
        up = (2.0 / self.width) ** 0.5
        if not self.residual:
            return [up] * self.depth
        down = (1.0 / self.width) ** 0.5
        return [down] + [up, down] * self.depth

    @property
    def variates(self) -> int:
        """Weights, the readout's too."""
        return self.width**2 * len(self.deviations) + self.width

    def last(self, weights: Sequence[Array], x: Array, relu: Callable[[Array], Array]) -> Array:
        """The last pre-activations, or the stream after the last block."""
        z = weights[0] @ x
        if not self.residual:
            for weight in weights[1:]:
                z = weight @ relu(z)
            return z
        for up, down in zip(weights[1::2], weights[2::2], strict=True):
            z = z + down @ relu(up @ z) * self.depth**-0.5
        return z

    def output(self, last: Array, readout: Array, relu: Callable[[Array], Array]) -> Array:
        """f, from `last`."""
        return readout @ (last if self.residual else relu(last))
