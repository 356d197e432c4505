"""Numbers for people: with an error of two digits, and at magnitudes that float64 cannot hold."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from html import escape

__all__ = [
    "aligned_rows",
    "html_table",
    "magnitude",
    "mean_in_words",
    "power_of_ten",
    "samples_in_words",
    "value_and_error",
    "value_latex",
    "width_in_words",
]

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def value_and_error(log_mean: float, relative_error: float) -> str:
    """exp(log_mean) ± its error, the error to two digits and the mean as far as those.

    >>> value_and_error(math.log(28.72), 0.03)
    '28.72 ± 0.86'
    >>> value_and_error(2000.0, 0.3)
    '(3.9 ± 1.2)e+868'
    """
    if not relative_error < 1:
        return f"{power_of_ten(log_mean)} ± {power_of_ten(log_mean + math.log(relative_error))}"
    exponent = math.floor(log_mean / math.log(10))
    mantissa = math.exp(log_mean - exponent * math.log(10))
    digits = max(0, 1 - math.floor(math.log10(mantissa * relative_error)))
    if -4 <= exponent <= 6:
        places = max(0, digits - exponent)
        scale = 10.0**exponent
        return f"{mantissa * scale:.{places}f} ± {mantissa * relative_error * scale:.{places}f}"
    return f"({mantissa:.{digits}f} ± {mantissa * relative_error:.{digits}f})e{exponent:+03d}"


def mean_in_words(log_mean: float, relative_error: float) -> str:
    """The same where mean or error may be undefined.

    >>> mean_in_words(0.0, math.nan), mean_in_words(-math.inf, math.nan)
    ('1 ± undefined', 'undefined')
    """
    if not math.isfinite(log_mean):
        return "undefined"
    if not relative_error > 0:
        return f"{magnitude(log_mean)} ± undefined"
    return value_and_error(log_mean, relative_error)


def width_in_words(width: int) -> str:
    """A width, as a power of ten where it is one of a million or more.

    >>> width_in_words(1024), width_in_words(10**9)
    ('1,024', '10⁹')
    """
    zeros = len(str(width)) - 1
    if width == 10**zeros and zeros >= 6:
        return f"10{str(zeros).translate(_RAISED)}"
    return f"{width:,}"


def samples_in_words(count: int) -> str:
    """A number of samples.

    >>> samples_in_words(1), samples_in_words(2000)
    ('1 sample', '2,000 samples')
    """
    return "1 sample" if count == 1 else f"{count:,} samples"


def aligned_rows(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of text, columns below each other.

    >>> aligned_rows([["a", "1.5"], ["bcd", "22"]])
    ['a    1.5', 'bcd  22']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows]


def html_table(
    caption: str, rows: Sequence[Sequence[str]], header: Sequence[str] = (), below: str = ""
) -> str:
    """Rows of text as an HTML table, with what is said above and below it."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    lines = ["<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows]
    body = "".join([f"<tr>{head}</tr>" if header else "", *lines])
    after = f"<p>{escape(below)}</p>" if below else ""
    return f"<table><caption>{escape(caption)}</caption>{body}</table>{after}"


def power_of_ten(logarithm: float) -> str:
    """exp(logarithm) in one digit, also where float64 cannot hold it."""
    exponent = math.floor(logarithm / math.log(10) - math.log10(0.95))
    return f"{math.exp(logarithm - exponent * math.log(10)):.0f}e{exponent:+03d}"


def magnitude(logarithm: float) -> str:
    """exp(logarithm) in five digits, also where float64 cannot hold it.

    >>> magnitude(math.log(1234.5678)), magnitude(-2000.0), magnitude(-math.inf)
    ('1234.6', '2.5765e-869', '0')
    """
    if not math.isfinite(logarithm):
        return {-math.inf: "0", math.inf: "∞"}.get(logarithm, "undefined")
    exponent, fraction = divmod(logarithm / math.log(10), 1)
    if -4 <= exponent <= 6:
        return f"{math.exp(logarithm):.5g}"
    return f"{10**fraction:.4f}e{int(exponent):+03d}"


def value_latex(text: str) -> str:
    r"""A number as the functions above write it, in LaTeX.

    >>> print(value_latex("(3.9 ± 1.2)e+868"), value_latex("2.5e-07"))
    (3.9 \pm 1.2) \times 10^{868} 2.5 \times 10^{-7}
    >>> print(value_latex("1 ± undefined"), value_latex("∞"))
    1 \pm \text{undefined} \infty
    """
    parts = (_with_power(part) for part in text.split(" ± "))
    return r" \pm ".join(parts) if ")e" not in text else _with_power(text.replace("±", r"\pm"))


_POWER = re.compile(r"(.*)e([+-]\d+)")
_WORDS = {"undefined": r"\text{undefined}", "∞": r"\infty", "inf": r"\infty"}


def _with_power(text: str) -> str:
    found = _POWER.fullmatch(text)
    if found is None:
        return _WORDS.get(text, text)
    return rf"{found[1]} \times 10^{{{int(found[2])}}}"
