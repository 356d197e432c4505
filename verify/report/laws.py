"""Laws that networks showed by themselves, as they were written into a run's record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verify.report.fields import chance, number, optional, size, text_of, true_or_false

__all__ = ["MeasuredLaw"]


@dataclass(frozen=True)
class MeasuredLaw:
    """The rate as constant * depth^exponent, measured without the theory.

    ``constant``, ``exponent``: value and the larger distance to an end of the interval.
    ``correction``: of the exact rate from the derived law at these depths; None where none was
    derived.
    """

    sampler: str
    width: int
    depths: tuple[int, ...]
    constant: tuple[float, float]
    exponent: tuple[float, float]
    correction: float | None
    allowed: bool | None
    level: float

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> MeasuredLaw:
        """The measured law of a record."""
        allowed, correction = record["leading_allowed"], record["derived_correction"]
        return cls(
            sampler=text_of(record["sampler"]).partition("(")[0],
            width=size(record["width"]),
            depths=tuple(map(size, record["depths"])),
            constant=_with_error(record["constant"]),
            exponent=_with_error(record["exponent"]),
            correction=optional(number, correction),
            allowed=optional(true_or_false, allowed),
            level=chance(record["level"]),
        )


def _with_error(record: Mapping[str, Any]) -> tuple[float, float]:
    low, value, high = (number(record[name]) for name in ("low", "value", "high"))
    return value, max(high - value, value - low)
