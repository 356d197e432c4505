"""Steps of a given spectral norm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sympy import Expr, Integer, Rational

from theory.coverage import answered_class
from theory.optimisers.optimiser import Along, Layer, Optimiser, OwnPart, linear
from theory.validation import exact_number, positive_value, written

__all__ = ["Normalised"]

_HALF, _ONE = Rational(1, 2), Integer(1)


@answered_class
@dataclass(frozen=True, repr=False)
class Normalised(Optimiser):
    """U = ``scale`` times the gradient over its spectral norm, which is its Frobenius norm, since
    the gradient of one input has rank one.

    Muon's five Newton-Schulz steps scale a gradient of rank one by about 0.70 rather than by 1:
    ``scale="0.7"``.

    >>> from theory import Normalised
    >>> Normalised(scale="0.7")
    Normalised(scale='7/10')
    """

    scale: Expr = _ONE
    head_power: ClassVar[int] = 1
    _along = Along(_ONE, q=_HALF, gradient=_HALF)

    def __post_init__(self) -> None:
        scale = exact_number("scale", self.scale)
        object.__setattr__(self, "scale", positive_value("scale", scale))

    def __repr__(self) -> str:
        return f"Normalised({'' if self.scale == 1 else f'scale={written(self.scale)}'})"

    @property
    def multiple(self) -> Expr:
        """The scale.

        >>> from theory import Normalised
        >>> Normalised(scale=2).multiple
        2
        """
        return self.scale

    @property
    def unscaled(self) -> Optimiser:
        """The step of spectral norm 1.

        >>> from theory import Normalised
        >>> Normalised(scale=2).unscaled
        Normalised()
        """
        return Normalised()

    def own_part(self, layer: Layer) -> OwnPart:
        """|x| g/|g| at scale 1."""
        return linear((layer.fan_in * layer.square / layer.slope(2)) ** 0.5, layer)

    def head(self, square: Any, size: Any) -> Any:
        """The scale times |x|, in units of n^(1/2)."""
        return self.scale * square**_HALF
