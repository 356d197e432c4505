"""`Literal` is a network as a peer draws it, in the arrays of any library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from theory import MLP, Residual, Tanh

__all__ = ["Literal"]

Array = Any


class Literal(NamedTuple):
    """A network of square weight matrices on an input of ones: ``depth`` layers z = W phi(z), or
    the ``residual`` network h + W phi(U h)/sqrt(depth) of ``depth`` blocks; ``activation`` is the
    libraries' name of phi, "relu" or, of layers, "tanh"."""

    width: int
    depth: int
    residual: bool = False
    activation: str = "relu"

    @property
    def network(self) -> MLP | Residual:
        """The same network in the theory and the samplers."""
        if self.activation == "tanh":
            return MLP(self.width, self.depth, activation=Tanh())
        return (Residual if self.residual else MLP)(self.width, self.depth)

    @property
    def deviations(self) -> list[float]:
        """Standard deviations of the weights, of the lowest matrix first; a block has U and W."""
        up = ((1.0 if self.activation == "tanh" else 2.0) / self.width) ** 0.5
        if not self.residual:
            return [up] * self.depth
        down = (1.0 / self.width) ** 0.5
        return [down] + [up, down] * self.depth

    @property
    def variates(self) -> int:
        """Weights, the readout's too."""
        return self.width**2 * len(self.deviations) + self.width

    def last(self, weights: Sequence[Array], x: Array, phi: Callable[[Array], Array]) -> Array:
        """The last pre-activations, or the stream after the last block."""
        z = weights[0] @ x
        if not self.residual:
            for weight in weights[1:]:
                z = weight @ phi(z)
            return z
        for up, down in zip(weights[1::2], weights[2::2], strict=True):
            z = z + down @ phi(up @ z) * self.depth**-0.5
        return z

    def output(self, last: Array, readout: Array, phi: Callable[[Array], Array]) -> Array:
        """f, from `last`."""
        return readout @ (last if self.residual else phi(last))
