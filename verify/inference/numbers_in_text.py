"""This module writes numbers for people, with an error of two digits and at magnitudes beyond
float64, in a `Style` for a terminal, a page or LaTeX."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = [
    "LATEX",
    "PAGE",
    "TEXT",
    "Style",
    "level_in_words",
    "magnitude",
    "mean_in_words",
    "percent",
    "samples_in_words",
    "signed",
    "value_and_error",
    "width_in_words",
    "with_error",
]

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LONGEST_WHOLE = 5
"""Digits of a whole part that a page leaves together, less one."""


def _as_float(mantissa: str, exponent: int) -> str:
    return f"{mantissa}e{exponent:+03d}"


def _as_power(mantissa: str, exponent: int) -> str:
    return f"{mantissa} × 10{str(exponent).translate(_RAISED)}" if exponent else mantissa


def _as_latex_power(mantissa: str, exponent: int) -> str:
    return rf"{mantissa} \times 10^{{{exponent}}}"


@dataclass(frozen=True)
class Style:
    r"""How signs, powers of ten and words among numbers are written.

    ``formula``, ``size``: how a formula and an absolute value stand in a sentence.
    ``grouped``: as in the columns of a page, digits in groups of three and no zero left out.

    >>> for style in (TEXT, PAGE, LATEX):
    ...     print(style.number("-2.5e-07"), style.number("inf"))
    -2.5e-07 ∞
    −2.5 × 10⁻⁷ ∞
    -2.5 \times 10^{-7} \infty
    """

    minus: str = "-"
    plus_minus: str = "±"
    percent: str = "%"
    grouped: bool = False
    power: Callable[[str, int], str] = _as_float
    formula: str = "{}"
    size: str = "|{}|"
    words: dict[str, str] = field(default_factory=lambda: {"inf": "∞", "nan": "undefined"})

    def number(self, text: str) -> str:
        """A number as Python writes it, in this style."""
        mantissa, _, exponent = text.partition("e")
        whole, dot, digits = mantissa.partition(".")
        if self.grouped and whole.isdecimal() and len(whole) >= _LONGEST_WHOLE:
            whole = f"{int(whole):,}"
        mantissa = self.words.get(mantissa, f"{whole}{dot}{digits}").replace("-", self.minus)
        return self.power(mantissa, int(exponent)) if exponent else mantissa

    def pair(self, value: str, error: str) -> str:
        """A value and its error, both as Python writes them."""
        return f"{self.number(value)} {self.plus_minus} {self.number(error)}"


TEXT = Style()
PAGE = Style(minus="−", percent="\N{NARROW NO-BREAK SPACE}%", grouped=True, power=_as_power)
LATEX = Style(
    plus_minus=r"\pm",
    percent=r"\%",
    power=_as_latex_power,
    formula="${}$",
    size=r"$\vert {}\vert$",
    words={"inf": r"\infty", "nan": r"\text{undefined}"},
)


def value_and_error(log_mean: float, relative_error: float, style: Style = TEXT) -> str:
    """exp(log_mean) ± its error, the error to two digits and the mean to the same place.

    >>> value_and_error(math.log(28.72), 0.03), value_and_error(20.0, 0.01, PAGE)
    ('28.72 ± 0.86', '(4.852 ± 0.049) × 10⁸')
    >>> value_and_error(2000.0, 0.3)
    '(3.9 ± 1.2)e+868'
    """
    if not relative_error < 1:
        error = _power_of_ten(log_mean + math.log(relative_error))
        return style.pair(_power_of_ten(log_mean), error)
    exponent = math.floor(log_mean / math.log(10))
    mantissa = math.exp(log_mean - exponent * math.log(10))
    digits = max(0, 1 - math.floor(math.log10(mantissa * relative_error)))
    if -4 <= exponent <= 6:
        places = max(0, digits - exponent)
        value = mantissa * 10.0**exponent
        return style.pair(f"{value:.{places}f}", f"{value * relative_error:.{places}f}")
    pair = style.pair(f"{mantissa:.{digits}f}", f"{mantissa * relative_error:.{digits}f}")
    return style.power(f"({pair})", exponent)


def mean_in_words(log_mean: float, relative_error: float, style: Style = TEXT) -> str:
    """The same where mean or error may be undefined.

    >>> mean_in_words(0.0, math.nan), mean_in_words(-math.inf, math.nan)
    ('1 ± undefined', 'undefined')
    """
    if not math.isfinite(log_mean):
        return style.words["nan"]
    if not relative_error > 0:
        return f"{magnitude(log_mean, style=style)} {style.plus_minus} {style.words['nan']}"
    return value_and_error(log_mean, relative_error, style)


def with_error(value: float, error: float, style: Style = TEXT) -> str:
    """A value and its error, to two digits of the error.

    >>> with_error(-1.49998, 0.00026), with_error(-1.49998, 0.00026, PAGE)
    ('-1.49998 ± 0.00026', '−1.49998 ± 0.00026')
    """
    known = 0 < error < math.inf
    places = max(0, 1 - math.floor(math.log10(error))) if known else 6
    return style.pair(f"{value:.{places}f}", f"{error:.{places}f}")


def signed(value: float | None, style: Style = TEXT) -> str:
    """A number with its sign, to two decimals where it is small; a word where there is none.

    >>> signed(-1.2345), signed(None), signed(-1.2345e7, PAGE)
    ('-1.23', 'undefined', '−1 × 10⁷')
    """
    if value is None:
        return style.words["nan"]
    form = "+.2f" if abs(value) < 100 else "+,.0f" if abs(value) < 1e6 else "+.0e"
    return style.number(f"{value:{form}}")


def level_in_words(level: float) -> str:
    """A level of confidence in as few digits, from four on, as distinguish it from 1.

    >>> level_in_words(0.95), level_in_words(1 - 0.05 / 3), level_in_words(0.9999999)
    ('0.95', '0.9833', '0.9999999')
    """
    texts = (f"{level:.{digits}g}" for digits in range(4, 18))
    return next(text for text in texts if float(text) < 1)


def percent(value: float | None, digits: int = 1, style: Style = TEXT) -> str:
    """A fraction in per cent, in one digit where these ``digits`` show none.

    >>> percent(0.108), percent(0.108, 0, PAGE), percent(3.2e-7, 2)
    ('10.8%', '11\u202f%', '3e-05%')
    """
    if value is None:
        return style.words["nan"]
    hidden = 0 < 100 * value < 0.5 * 10.0**-digits
    text = f"{100 * value:.1g}" if hidden else f"{100 * value:.{digits}f}"
    return f"{style.number(text)}{style.percent}"


def width_in_words(width: int, style: Style = TEXT) -> str:
    """A width, as a power of ten where it is one of a million or more.

    >>> width_in_words(1024), width_in_words(10**9)
    ('1,024', '10⁹')
    """
    zeros = len(str(width)) - 1
    if width == 10**zeros and zeros >= 6:
        raised = str(zeros).translate(_RAISED)
        return f"$10^{{{zeros}}}$" if style is LATEX else f"10{raised}"
    return f"{width:,}"


def samples_in_words(count: int) -> str:
    """A number of samples.

    >>> samples_in_words(1), samples_in_words(2000)
    ('1 sample', '2,000 samples')
    """
    return "1 sample" if count == 1 else f"{count:,} samples"


def magnitude(logarithm: float | None, digits: int = 5, style: Style = TEXT) -> str:
    """exp(logarithm) to ``digits`` digits, also where float64 cannot hold it.

    >>> magnitude(math.log(1234.5678)), magnitude(-2000.0), magnitude(-math.inf)
    ('1234.6', '2.5765e-869', '0')
    >>> magnitude(10_000.0, 4, PAGE), magnitude(None)
    ('8.807 × 10⁴³⁴²', 'undefined')
    """
    if logarithm is None or not math.isfinite(logarithm):
        return style.number({-math.inf: "0", math.inf: "inf"}.get(logarithm or math.nan, "nan"))
    exponent, fraction = divmod(logarithm / math.log(10), 1)
    if style.grouped and -4 <= exponent <= 5:
        return style.number(f"{math.exp(logarithm):.{max(0, digits - 1 - int(exponent))}f}")
    if -4 <= exponent <= 6:
        return style.number(f"{math.exp(logarithm):.{digits}g}")
    return style.number(f"{10**fraction:.{digits - 1}f}e{int(exponent):+03d}")


def _power_of_ten(logarithm: float) -> str:
    """exp(logarithm) in one digit, also where float64 cannot hold it."""
    if logarithm == math.inf:
        return "inf"
    exponent = math.floor(logarithm / math.log(10) - math.log10(0.95))
    return f"{math.exp(logarithm - exponent * math.log(10)):.0f}e{exponent:+03d}"
