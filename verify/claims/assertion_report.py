"""This module writes why an assertion fails: both values, their ratio, and code to reproduce it."""

from __future__ import annotations

from mpmath import nstr
from sympy import Expr

from theory.claims.reading import Reading
from theory.formulas.evaluation import Number, decimal
from theory.precision import exp
from theory.validation import is_decimal
from verify.claims.trial import Trial, place, rates_text

__all__ = ["exact_report", "measured_report"]

_LONGEST = 200
"""Characters of one value."""


def exact_report(title: str, reading: Reading, exact: Expr | Number) -> str:
    """A derivation's value beside the exact one.

    >>> from sympy import Rational
    >>> from theory.claims.reading import read_claim
    >>> from theory.networks.mlp import MLP
    >>> reading = read_claim(1, network=MLP(2, 1), layer=1, part="label")
    >>> print(exact_report(f"different at {place(reading.target)}", reading, Rational(1, 2)))
    different at layer 1 of MLP(width=2, depth=1), label part, at eta = 1
      derivation  1
      exact       1/2
      ratio       2.0
      reproduce   squared_update(MLP(width=2, depth=1), 1).label.per_eta2
    """
    target = reading.target
    rates = "" if target.rates is None else f", {rates_text(target)}"
    part = "" if target.part == "total" else f".{target.part}"
    call = f"squared_update({target.network!r}, {target.layer}{rates}){part}"
    return _lines(
        title,
        derivation=_value(reading),
        exact=_text(exact),
        ratio=_ratio(reading),
        reproduce=f"{call}.{'evaluate(30)' if is_decimal(exact) else 'per_eta2'}",
    )


def measured_report(trial: Trial, reading: Reading) -> str:
    """A derivation's value beside the mean over networks, with its exact standard error, and
    beside the exact value."""
    target, samples = trial.target, trial.measured.samples
    error = trial.relative_error * target.number
    rates = "" if target.rates is None else f", {rates_text(target)}"
    arguments = f"{target.network!r}, layer={target.layer}{rates}"
    return _lines(
        f"not the mean over networks at {place(target)}",
        derivation=_value(reading),
        measured=f"{nstr(exp(float(trial.measured.log_mean)), 6)} ± {nstr(error, 2)}",
        exact=nstr(target.number, 6),
        ratio=_ratio(reading),
        z=f"{trial.z:+.2f}, beyond {trial.critical:.2f} (false alarm {trial.false_alarm:g})",
        samples=f"{samples}, seed {trial.seed}",
        reproduce=f"monte_carlo({arguments}, samples={samples}, seed={trial.seed}, "
        f"sampler={trial.sampler!r}).{target.part}",
    )


def _lines(title: str, **values: str) -> str:
    rows = [f"  {name:<10}  {value}" for name, value in values.items() if value]
    return "\n".join([f"{title}, at eta = 1", *rows])


def _value(reading: Reading) -> str:
    """The value per eta^2; the formula itself where it has none."""
    return _text(reading.expression if reading.number is None else reading.number)


def _text(value: Expr | Number) -> str:
    text = nstr(value, 30) if is_decimal(value) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _ratio(reading: Reading) -> str:
    """The derivation's value over the exact one, where both are numbers."""
    value, exact = reading.number, reading.target.number
    return nstr(decimal(value) / exact, 6) if value is not None and exact else ""
