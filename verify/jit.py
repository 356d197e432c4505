"""The house decorator: every compiled kernel has the same options, and they stand here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

__all__ = ["kernel"]

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile ``function``: cached on disk, without the GIL, IEEE division by zero.

    Of the fast-math flags only those that let a sum be regrouped into vector lanes: they change
    rounding, the same way on every run, and keep infinities and NaN what they are.
    """
    fastmath = {"reassoc", "contract", "nsz"}
    compile_it = njit(error_model="numpy", cache=True, nogil=True, fastmath=fastmath)
    return cast(Function, compile_it(function))
