"""What a failed assertion says: both values, how far apart, and code that reads back."""

from __future__ import annotations

from mpmath import mpf, nstr
from sympy import Expr

from theory.algebra.precision import exp, is_decimal
from verify.claims.derivations import decimal
from verify.claims.questions import Question
from verify.claims.trial import Trial

__all__ = ["exact_report", "measured_report"]

_LONGEST = 200
"""Characters of one value."""


def exact_report(title: str, question: Question, value: Expr, exact: Expr | mpf) -> str:
    """A derivation's value beside the exact one.

    >>> from sympy import Integer
    >>> from theory.networks.mlp import MLP
    >>> question = Question.of(MLP(2, 1), None, None, "label")
    >>> print(exact_report(f"different at {question}", question, Integer(1), question.exact))
    different at layer 1 of MLP(width=2, depth=1), label part, at eta = 1
      derivation  1
      exact       1/2
      ratio       2.0
      reproduce   squared_update(MLP(width=2, depth=1), 1).label.per_eta2
    """
    return _lines(
        title,
        derivation=_text(value),
        exact=_text(exact),
        ratio=_ratio(value, question),
        reproduce=f"{question.call}.{'evaluate(30)' if is_decimal(exact) else 'per_eta2'}",
    )


def measured_report(trial: Trial, value: Expr) -> str:
    """A derivation's value beside the mean over networks, with its exact standard error, and
    beside the exact value."""
    question, samples = trial.question, trial.measured.samples
    error = trial.relative_error * question.number
    return _lines(
        f"not the mean over networks at {question}",
        derivation=_text(value),
        measured=f"{nstr(exp(float(trial.measured.log_mean)), 6)} ± {nstr(error, 2)}",
        exact=nstr(question.number, 6),
        ratio=_ratio(value, question),
        z=f"{trial.z:+.2f}, beyond {trial.critical:.2f} (false alarm {trial.false_alarm:g})",
        samples=f"{samples}, seed {trial.seed}",
        reproduce=f"monte_carlo({question.simulation}, samples={samples}, seed={trial.seed}, "
        f"sampler={trial.sampler!r}).{question.part}",
    )


def _lines(title: str, **values: str) -> str:
    rows = [f"  {name:<10}  {value}" for name, value in values.items() if value]
    return "\n".join([f"{title}, at eta = 1", *rows])


def _text(value: Expr | mpf) -> str:
    text = nstr(value, 30) if is_decimal(value) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _ratio(value: Expr, question: Question) -> str:
    """The derivation's value over the exact one, where both are numbers."""
    number = decimal(value)
    return nstr(number / question.number, 6) if number is not None and question.number else ""
