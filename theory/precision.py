"""`DECIMALS` computes in decimals at a precision of each thread; mpmath has one for all threads.

Code of this package computes with `mpf`, `exp`, `log`, `sqrt` of the context `DECIMALS`, at the
precision of `workdps`, and hands out numbers of mpmath's own context; the precision that a user has
set there is neither read nor changed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mpmath import MPContext, mp
from mpmath.libmp import dps_to_prec, mpf_pos, prec_to_dps
from sympy import Expr, Float

if TYPE_CHECKING:
    from mpmath import mpf

__all__ = [
    "DECIMALS",
    "exp",
    "fixed_decimals",
    "isfinite",
    "log",
    "log10",
    "mpf",
    "nint",
    "published",
    "real_number",
    "sqrt",
    "workdps",
]

_PRECISION, _ROUNDING = 53, "n"


class _PrecisionOfThread(threading.local):
    """The precision of a context: a separate pair (bits, rounding) for each thread."""

    bits = _PRECISION

    def __iter__(self) -> Iterator[Any]:
        return iter((self.bits, _ROUNDING))

    def __getitem__(self, index: int) -> Any:
        return (self.bits, _ROUNDING)[index]

    def __setitem__(self, index: int, bits: int) -> None:
        self.bits = bits


class _Decimals(MPContext):
    """An mpmath context in which every thread has a separate precision."""

    def __init__(self) -> None:
        super().__init__()
        own = self._prec_rounding = _PrecisionOfThread()
        for kind in (self.mpf, self.mpc, self.constant):
            kind._ctxdata = [kind._ctxdata[0], kind._ctxdata[1], own]

    @property
    def _prec(self) -> int:
        return int(self._prec_rounding[0])

    @_prec.setter
    def _prec(self, bits: int) -> None:
        self._prec_rounding[0] = bits

    @property
    def _dps(self) -> int:
        return int(prec_to_dps(self._prec))

    @_dps.setter
    def _dps(self, digits: int) -> None:
        """Follows from the bits."""


DECIMALS: Any = _Decimals()
"""The context of this package."""

if not TYPE_CHECKING:
    mpf = DECIMALS.mpf
exp, log, log10, sqrt = DECIMALS.exp, DECIMALS.log, DECIMALS.log10, DECIMALS.sqrt
isfinite, nint = DECIMALS.isfinite, DECIMALS.nint


def fixed_decimals(digits: int) -> Any:
    """A separate context whose precision stays at ``digits``, in all threads.

    >>> fixed_decimals(30).sqrt(2)
    mpf('1.41421356237309504880168872420977')
    """
    context = MPContext()
    context.dps = digits
    return context


@contextmanager
def workdps(digits: int) -> Iterator[Any]:
    """`DECIMALS`, in this thread at a precision of ``digits`` until the block ends.

    >>> with workdps(30) as context:
    ...     print(context.sqrt(2))
    1.41421356237309504880168872421
    """
    before = DECIMALS.prec
    DECIMALS.dps = digits
    try:
        yield DECIMALS
    finally:
        DECIMALS.prec = before


def published(value: Any, digits: int) -> mpf:
    """``value``, of any context, rounded to ``digits`` as a number of mpmath's own context.

    >>> published(sqrt(2), 15)
    mpf('1.4142135623730951')
    """
    return mp.make_mpf(mpf_pos(value._mpf_, dps_to_prec(digits), _ROUNDING))


def real_number(number: Expr, digits: int) -> mpf:
    """A real SymPy number to ``digits``, as a number of mpmath's own context.

    >>> from sympy import sqrt
    >>> real_number(sqrt(2), 15)
    mpf('1.4142135623730951')
    """
    return mp.make_mpf(Float(number.evalf(digits + 2), digits)._mpf_)
