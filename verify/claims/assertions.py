"""Assertions that hold a derivation of your own against exact values and simulated networks.

For test files, best with networks drawn by `verify.strategies`.  See docs/property-tests.md.
"""

from __future__ import annotations

from sympy import Float

from theory.algebra.precision import workdps
from theory.errors import InvalidArgument
from theory.networks.mlp import MLP
from theory.public_names import listed
from theory.validation import exact_number, number_between, shown
from verify.claims.assertion_report import exact_report, measured_report
from verify.claims.derivations import DIGITS, decimal, per_eta2, same
from verify.claims.questions import Question
from verify.claims.trial import checked_sampler, planned, simulated
from verify.numerics.streams import checked_seed
from verify.samplers.sampler import Sampler

__all__ = ["assert_close", "assert_exact", "assert_matches_networks", "samples_needed"]


def assert_exact(
    derivation: object,
    network: MLP,
    layer: int | None = None,
    rates: object = None,
    *,
    part: str = "total",
) -> None:
    """Assert that ``derivation`` gives E[(Delta z)^2] of a network in numbers, exactly.

    ``derivation``: an expression in the symbols n, L, ell, n_0, eta, t, a; a callable with
    parameters of these names, or of the names network, layer and rates; or a number.  ``layer``,
    ``rates``: as for `theory.squared_update`.  ``part``: "total", "label" or "output".

    Raises AssertionError with both values and the network; `InvalidArgument` for arguments of
    another kind, and for floats, which are exactly equal to nothing.

    >>> from theory import MLP
    >>> assert_exact(lambda n: (n**2 + n + 5) / (2 * n**2), MLP(3, 1))
    >>> assert_exact(lambda L: L**3 / 3 + L / 6, MLP(2, 2), part="label")
    Traceback (most recent call last):
    AssertionError: not the exact value at layer 2 of MLP(width=2, depth=2), label part, at eta = 1
      derivation  3
      exact       11/2
      ratio       0.545455
      reproduce   squared_update(MLP(width=2, depth=2), 2).label.per_eta2
    """
    __tracebackhide__ = True
    question = Question.of(network, layer, rates, part)
    value = per_eta2(derivation, network, question.layer, rates)
    if value.has(Float):
        raise InvalidArgument(
            f"expected an exact value from the derivation at {network}, got {shown(value)}; "
            f"take n, L and ell as parameters, which are exact, or divide with Fraction(1, 3), or "
            f"use assert_close"
        )
    if not same(value, question.exact):
        title = f"not the exact value at {question}"
        raise AssertionError(exact_report(title, question, value, question.exact))


def assert_close(
    derivation: object,
    network: MLP,
    layer: int | None = None,
    rates: object = None,
    *,
    tolerance: object,
    part: str = "total",
) -> None:
    """Assert that ``derivation`` is within a relative ``tolerance`` of the exact value.

    For derivations in floats, and for limits on networks that are large enough.  ``tolerance``: a
    number or decimal text, or a bound in the same form as ``derivation``, such as
    ``lambda n, L: 5 * L / n``.  The exact value is taken to 30 digits, so that any depth is quick.
    Otherwise as `assert_exact`.

    >>> from theory import MLP
    >>> from theory.symbols import L
    >>> assert_close(L**3 / 3, MLP(10**6, 100), tolerance=lambda n, L: 1 / L + 5 * L / n)
    """
    __tracebackhide__ = True
    question = Question.of(network, layer, rates, part)
    bound = exact_number("tolerance", tolerance) if isinstance(tolerance, str) else tolerance
    allowed = decimal(per_eta2(bound, network, question.layer, rates))
    if allowed is None or allowed < 0:
        raise InvalidArgument(
            f"expected a number of at least 0 for tolerance at {network}, got "
            f"tolerance={shown(tolerance)}; give a relative error such as 0.01"
        )
    value = per_eta2(derivation, network, question.layer, rates)
    number, exact = decimal(value), question.number
    with workdps(DIGITS):
        close = number is not None and abs(number - exact) <= allowed * exact
    if not close:
        title = f"not within a relative {float(allowed):.6g} of the exact value at {question}"
        raise AssertionError(exact_report(title, question, value, exact))


def samples_needed(
    network: MLP,
    layer: int | None = None,
    rates: object = None,
    *,
    part: str = "total",
    notices: object = 0.1,
    false_alarm: object = 1e-6,
    sampler: Sampler | None = None,
) -> int:
    """The networks that `assert_matches_networks` draws to reject, with 95 % chance at least, a
    value that is wrong by the relative error ``notices``.

    From the exact variance over networks: none is drawn.  1 where nothing moves; `InvalidArgument`
    where no feasible number of them is enough.

    >>> from theory import MLP
    >>> samples_needed(MLP(16, 2), part="label"), samples_needed(MLP(8, 64), part="label")
    (7984, 17811)
    """
    question = Question.of(network, layer, rates, part)
    checked = checked_sampler(sampler)
    plan = planned(question, _relative_error(notices), _chance(false_alarm), checked)
    return int(plan.samples)


def assert_matches_networks(
    derivation: object,
    network: MLP,
    layer: int | None = None,
    rates: object = None,
    *,
    seed: int,
    samples: int | None = None,
    part: str = "total",
    notices: object = 0.1,
    false_alarm: object = 1e-6,
    sampler: Sampler | None = None,
) -> None:
    """Assert that ``derivation`` gives the mean over simulated networks.

    A true value fails with at most the chance ``false_alarm``; one that is wrong by the relative
    error ``notices`` fails with at least 95 %.  ``samples``: networks drawn; None for as many as
    this takes.  ``sampler``: None for `Gram`, or for `RareEvents` where that is quicker, which is
    where networks vary much.  The same ``seed`` gives the same answer, always.

    Of theory only the variance of one network is taken; ``false_alarm`` is then proven for any
    tail.  `RareEvents` takes nothing, and relies on the standard error of its samples.  Raises
    AssertionError with the value, the measured mean, its standard error and z; `InvalidArgument`
    as `assert_exact`, and where more than ``samples``, or 4,194,304, networks are needed.  Floats
    are welcome.

    >>> from theory import MLP
    >>> assert_matches_networks(lambda L: L / 2, MLP(64, 1), part="label", seed=1)
    """
    __tracebackhide__ = True
    question = Question.of(network, layer, rates, part)
    value = per_eta2(derivation, network, question.layer, rates)
    trial = simulated(
        question,
        decimal(value),
        samples=samples,
        seed=checked_seed(seed),
        notices=_relative_error(notices),
        false_alarm=_chance(false_alarm),
        sampler=checked_sampler(sampler),
    )
    if trial.rejected:
        raise AssertionError(measured_report(trial, value))


def _relative_error(value: object) -> float:
    return number_between("notices", value, "give a relative error such as 0.1")


def _chance(value: object) -> float:
    return number_between("false_alarm", value, "give one such as 1e-6", 1.0)


def __dir__() -> list[str]:
    return listed(globals())
