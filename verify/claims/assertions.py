"""Assertions compare your derivation with exact values and with simulated networks.

Test files call them, best with networks drawn by `verify.strategies`.  See docs/tutorials/check.md.
"""

from __future__ import annotations

from dataclasses import replace

from mpmath import nstr
from sympy import Expr

from theory.claims.decision import decide_by_theory
from theory.claims.differences import Counterexample, values_in_words
from theory.claims.reading import Reading, read_claim
from theory.claims.target import Claim, Target
from theory.coverage import answered
from theory.errors import InvalidArgument
from theory.formulas.evaluation import Number, decimal
from theory.networks.mlp import MLP
from theory.networks.network import numeric_depth
from theory.outcome import Outcome
from theory.precision import exp
from theory.public_names import listed
from theory.validation import is_decimal, number_between, typed
from theory.words.observables import Observable
from theory.words.word import is_trace
from verify.claims.trial import Result, Trial, place, rates_text
from verify.numerics.streams import checked_seed
from verify.samplers.problem import numeric_problem
from verify.samplers.sampler import Sampler

__all__ = ["assert_close", "assert_exact", "assert_matches_networks", "samples_needed"]

_LONGEST = 200
"""Characters of one value."""


@answered
def assert_exact(
    derivation: object,
    network: MLP,
    layer: int | None = None,
    rates: object = None,
    *,
    part: str | None = None,
    observable: Observable | None = None,
) -> None:
    """Assert that ``derivation`` gives E[(Delta z)^2] of a network in numbers, exactly.

    ``derivation``: as ``formula`` of `verify.check`: text or an expression in n, L, ell, n_0, eta,
    t, a; a function with parameters of these names, or of the names network, layer and rates; or a
    number.  ``layer``, ``rates``: as for `theory.squared_update`.  ``part``: "total" (None),
    "label" or "output".  A value of `theory` brings its own layer, rates and part.

    ``observable``: as for `theory.derive`, whose mean replaces the update; the same holds for the
    other assertions.

    Raises AssertionError with both values and the network; `InvalidArgument` for arguments of
    another kind, and for floats, which are never exactly equal.

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
    reading = _reading(derivation, network, layer, rates, part, observable)
    function = reading.formula.function is not None
    value, said = reading.number, typed(_given(reading) if function else derivation)
    if reading.formula.has_floats or (reading.expression is None and is_decimal(value)):
        raise InvalidArgument(
            f"expected an exact value from the derivation at {network}, got {said}; take n, L and "
            f"ell as parameters, which are exact, or divide with Fraction(1, 3), or use "
            f"assert_close"
        )
    found = decide_by_theory(reading, Claim.EXACT)
    if found.outcome is Outcome.UNDECIDED and value is not None:
        raise InvalidArgument(
            f"expected a rational number from the derivation at {network}, got {said}, which is "
            f"not separable from {reading.target.law(Claim.EXACT)}; simplify the derivation"
        )
    if found.outcome is not Outcome.CONSISTENT:
        title, law = (
            f"not the exact value at {place(reading.target)}",
            reading.target.law(Claim.EXACT),
        )
        raise AssertionError(_exact_report(title, reading, law, found.counterexample))


@answered
def assert_close(
    derivation: object,
    network: MLP,
    layer: int | None = None,
    rates: object = None,
    *,
    tolerance: object,
    part: str | None = None,
    observable: Observable | None = None,
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
    reading = _reading(derivation, network, layer, rates, part, observable)
    at = reading.target
    allowed = _reading(
        tolerance, network, at.layer, at.rates, at.part, observable, name="tolerance"
    ).number
    if allowed is None or allowed < 0:
        raise InvalidArgument(
            f"expected a number of at least 0 for tolerance at {network}, got "
            f"tolerance={typed(tolerance)}; give a relative error such as 0.01"
        )
    value, exact = reading.number, decimal(reading.target.number)
    if value is None or abs(decimal(value) - exact) > decimal(allowed) * abs(exact):
        where = place(reading.target)
        title = f"not within a relative {float(allowed):.6g} of the exact value at {where}"
        raise AssertionError(_exact_report(title, reading, reading.target.number))


@answered
def samples_needed(
    network: MLP,
    layer: int | None = None,
    rates: object = None,
    *,
    part: str | None = None,
    observable: Observable | None = None,
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
    target = _reading(0, network, layer, rates, part, observable).target
    return int(_trial(target, notices, false_alarm).plan(sampler).samples)


@answered
def assert_matches_networks(
    derivation: object,
    network: MLP,
    layer: int | None = None,
    rates: object = None,
    *,
    seed: int,
    samples: int | None = None,
    part: str | None = None,
    observable: Observable | None = None,
    notices: object = 0.1,
    false_alarm: object = 1e-6,
    sampler: Sampler | None = None,
) -> None:
    """Assert that ``derivation`` gives the mean over simulated networks.

    A true value fails with at most the chance ``false_alarm``; a value that is wrong by the
    relative error ``notices`` fails with at least 95 %.  ``samples``: networks drawn; None for as
    many as this needs.  ``sampler``: None for `Gram`, or for `RareEvents` if faster (for networks
    that vary much).  The same ``seed`` always gives the same answer.

    The test takes only the variance of one network from the theory; ``false_alarm`` is then proven
    for any tail.  With `RareEvents` it takes nothing, and relies on the standard error of the
    samples.  Raises AssertionError with the value, the measured mean, its standard error and z;
    `InvalidArgument` as `assert_exact`, and if it needs more than ``samples``, or 4,194,304,
    networks.  Floats are welcome.

    >>> from theory import MLP
    >>> assert_matches_networks(lambda L: L / 2, MLP(64, 1), part="label", seed=1)
    >>> from theory.observables import K, trace
    >>> assert_matches_networks("2*n**2", MLP(16, 2), observable=trace(K), seed=1)
    """
    __tracebackhide__ = True
    reading = _reading(derivation, network, layer, rates, part, observable)
    value = None if reading.number is None else decimal(reading.number)
    trial = _trial(reading.target, notices, false_alarm)
    result = trial.run(value, seed=checked_seed(seed), samples=samples, sampler=sampler)
    if result.rejected:
        raise AssertionError(_measured_report(trial, result, seed, reading))


def _reading(
    derivation: object,
    network: MLP,
    layer: object,
    rates: object,
    part: str | None,
    observable: Observable | None,
    *,
    name: str = "derivation",
) -> Reading:
    """A derivation's value at one layer of a network in numbers; a function is called once."""
    numeric_problem(network, layer=layer, rates=rates, step=None, observable=observable)
    reading = read_claim(
        derivation,
        name=name,
        network=network,
        layer=layer,
        part=part,
        rates=rates,
        observable=observable,
    )
    target = reading.target
    at = target.layer if isinstance(target.layer, int) else numeric_depth(network)
    reading = replace(reading, target=replace(target, layer=at, rates=target.multipliers()))
    return reading.called() or reading


def _refuse_without_scale(target: Target) -> None:
    """Refuse an observable whose mean or spread is 0: no relative error is noticed there."""
    if not target.number:
        why, fix = "its mean is 0", "give the square of the observable"
    elif not target.spread(4):
        why, fix = "all networks give the same number", "use assert_exact"
    else:
        return
    raise InvalidArgument(
        f"expected an observable that varies around a mean other than 0, got {place(target)}, "
        f"where {why}; {fix}"
    )


def _given(reading: Reading) -> Expr | Number:
    """The value per eta^2; the formula itself where it has none."""
    return reading.expression if reading.number is None else reading.number


def _trial(target: Target, notices: object, false_alarm: object) -> Trial:
    if target.observable is not None:
        _refuse_without_scale(target)
    error = number_between("notices", notices, "give a relative error such as 0.1")
    return Trial(
        target, error, number_between("false_alarm", false_alarm, "give a chance such as 1e-6", 1.0)
    )


def _exact_report(
    title: str, reading: Reading, exact: Expr | Number, example: Counterexample | None = None
) -> str:
    """A derivation's value and the exact value; an ``example`` where the former depends on eta."""
    target = reading.target
    part = "" if target.part == "total" else f".{target.part}"
    arguments = f"{target.network!r}, layer={target.layer}{rates_text(target)}"
    call = f"squared_update({target.network!r}, {target.layer}{rates_text(target)}){part}"
    if target.observable is not None:
        call = f"derive({_code(target.observable)}, {arguments})"
    exact_name = "per_eta2" if target.observable is None else "exact"
    return _lines(
        title,
        target,
        derivation=_text(_given(reading)),
        exact=_text(exact),
        ratio=_ratio(reading),
        differ=f"at {values_in_words(example)}" if example and reading.number is None else "",
        reproduce=f"{call}.{'evaluate(30)' if is_decimal(exact) else exact_name}",
    )


def _measured_report(trial: Trial, result: Result, seed: int, reading: Reading) -> str:
    """A derivation's value, the mean over networks with its exact standard error, and the exact
    value."""
    target, samples = trial.target, result.measured.samples
    arguments = f"{target.network!r}, layer={target.layer}{rates_text(target)}"
    if target.observable is not None:
        arguments += f", observable={_code(target.observable)}"
    mean = float(result.measured.sign) * exp(float(result.measured.log_mean))
    error = result.error * abs(target.number)
    return _lines(
        f"not the mean over networks at {place(target)}",
        target,
        derivation=_text(_given(reading)),
        measured=f"{nstr(mean, 6)} ± {nstr(error, 2)}",
        exact=nstr(target.number, 6),
        ratio=_ratio(reading),
        z=f"{result.z:+.2f}, beyond {result.critical:.2f} (false alarm {trial.false_alarm:g})",
        samples=f"{samples}, seed {seed}",
        reproduce=f"monte_carlo({arguments}, samples={samples}, seed={seed}, "
        f"sampler={result.sampler!r}).{target.part}",
    )


def _code(observable: Observable) -> str:
    """Python that makes ``observable`` from the names of `theory.observables`, and n.

    >>> from theory.observables import K, f, trace
    >>> _code(f**2 * trace(K @ K) / 3 - 1)
    'f**0*(-1) + trace(K @ K)*(g @ z)*(g @ z)/3'
    """
    terms = []
    for word, coefficient in observable.terms:
        above, below = coefficient.as_integer_ratio()
        factors = [*map(_factor, word)] or ["f**0"]
        scale = f"*({above})" * (above != 1) + f"/{below}" * (below != 1)
        terms.append("*".join(factors) + scale)
    made = " + ".join(terms) or "0*f"
    return f"({made})/n**{observable.over}" if observable.over else made


def _factor(factor: str) -> str:
    product = " @ ".join(factor)
    if not factor:
        return "n"
    return f"trace({product})" if is_trace(factor) else f"({product})"


def _lines(title: str, of: Target, **values: str) -> str:
    rows = [f"  {name:<10}  {value}" for name, value in values.items() if value]
    unit = ", at eta = 1" if of.observable is None else ""
    return "\n".join([f"{title}{unit}", *rows])


def _text(value: Expr | Number) -> str:
    text = nstr(value, 30) if is_decimal(value) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _ratio(reading: Reading) -> str:
    """The derivation's value over the exact one, where both are numbers."""
    value, exact = reading.number, reading.target.number
    return nstr(decimal(value) / exact, 6) if value is not None and exact else ""


def __dir__() -> list[str]:
    return listed(globals())
