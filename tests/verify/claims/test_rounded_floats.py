"""A float stands for every number that it may be the rounding of, in each claim and assertion."""

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from sympy import Expr, Float, Integer, Mul, Rational, log, sqrt

from theory import MLP, InvalidArgument, LastLayer, maximal_learning_rate, squared_update
from theory.observables import f
from theory.outcome import Outcome
from theory.symbols import L, ell, eta, n, n_0
from verify import check, compare_law
from verify.testing import assert_close, assert_exact, assert_matches_networks

ONE, TWO = MLP(depth=1), MLP(depth=2)
RATE = {"quantity": "rate"}
LEADING = {"claim": "leading"}
SHORT = {"criterion": LastLayer(bound=Rational(1, 130)), **RATE, **LEADING}
LAW_1 = (n**2 + n + 5) / (2 * n**2)
LAW_2 = squared_update(TWO).per_eta2
JOINT = squared_update(MLP()).joint_limit() / eta**2
THIRD = 0.3333333333333333
n_symbol = n


def outcome(formula: object, **options: Any) -> Outcome:
    return check(formula, simulate=False, **options).verdict


def decimal_law(n: Any) -> Any:
    return Decimal(1) / 2 + (Decimal(1) / 2) / int(n) + Decimal(5) / (2 * int(n) ** 2)


RIGHT: list[tuple[Any, dict[str, Any]]] = [
    (math.sqrt(3 / 130) / L**1.5, SHORT),
    (lambda L: math.sqrt(3 / 130) / L**1.5, SHORT),
    (11561 / 22898, {"network": MLP(107, 1)}),
    (decimal_law, {"network": ONE}),
    (Decimal(11561) / 22898, {"network": MLP(107, 1)}),
    (lambda n: np.longdouble(1) / 2 + np.longdouble(n + 5) / 2 / int(n) ** 2, {"network": ONE}),
    (LAW_2 * 1.0000000000000002, {"network": TWO}),
    (LAW_2 * math.sqrt(2) / sqrt(2), {"network": TWO}),
    (maximal_learning_rate(TWO).exact * 1.0000000000000002, {"network": TWO, **RATE}),
    (JOINT * 1.0000000000000002, {"claim": "joint"}),
    (
        lambda: np.int64(2**32),
        {
            "network": MLP(1, 1),
            "criterion": LastLayer(bound=Rational(7, 2) * 2**64),
            **RATE,
        },
    ),
]


@pytest.mark.parametrize(("formula", "asked"), RIGHT)
def test_right_formulas_in_floats_are_consistent_and_not_proven(
    formula: Any, asked: dict[str, Any]
) -> None:
    found = check(formula, simulate=False, **asked)
    assert found.verdict is Outcome.CONSISTENT, found
    assert "proven for all sizes" not in found.theory.reason


WRONG: list[tuple[Any, dict[str, Any]]] = [
    (THIRD * 1.005 * L**3, LEADING),
    (3**0.5 * 1.005 / L**1.5, {**RATE, **LEADING}),
    (JOINT * 1.005123456789, {"claim": "joint"}),
    (float(3) * 1.001, {"network": TWO, **LEADING}),
    (THIRD * eta**3 * L**3, LEADING),
    (THIRD * ell**3 * (1 + 5 * (ell - L) / L), LEADING),
    (THIRD * L**3 * (1 + n_0 / 1000), {"network": MLP(input_width=n_0), **LEADING}),
    (THIRD * L**3 + L ** Rational(31, 10) / 1000, LEADING),
    (THIRD * L**3 + L**4 / (3 * 10**7), LEADING),
    (LAW_2 * 1.000010000000001, {"network": TWO}),
    (
        LAW_2 * 1.0000000000000002 + Mul(*(n - k for k in (*range(1, 11), 40, 97, 1000))),
        {"network": TWO},
    ),
    (lambda L: eta**3 * L**3 / 3, LEADING),
    (lambda n: eta**3 * LAW_1.xreplace({n_symbol: n}), {"network": ONE}),
    ("1", {"observable": f, "network": MLP(), **LEADING}),
]


@pytest.mark.parametrize(("formula", "asked"), WRONG)
def test_rounding_excuses_no_error_beyond_nine_digits(formula: Any, asked: dict[str, Any]) -> None:
    assert outcome(formula, **asked) is Outcome.REJECTED


DOUBTFUL: list[tuple[Any, dict[str, Any]]] = [
    (
        3.5000000000000004 * eta**2 + (eta - 1) * (eta - 2) * (eta - 3) * (3 * eta - 1),
        {"network": MLP(1, 1)},
    ),
    (LAW_1 * 1.0000000000000002 + (log(n + 1) - log((n**2 + n) / n)), {"network": ONE}),
    (lambda n: 0.1 + 0.2 - 0.3, {"observable": f, "network": MLP()}),
    (0.1 + 0.2 - 0.3, {"observable": f, "network": MLP()}),
    ((0.1 + 0.2 - 0.3) * n + LAW_1, {"network": ONE}),
    (lambda n: Decimal("NaN"), {"network": ONE}),
    (lambda n: Decimal("Infinity"), {"network": ONE}),
    (lambda n: (n**2 + n + 5) / (2 * n**2) / (n - 3) * (n - 3), {"network": ONE}),
]


@pytest.mark.parametrize(("formula", "asked"), DOUBTFUL)
def test_a_difference_that_rounding_may_make_or_hide_is_undecided(
    formula: Any, asked: dict[str, Any]
) -> None:
    assert outcome(formula, **asked) is Outcome.UNDECIDED


def test_a_function_that_returns_eta_is_read_as_its_formula() -> None:
    assert outcome(lambda L: eta**2 * L**3 / 3, **LEADING) is Outcome.CONSISTENT
    assert outcome(lambda n: eta**2 * LAW_1.xreplace({n_symbol: n}), network=ONE) is (
        Outcome.CONSISTENT
    )


@pytest.mark.parametrize("number", [np.float32(3.5), np.float16(3.5), Float("3.5", 5)], ids=repr)
def test_floats_of_fewer_than_nine_digits_are_refused(number: Any) -> None:
    for formula in (number, lambda n: number, lambda n: n * number):
        with pytest.raises(InvalidArgument, match="nine digits or more in formula"):
            outcome(formula, network=ONE)


def vanishing() -> Expr:
    return eta**2 * LAW_2 + (eta - 1) * (eta - 2)


def test_every_assertion_sees_that_a_derivation_is_not_proportional_to_eta2() -> None:
    network = MLP(3, 2)
    asserted: list[Callable[[], None]] = [
        lambda: assert_close(vanishing(), network, tolerance=1e-9),
        lambda: assert_matches_networks(vanishing(), network, seed=1, notices=0.9),
        lambda: assert_exact(vanishing(), network),
    ]
    for each in asserted:
        with pytest.raises(AssertionError):
            each()
    with pytest.raises(AssertionError, match=r"differ +at eta = 3: 204 \(formula\) and 202"):
        assert_exact(vanishing(), network)
    with pytest.raises(InvalidArgument, match="not proportional to eta"):
        compare_law(vanishing(), networks=[MLP(16, 2)], samples=4000, seed=1)


def test_an_assertion_refuses_a_derivation_whose_power_of_eta_is_not_decided() -> None:
    network = MLP(3, 2)
    with pytest.raises(InvalidArgument, match="leave eta out"):
        assert_close(eta**2 * LAW_2 + log(eta), network, tolerance=1e-9)
    assert_close(eta**2 * (LAW_2 + Integer(10) ** -12), network, tolerance=1e-9)
    assert_exact(lambda n: Fraction(LAW_2.xreplace({n_symbol: n})) * eta**2, network)


def test_powers_of_numbers_to_the_width_have_a_normal_form() -> None:
    assert outcome(LAW_1 + 2 ** (n + 1) - 2 * 2**n, network=ONE) is Outcome.CONSISTENT
    assert outcome(LAW_1 + 2 ** (n + 1) - 3 * 2**n, network=ONE) is Outcome.REJECTED


@pytest.mark.parametrize("sampler", ["foo", "dense", 3])
def test_a_sampler_of_another_kind_is_refused_before_all_else(sampler: Any) -> None:
    for simulate in (True, False):
        with pytest.raises(InvalidArgument, match="expected a sampler, got sampler="):
            check("L^3/3", claim="leading", sampler=sampler, simulate=simulate)


def test_a_function_of_python_inside_a_sum_is_named() -> None:
    with pytest.raises(InvalidArgument, match="'min' is not a function of these laws"):
        outcome("Sum(Sum(min(j,k), (j,1,L)), (k,1,L))")


def test_a_leading_term_is_called_the_law_and_no_exact_value() -> None:
    found = check("L^3/3", claim="joint", simulate=False)
    assert repr(found.counterexample).endswith("1/3 (formula) and 9.636402879 (law)")
