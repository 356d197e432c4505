"""Decimal arithmetic that belongs to one thread: mpmath's own precision is one for all of them.

Code of this package computes in a context of its thread, and hands out numbers of mpmath's own
context; the precision that a user has set there is neither read nor changed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mpmath import MPContext, mp, mpf
from mpmath.libmp import dps_to_prec, mpf_pos
from sympy import Expr, Float

__all__ = ["published", "real_number", "working"]

_own = threading.local()


@contextmanager
def working(digits: int) -> Iterator[Any]:
    """This thread's context, at a precision of ``digits`` until the block ends.

    >>> with working(30) as context:
    ...     print(context.sqrt(2))
    1.41421356237309504880168872421
    """
    if not hasattr(_own, "context"):
        _own.context = MPContext()
    context, before = _own.context, _own.context.prec
    context.dps = digits
    try:
        yield context
    finally:
        context.prec = before


def published(value: Any, digits: int) -> mpf:
    """``value``, of any context, rounded to ``digits`` as a number of mpmath's own context.

    >>> with working(30) as context:
    ...     root = context.sqrt(2)
    >>> published(root, 15)
    mpf('1.4142135623730951')
    """
    return mp.make_mpf(mpf_pos(value._mpf_, dps_to_prec(digits), "n"))


def real_number(number: Expr, digits: int) -> mpf:
    """A real SymPy number to ``digits``, as a number of mpmath's own context.

    >>> from sympy import sqrt
    >>> real_number(sqrt(2), 15)
    mpf('1.4142135623730951')
    """
    return mp.make_mpf(Float(number.evalf(digits + 2), digits)._mpf_)
