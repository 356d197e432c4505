"""The laws that networks show by themselves, in words and as records."""

from __future__ import annotations

from dataclasses import asdict
from math import floor, log10
from typing import Any

from verify.comparison.compare import Comparison
from verify.comparison.exact_values import leading_laws
from verify.comparison.measured_law import LEVEL, MeasuredLaw
from verify.inference.evidence import Interval
from verify.inference.numbers_in_text import width_in_words

__all__ = ["fitted", "law_lines", "law_records"]


def law_lines(comparison: Comparison) -> list[str]:
    """Two lines for each measured law: its constant and exponent; then the correction of finite
    sizes, which theory derives, and whether the interval contains the derived law."""
    laws = comparison.measured_laws
    return [line for law in laws for line in (_measured(law), *_finite(comparison, law))]


def _measured(law: MeasuredLaw) -> str:
    depths = ", ".join(f"{depth:,}" for depth in law.depths)
    sampler = law.sampler.partition("(")[0].lower()
    return (
        f"measured without the theory: rate = ({fitted(law.constant)}) "
        f"L^({fitted(law.exponent)}), joint {LEVEL:.1%} interval ({sampler}, width "
        f"{width_in_words(law.width)}, depths {depths})"
    )


def _finite(comparison: Comparison, law: MeasuredLaw) -> list[str]:
    if comparison.leading is None:
        return []
    correction = comparison.correction(law)
    allowed = "contains" if law.allows(*comparison.leading, correction) else "EXCLUDES"
    return [
        f"  finite width and depth change the exact rate there by a factor of at most 1 ± "
        f"{correction:.1g} (derived); widened by it, the interval {allowed} {leading_laws()[1]}"
    ]


def fitted(interval: Interval) -> str:
    """The value and the larger distance to an end, to two digits of the latter.

    >>> fitted(Interval(1.7318, 1.732, 1.7321))
    '1.73200 ± 0.00020'
    """
    half = max(interval.high - interval.value, interval.value - interval.low)
    places = max(0, 1 - floor(log10(half))) if half > 0 else 6
    return f"{interval.value:.{places}f} ± {half:.{places}f}"


def law_records(comparison: Comparison) -> list[dict[str, Any]]:
    """The measured laws as plain dictionaries, those of ``results.json``."""
    leading = comparison.leading
    return [
        asdict(law)
        | {
            "depths": list(law.depths),
            "level": LEVEL,
            "derived_correction": correction if leading else None,
            "leading_allowed": law.allows(*leading, correction) if leading else None,
        }
        for law in comparison.measured_laws
        for correction in [comparison.correction(law)]
    ]
