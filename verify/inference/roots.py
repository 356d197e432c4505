"""`root_between` finds roots without `scipy.optimize`, which takes longer to load than NumPy."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["root_between"]

_MOST_STEPS = 200
_TINY = 4e-16
"""Width of an interval of floats, over its ends, that no step can halve."""


def root_between(
    function: Callable[[float], float], low: float, high: float, *, within: float = 1e-12
) -> float:
    """A root of ``function`` between ``low`` and ``high``, where its signs differ.

    Each step is inverse quadratic interpolation through the last three points where these are
    even enough, else a bisection; the ends of the interval always enclose the root.  The root is
    found to ``within``, or to the last bits of a float.  Source: T. R. Chandrupatla, "A new hybrid
    quadratic/bisection algorithm for finding the zero of a nonlinear function without using
    derivatives", Advances in Engineering Software 28 (1997).

    >>> round(root_between(lambda x: x**3 - 2, 0.0, 2.0), 9)
    1.25992105
    """
    at, beyond = high, low
    here, there = function(at), function(beyond)
    if here * there > 0:
        raise ValueError(f"the function has one sign at {low} and {high}")
    share = 0.5
    for _ in range(_MOST_STEPS):
        if here == 0 or there == 0:
            break
        smallest = 0.5 * (within + _TINY * abs(at)) / abs(beyond - at)
        if smallest > 0.5:
            break
        middle = at + min(max(share, smallest), 1 - smallest) * (beyond - at)
        found = function(middle)
        if (found > 0) == (here > 0):
            old, before = at, here
        else:
            old, before, beyond, there = beyond, there, at, here
        at, here = middle, found
        share = _share((at, here), (beyond, there), (old, before))
    return at if abs(here) < abs(there) else beyond


def _share(at: tuple[float, float], beyond: tuple[float, float], old: tuple[float, float]) -> float:
    """The next point, as a share of the way from ``at`` to ``beyond``."""
    (a, f), (b, g), (c, h) = at, beyond, old
    x, y = (a - b) / (c - b), (f - g) / (h - g)
    if not (y * y < x and (1 - y) ** 2 < 1 - x):
        return 0.5
    return f / (g - f) * h / (g - h) + (c - a) / (b - a) * f / (h - f) * g / (h - g)
