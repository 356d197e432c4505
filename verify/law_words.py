"""The laws that networks show by themselves, in words and as records."""

from __future__ import annotations

from dataclasses import asdict
from math import exp, floor, log, log10
from typing import Any

from verify.compare import Comparison
from verify.exact_values import leading_laws
from verify.inference import Interval
from verify.magnitudes import width_in_words
from verify.measured_law import LEVEL, MeasuredLaw

__all__ = ["fitted", "law_lines", "law_records"]


def law_lines(comparison: Comparison) -> list[str]:
    """Two lines for each measured law: constant and exponent, then what finite sizes change, as
    measured and as derived, and whether the derived law can be the law."""
    laws = comparison.measured_laws
    return [line for law in laws for line in (_measured(law), _finite(comparison, law))]


def _measured(law: MeasuredLaw) -> str:
    depths = ", ".join(f"{depth:,}" for depth in law.depths)
    sampler = law.sampler.partition("(")[0].lower()
    return (
        f"measured alone, no theory in it: rate = ({fitted(law.constant)}) "
        f"L^({fitted(law.exponent)}), {LEVEL:.1%} together ({sampler}, width "
        f"{width_in_words(law.width)}, depths {depths})"
    )


def _finite(comparison: Comparison, law: MeasuredLaw) -> str:
    moves, correction = law.moves, _correction(comparison, law)
    said = (
        f"  finite width and depth: without its first or last depth the fit moves by at most "
        f"{moves.constant:.1g} of the constant and {moves.exponent:.1g} in the exponent (measured)"
    )
    if correction is None:
        return said
    inside = "allowed" if law.allows(*comparison.leading or (1, 0)) else "EXCLUDED"
    return (
        f"{said}; the exact rate is up to {correction:.1g} from its law there (derived); "
        f"{leading_laws()[1]}, as both grow, is {inside}"
    )


def fitted(interval: Interval) -> str:
    """The value and the larger distance to an end, to two digits of the latter.

    >>> fitted(Interval(1.7318, 1.732, 1.7321))
    '1.73200 ± 0.00020'
    """
    half = max(interval.high - interval.value, interval.value - interval.low)
    places = max(0, 1 - floor(log10(half))) if half > 0 else 6
    return f"{interval.value:.{places}f} ± {half:.{places}f}"


def law_records(comparison: Comparison) -> list[dict[str, Any]]:
    """The measured laws as plain dictionaries, those of ``results.json``; ``granted`` are twice the
    moves when a depth is left out."""
    return [
        asdict(law)
        | {
            "depths": list(law.depths),
            "level": LEVEL,
            "derived_correction": _correction(comparison, law),
            "leading_allowed": None
            if comparison.leading is None
            else law.allows(*comparison.leading),
        }
        for law in comparison.measured_laws
    ]


def _correction(comparison: Comparison, law: MeasuredLaw) -> float | None:
    """The largest relative difference of exact rate and leading law at the depths of ``law``."""
    if comparison.leading is None:
        return None
    constant, exponent = comparison.leading
    cells = [c for c in comparison.cells if c.width == law.width and c.depth in law.depths]
    logs = [-c.log_exact / 2 - log(constant) - exponent * log(c.depth) for c in cells]
    return max(abs(exp(each) - 1) for each in logs)
