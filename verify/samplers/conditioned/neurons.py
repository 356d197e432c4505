"""The neurons of drawn networks themselves: pre-activations and their change, for any function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verify.numerics.arrays import FloatArray

__all__ = ["Neurons"]


@dataclass(frozen=True, eq=False)
class Neurons:
    """One layer of networks drawn by `verify.Conditioned`.

    ``z``: pre-activations, shape ``(networks, width)``.  ``change``: of z, the same shape: to
    first order at eta = 1, or of a real step.  ``output``: f, ``label``: y, shape ``(networks,)``.

    >>> from theory import MLP
    >>> from verify import Conditioned
    >>> Conditioned().neurons(MLP(64, 2), samples=100, seed=1)
    Neurons of a layer of width 64 of 100 networks: mean square 2.006 of z, 3.022 of its change
    """

    z: FloatArray
    change: FloatArray
    output: FloatArray
    label: FloatArray

    def __repr__(self) -> str:
        networks, width = self.z.shape
        return (
            f"Neurons of a layer of width {width:,} of {networks:,} networks: mean square "
            f"{np.mean(self.z**2):.4g} of z, {np.mean(self.change**2):.4g} of its change"
        )
