"""Kernels sum and exponentiate logarithms, in vector code where all entries are finite."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from verify.numerics.compiled import Array, kernel
from verify.numerics.vector_math import exponential, logarithm, select

__all__ = ["FloatArray", "IntArray", "exponentials", "sum_of_parts"]


@kernel
def _exponentials(logs: Array, out: Array) -> None:
    for j in range(out.size):
        out[j] = exponential(logs[j])


@kernel
def _add(first: Array, second: Array, out: Array) -> None:
    for j in range(out.size):
        larger = select(first[j] > second[j], first[j], second[j])
        out[j] = larger + logarithm(1.0 + exponential(-abs(first[j] - second[j])))


def exponentials(logs: FloatArray) -> FloatArray:
    """e^x of each of ``logs``, none positive; 0 below -708.

    >>> import numpy as np
    >>> exponentials(np.array([0.0, -1000.0]))
    array([1., 0.])
    """
    if not np.isfinite(logs).all():
        return np.exp(logs)
    out = np.empty(logs.shape)
    _exponentials(np.ascontiguousarray(logs).ravel(), out.ravel())
    return out


def sum_of_parts(logs: FloatArray) -> FloatArray:
    """Logarithms of the sums over the first axis.

    >>> import numpy as np
    >>> sum_of_parts(np.log([[1.0], [3.0]])).round(12) == np.log([4.0]).round(12)
    array([ True])
    """
    if len(logs) != 2 or not np.isfinite(logs).all():
        return np.asarray(np.logaddexp.reduce(logs, axis=0))
    first, second = np.ascontiguousarray(logs)
    out = np.empty(first.shape)
    _add(first.ravel(), second.ravel(), out.ravel())
    return out


FloatArray = npt.NDArray[np.float64]


IntArray = npt.NDArray[np.int64]
