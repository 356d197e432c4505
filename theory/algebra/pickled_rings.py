"""`PickledRings` makes pickles and copies of values that hold polynomials and rational functions.

SymPy cannot pickle a polynomial ring that has been used, nor an element of it.  A pickle made here
holds the generators, the coefficients' domain and the terms instead.
"""

from __future__ import annotations

import pickle
from dataclasses import fields
from io import BytesIO
from typing import Any

from sympy.polys.domains import FractionField, PolynomialRing
from sympy.polys.fields import FracElement, FracField
from sympy.polys.rings import PolyElement, PolyRing

__all__ = ["PickledRings"]


class PickledRings:
    """A frozen dataclass whose pickles and copies rebuild the rings and fields in it."""

    def __reduce__(self) -> tuple[Any, ...]:
        text = BytesIO()
        _Writer(text).dump([getattr(self, each.name) for each in fields(self)])  # type: ignore[arg-type]
        return _read, (type(self), text.getvalue())


def _read(kind: Any, text: bytes) -> Any:
    return kind(*pickle.loads(text))


class _Writer(pickle.Pickler):
    """A pickler that describes rings, fields, their domains and their elements."""

    def reducer_override(self, value: Any) -> Any:
        """The call that makes ``value`` again; the default for everything else."""
        if isinstance(value, PolyRing | FracField):
            kind = PolyRing if isinstance(value, PolyRing) else FracField
            return kind, (value.symbols, value.domain, value.order)
        if isinstance(value, FractionField | PolynomialRing):
            return type(value), (value.field if value.is_FractionField else value.ring,)
        if isinstance(value, PolyElement):
            return _polynomial, (value.ring, list(value.terms()))
        if isinstance(value, FracElement):
            return _quotient, (value.field, value.numer, value.denom)
        return NotImplemented


def _polynomial(ring: Any, terms: list[tuple[tuple[int, ...], Any]]) -> Any:
    return ring.from_dict(dict(terms))


def _quotient(field: Any, above: Any, below: Any) -> Any:
    return field.raw_new(above, below)
