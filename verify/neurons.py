"""The neurons of drawn networks themselves: pre-activations and their change, for any function."""

from __future__ import annotations

from dataclasses import dataclass

from verify.problem import FloatArray

__all__ = ["Neurons"]


@dataclass(frozen=True, eq=False)
class Neurons:
    """One layer of networks drawn by `verify.Conditioned`.

    ``z``: pre-activations, shape ``(networks, width)``.  ``change``: of z, the same shape: to
    first order at eta = 1, or of a real step.  ``output``: f, ``label``: y, shape ``(networks,)``.
    """

    z: FloatArray
    change: FloatArray
    output: FloatArray
    label: FloatArray
