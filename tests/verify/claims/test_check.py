"""`check` as theory decides it: identities, limits, counterexamples, bad input."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Expr, Integer, Rational, exp, log, sqrt

from tests.tools.strategies import generated
from theory import (
    MLP,
    ByGroup,
    InvalidArgument,
    LastLayer,
    LeakyReLU,
    Linear,
    MeanOverLayers,
    TrainedLayers,
    maximal_learning_rate,
    squared_update,
)
from theory.observables import K, trace
from theory.outcome import Outcome
from theory.symbols import L, a, ell, eta, n, n_0, t
from verify import Check, check

LINEAR = MLP(activation=Linear())
SLOPED = MLP(activation=LeakyReLU(a))


def asked(formula: object, **options: Any) -> Check:
    return check(formula, simulate=False, **options)


RIGHT: list[tuple[str, Callable[[], object], dict[str, Any]]] = [
    ("total", lambda: squared_update(MLP()).exact, {}),
    ("multiplied out", lambda: squared_update(MLP()).exact.expand(), {}),
    ("as text", lambda: str(squared_update(MLP()).exact), {}),
    ("label", lambda: squared_update(MLP()).label.exact, {"part": "label"}),
    ("output", lambda: squared_update(MLP()).output.exact, {"part": "output"}),
    ("at ell", lambda: squared_update(MLP(), ell).exact, {}),
    ("input width", lambda: squared_update(MLP(input_width=n_0)).exact, {}),
    ("slope", lambda: squared_update(SLOPED).label.exact, {"part": "label"}),
    ("depth 3", lambda: squared_update(MLP(depth=3)).exact, {"network": MLP(depth=3)}),
    ("numbers", lambda: squared_update(MLP(5, 3)).exact, {"network": MLP(5, 3)}),
    ("widths", lambda: squared_update(MLP((4, 7))).exact, {"network": MLP((4, 7))}),
    (
        "trained from 2",
        lambda: squared_update(MLP(input_width=n_0), rates=TrainedLayers(2)).label.exact,
        {"part": "label", "rates": TrainedLayers(2)},
    ),
    ("linear", lambda: squared_update(LINEAR).exact, {"network": LINEAR}),
    ("leading", lambda: "eta^2 L^3/3".replace(" L", "*L"), {"claim": "leading"}),
    ("exact as leading", lambda: squared_update(MLP()).exact, {"claim": "leading"}),
    ("joint as leading", lambda: squared_update(MLP()).joint_limit(), {"claim": "leading"}),
    ("with lower terms", lambda: eta**2 * (L**3 + L + n / (n + 1)) / 3, {"claim": "leading"}),
    ("shifted in depth", lambda: eta**2 * (L + 7) ** 3 / 3, {"claim": "leading"}),
    ("exp(L/n)", lambda: eta**2 * L**3 * exp(5 * L / n) / 3, {"claim": "leading"}),
    ("leading at ell", lambda: eta**2 * ell**3 / 3, {"claim": "leading"}),
    ("output leading", lambda: ell**3 / (3 * n), {"claim": "leading", "part": "output"}),
    ("slope leading", lambda: squared_update(SLOPED).leading(), {"claim": "leading"}),
    ("joint", lambda: squared_update(MLP()).joint_limit(), {"claim": "joint"}),
    ("exact as joint", lambda: squared_update(MLP()).exact, {"claim": "joint"}),
    (
        "output joint",
        lambda: squared_update(MLP()).output.joint_limit(),
        {"claim": "joint", "part": "output"},
    ),
    ("rate", lambda: maximal_learning_rate(MLP()).exact, {"quantity": "rate"}),
    (
        "rate leading",
        lambda: sqrt(3) / L ** Rational(3, 2),
        {"quantity": "rate", "claim": "leading"},
    ),
    (
        "rate of the mean",
        lambda: "2*sqrt(3)/L^1.5",
        {"quantity": "rate", "claim": "leading", "criterion": MeanOverLayers()},
    ),
    (
        "rate under a bound",
        lambda: maximal_learning_rate(MLP(), criterion=LastLayer("0.25")).exact,
        {"quantity": "rate", "criterion": LastLayer("0.25")},
    ),
]


@pytest.mark.wide
@pytest.mark.parametrize(
    ("formula", "options"), [each[1:] for each in RIGHT], ids=[r[0] for r in RIGHT]
)
def test_right_formulas_are_consistent(formula: Callable[[], object], options: Any) -> None:
    found = asked(formula(), **options)
    assert found.verdict is Outcome.CONSISTENT, found
    assert found.counterexample is None
    assert found.difference is None
    assert found.theory.reason.startswith(("identical", "equal", "formula over"))


def test_a_proof_is_told_from_many_points() -> None:
    proven = asked(squared_update(MLP()).exact)
    opaque = asked(lambda n, L: squared_update(MLP(int(n), int(L))).per_eta2)
    assert "proven for all sizes" in proven.theory.reason
    assert opaque.theory.reason == "equal at all 56 points tried; nothing is proven"
    assert opaque.verdict is Outcome.CONSISTENT


def test_floats_are_compared_as_floats() -> None:
    def law(n: Any, L: Any) -> float:
        return float(squared_update(MLP(int(n), int(L))).per_eta2)

    found = asked(law)
    assert found.verdict is Outcome.CONSISTENT
    assert "nine digits" in found.theory.reason
    twice = asked(lambda n, L: 2 * law(n, L))
    assert str(twice.difference) == "it is 2 times the exact value"


def test_a_float_in_a_limit_is_the_number_that_it_was_rounded_from() -> None:
    """Decimals in text are exact; a float of as many digits as a float has is a rounding."""

    def rate(L: Any) -> Any:
        return math.sqrt(3) / L**1.5

    found = asked(rate, claim="leading", quantity="rate")
    assert found.verdict is Outcome.CONSISTENT, found
    assert "nine digits" in found.theory.reason
    assert asked(L**3 * 0.3333333333333333, claim="leading").verdict is Outcome.CONSISTENT
    assert asked("0.3333333333333333*L**3", claim="leading").verdict is Outcome.REJECTED
    assert asked(L**3 * 0.333333, claim="leading").verdict is Outcome.REJECTED
    twice = asked(lambda L: 2 * rate(L), claim="leading", quantity="rate")
    assert twice.verdict is Outcome.REJECTED
    assert str(twice.difference) == "it is 2 times the law"


@pytest.mark.parametrize(
    ("claim", "network"),
    [("exact", MLP(depth=1)), ("leading", MLP()), ("joint", MLP())],
)
def test_a_rate_of_the_wrong_sign_is_rejected(claim: str, network: MLP) -> None:
    """Though it says the same of E as the right one."""
    update = squared_update(network)
    forms = {"exact": lambda: update.exact, "leading": update.leading, "joint": update.joint_limit}
    law = sqrt(eta**2 / forms[claim]())
    options: dict[str, Any] = {"claim": claim, "quantity": "rate", "network": network}
    assert asked(law, **options).verdict is Outcome.CONSISTENT
    found = asked(-law, **options)
    assert found.verdict is Outcome.REJECTED
    assert found.counterexample is not None
    mine, exact = found.counterexample.formula, found.counterexample.law
    assert mine is not None
    assert abs(mine + exact) < 1e-30
    assert mine < 0


@pytest.mark.parametrize("quantity", ["update", "rate"])
def test_zero_is_no_leading_term(quantity: str) -> None:
    found = asked("0", claim="leading", quantity=quantity)
    assert found.verdict is Outcome.REJECTED
    assert found.counterexample is not None
    assert (dict(found.counterexample.point), found.counterexample.formula) == ({L: 1}, 0)


@pytest.mark.parametrize(
    ("formula", "point", "values"),
    [
        ("3 + 8/n + 45/n^2", {n: 1}, (56, 584)),
        ("7/2 + (L - 1)", {n: 2, L: 1}, (Fraction(7, 2), Fraction(11, 8))),
    ],
)
def test_the_counterexample_is_the_smallest(
    formula: str, point: dict[Any, int], values: tuple[Any, Any]
) -> None:
    network = MLP(depth=2) if L not in point else MLP()
    found = asked(formula, network=network)
    example = found.counterexample
    assert example is not None
    assert dict(example.point) == point
    assert (example.formula, example.law) == values


@pytest.mark.parametrize(
    ("formula", "claim", "point", "values"),
    [
        (
            "L**3*(a**4 + 1)/(2*(a**2 + 1))",
            "leading",
            {L: 1, a: Rational(1, 2)},
            ("17/40", "17/60"),
        ),
        ("L**3/3*n_0/n", "leading", {L: 1, n: 1, n_0: 2}, ("2/3", "1/3")),
        ("n", "leading", {L: 1, n: 1}, ("1", "1/3")),
        ("L**3/n", "leading", {L: 1, n: 1}, ("1", "1/3")),
        ("ell**3*L/3", "leading", {L: 2, ell: 1}, ("2/3", "1/3")),
        ("n**3*t**3/3", "joint", {L: 1, n: 1}, None),
    ],
)
def test_the_counterexample_to_a_limit_is_the_smallest_network(
    formula: str, claim: str, point: dict[Any, Any], values: tuple[str, str] | None
) -> None:
    example = asked(formula, claim=claim).counterexample
    assert example is not None
    assert dict(example.point) == point
    if values is not None:
        assert (str(example.formula), str(example.law)) == values


def test_a_layer_in_numbers_is_asked_of_networks_that_have_it() -> None:
    example = asked("1", layer=3).counterexample
    assert example is not None
    assert dict(example.point) == {L: 3, n: 1}
    assert example.law == squared_update(MLP(1, 3)).per_eta2


def test_values_that_differ_are_shown_to_differ() -> None:
    rounded = {"claim": "leading", "quantity": "rate"}
    found = asked("1.73205080756888/L**1.5", **rounded)
    assert "1.73205080756888 (formula) and 1.7320508075688772935 (law)" in repr(found)
    assert str(found.difference) == (
        "it is the law to 15 digits only, and a decimal is read exactly: write sqrt(3)"
    )
    assert str(asked("1.7321/L**1.5", **rounded).difference).endswith("times the law")
    assert str(asked("0.33333333*L**3", claim="leading").difference).endswith("write 1/3")
    nearly = asked(squared_update(MLP()).exact * (1 - Rational(1, 10**9)))
    assert str(nearly.difference) == "it is the exact value to 9 digits only"


@pytest.mark.parametrize(
    ("formula", "network", "difference"),
    [
        (L**3 / 3 + L / 6, MLP(10**9, 16), "it is the value at n = ∞, claimed as exact"),
        ("22", MLP(10**9, 4), "it is the value at n = ∞, claimed as exact"),
        ("22 + 152/n", MLP(64, 4), "it is the series in 1/n: the terms from 1/n^2 on are dropped"),
        (L**3 / 3 + L / 6, MLP(10**9), "it is the value at n = ∞, claimed as exact"),
        ("22.000001", MLP(10**9, 4), "decimal is read exactly: write exact constants"),
        ("22000001/1000000", MLP(10**9, 4), "it is the exact value to 7 digits only"),
    ],
)
def test_a_limit_at_a_width_in_numbers_is_named(
    formula: Any, network: MLP, difference: str
) -> None:
    found = check(formula, network=network, simulate=False)
    assert difference in str(found.difference)
    assert found.counterexample is not None
    assert "(exact: " not in repr(found.counterexample)


@pytest.mark.wide
@pytest.mark.parametrize(
    ("label", "output", "words"),
    [
        (Rational(101, 100), 0, "101/100 times the label part"),
        (0, 3, "3 times the output part"),
        (0, -1, "-1 times the output part"),
    ],
)
def test_a_part_with_a_constant_is_said_in_words(label: Any, output: Any, words: str) -> None:
    law = squared_update(MLP())
    found = asked(label * law.label.exact + output * law.output.exact)
    assert str(found.difference) == f"it is {words}"


def test_a_formula_wrong_from_depth_3_on_is_caught_there() -> None:
    right = squared_update(MLP()).per_eta2
    wrong = right + (L - 1) * (L - 2) / n
    found = asked(wrong)
    assert found.counterexample is not None
    assert dict(found.counterexample.point) == {L: 3, n: 1}


@pytest.mark.slow
def test_a_foreign_term_is_named_as_such_or_not_at_all() -> None:
    right = squared_update(MLP()).per_eta2
    powers = L**2 / (n + 3) * (1 + 2 / n) ** L * sqrt(L)
    for extra in (powers, log(n + 1), sqrt(n + L) * exp(L / n)):
        found = asked(right + extra)
        assert found.verdict is Outcome.REJECTED
        if found.difference is None:
            assert "none of the known differences" in repr(found)
        else:
            assert "it is the exact value plus" in found.difference.sentence


@pytest.mark.slow
@generated(12)
@given(
    st.fractions(-5, 5, max_denominator=9),
    st.integers(0, 4),
    st.integers(0, 4),
    st.integers(1, 9),
)
def test_what_is_named_of_a_random_error_is_true(
    number: Fraction, depth: int, width: int, base: int
) -> None:
    """A named term or factor is checked by undoing it here."""
    law = squared_update(MLP()).label.per_eta2
    extra = Rational(number.numerator, number.denominator) * L**depth / n**width
    wrong = law + extra * (1 + Integer(base) / n) ** L
    found = asked(wrong, part="label")
    if number == 0:
        assert found.verdict is Outcome.CONSISTENT
        return
    assert found.verdict is Outcome.REJECTED
    if found.difference is None:
        return
    sign, term = found.difference.sentence.removeprefix("it is the exact value ").split(" ", 1)
    undone = _as_expression(term) * {"plus": 1, "minus": -1}[sign]
    for point in ({n: 2, L: 3}, {n: 7, L: 1}, {n: 5, L: 4}):
        assert (wrong - undone - law).subs(point) == 0


@generated(25)
@given(
    st.fractions(Fraction(1, 9), 9, max_denominator=9),
    st.fractions(-3, 3, max_denominator=100),
    st.fractions(-3, 3, max_denominator=100),
)
def test_a_multiple_of_the_law_is_found_back(
    number: Fraction, depth: Fraction, width: Fraction
) -> None:
    factor = Rational(str(number)) * L ** Rational(str(depth)) * n ** Rational(str(width))
    found = asked(factor * L**3 / 3, claim="leading")
    if factor == 1:
        assert found.verdict is Outcome.CONSISTENT
    else:
        assert str(found.difference) == f"it is {factor} times the law"


def _as_expression(text: str) -> Expr:
    from theory.formulas.grammar import parse_formula

    return parse_formula(text)


@pytest.mark.parametrize(
    "formula",
    [
        *("log(n)*L^3", "(n + 1)^L", "L^3/3 + (-1)^L*L^3", "ell^3/3 + L^3/(L - ell + 1)"),
        "eta^2*L^3/3*exp(t)*exp(L/n)*(1 + 1/(1 + L))^0.5",
    ],
)
def test_a_limit_that_is_not_found_is_undecided(formula: str) -> None:
    found = asked(formula, claim="leading")
    assert found.verdict is Outcome.UNDECIDED
    assert found.counterexample is None


@pytest.mark.parametrize("claim", ["leading", "joint"])
@pytest.mark.parametrize(
    ("formula", "words"),
    [
        (lambda n, L: sum(k**2 for k in range(int(L))), "a function of numbers has no symbolic"),
        (lambda n, L: 1 / (int(L) - 1), "a function of numbers has no symbolic"),
        (lambda L: 1 / 0, "no value at any of"),
        (lambda L: float("nan"), "no value at any of"),
    ],
)
def test_a_function_of_numbers_has_no_limit_here(formula: Any, words: str, claim: str) -> None:
    found = asked(formula, claim=claim)
    assert found.verdict is Outcome.UNDECIDED
    assert words in found.theory.reason


def test_a_formula_without_any_value_says_so() -> None:
    why = asked(lambda L: 1 / 0).theory.reason
    assert why == "it has no value at any of 56 points: ZeroDivisionError: division by zero"

    def from_depth_2_on(n: Any, L: Any) -> Any:
        return squared_update(MLP(int(n), int(L))).per_eta2 if L > 1 else 1 / 0

    assert asked(from_depth_2_on).theory.reason.endswith("but it has none at n = 1, L = 1")


@pytest.mark.parametrize("claim", ["exact", "leading", "joint"])
@pytest.mark.parametrize(
    ("formula", "words"),
    [
        (lambda L: undefined_name * L, ["at L=1", "NameError", "'undefined_name'"]),  # type: ignore[name-defined]  # noqa: F821
        (lambda L: "one", ["at L=1", "'one'"]),
        (lambda L: None, ["at L=1", "None"]),
    ],
)
def test_a_function_that_fails_says_why_whatever_is_claimed(
    formula: Any, words: list[str], claim: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        asked(formula, claim=claim)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.slow
def test_eta_is_squared_or_left_out() -> None:
    exact = squared_update(MLP()).per_eta2
    assert asked(exact).verdict is asked(exact * eta**2).verdict is Outcome.CONSISTENT
    assert "read per eta**2" in str(asked(exact))
    for power in (1, 3):
        wrong = asked(exact * eta**power)
        assert wrong.verdict is Outcome.REJECTED
        assert f"eta**{power}" in str(wrong.difference)
    assert asked(exact * (eta**2 + eta - 1)).verdict is Outcome.REJECTED


@pytest.mark.slow
def test_t_and_n_0_and_a_are_those_of_the_network() -> None:
    law = squared_update(MLP()).per_eta2
    assert asked(law.subs(L, t * n), network=MLP()).verdict is Outcome.CONSISTENT
    named = law.subs(n, n_0)
    assert asked(named, network=MLP()).verdict is Outcome.CONSISTENT
    leaky = MLP(activation=LeakyReLU("0.5"))
    general = squared_update(SLOPED).per_eta2
    assert asked(general, network=leaky).verdict is Outcome.CONSISTENT


def test_at_a_depth_in_numbers_there_is_a_limit_and_no_law() -> None:
    deep = MLP(depth=3)
    found = asked("9/2", claim="leading", network=deep)
    assert "the leading term, as n → ∞, of E[(Δz)²]" in repr(found)
    assert str(found.difference) == "it is 9/19 times the limit as n → ∞"
    claimed = asked("3", network=MLP(depth=2))
    fix = "claimed as exact: give claim='leading'"
    assert str(claimed.difference) == f"it is the limit as n → ∞, {fix}"
    counted = asked("n**2", network=MLP(depth=2), observable=trace(K), claim="leading")
    assert str(counted.difference) == "it is 1/2 times the leading term as n → ∞"


def test_the_value_at_infinite_width_is_no_series_in_the_width() -> None:
    assert str(asked("L**3/3 + L/6").difference) == "it is the value at n = ∞, claimed as exact"


def test_long_numbers_are_shown_in_decimals() -> None:
    text = repr(asked("1e400*L", claim="leading"))
    assert "formula: 1.0e+400*L, read per eta**2" in text
    assert "it is about 3.0e+400 times L**(-2) times the law" in text


def test_the_report_says_everything() -> None:
    text = repr(asked("eta**2*L**3/2", claim="leading"))
    assert text.splitlines() == [
        "REJECTED: the claim that the formula is the leading term, as n → ∞ and then in depth, of "
        "E[(Δz)²] in the last hidden layer of MLP()",
        "formula: L**3*eta**2/2",
        "theory: rejected: formula over exact value does not tend to 1",
        "  first at L = 1: leading terms 1/2 (formula) and 1/3 (law)",
        "  difference: it is 3/2 times the law",
        "networks: not simulated",
    ]


def test_print_breaks_lines_for_a_page() -> None:
    found = asked("eta**2*L**3/2", claim="leading")
    assert max(map(len, str(found).splitlines())) <= 80
    assert str(found).split() == repr(found).split()


@pytest.mark.parametrize(
    ("formula", "options", "words"),
    [
        ("L^^3", {}, ["formula", "character 3"]),
        ("x", {}, ["formula", "'x'"]),
        (None, {}, ["formula", "NoneType"]),
        (lambda width, depth: 1, {}, ["formula", "name its parameters"]),
        (lambda *sizes: 1, {}, ["formula", "name its parameters"]),
        (lambda n: "one", {}, ["formula", "'one'"]),
        (lambda n: [][int(n)], {}, ["formula", "IndexError"]),
        ("1", {"claim": "true"}, ["claim", "'true'"]),
        ("1", {"claim": ["exact"]}, ["claim"]),
        ("1", {"quantity": "loss"}, ["quantity", "'loss'"]),
        ("1", {"network": "MLP"}, ["network"]),
        ("1", {"part": "both"}, ["part", "'both'"]),
        ("1", {"layer": 3, "network": MLP(depth=2)}, ["layer", "3"]),
        ("eta", {"quantity": "rate"}, ["formula", "eta"]),
        ("1", {"quantity": "rate", "layer": 1}, ["layer", "criterion"]),
        ("1", {"quantity": "rate", "part": "label"}, ["got part='label' (str);", "criterion"]),
        ("sqrt(3)/ell**1.5", {"quantity": "rate"}, ["formula", "with ell", "no layer"]),
        (lambda ell: 1 / int(ell), {"quantity": "rate", "claim": "leading"}, ["with ell"]),
        ("ell**3/3", {"claim": "joint"}, ["formula", "with ell", "write L"]),
        ("1", {"grid": 5}, ["grid=5"]),
        ("1", {"grid": MLP(8, 2)}, ["grid=MLP"]),
        ("1", {"grid": []}, ["grid=[]"]),
        ("1", {"grid": [MLP(8, 2), 3]}, ["networks in numbers for grid"]),
        ("1", {"execution": 3}, ["execution=3"]),
        ("1", {"criterion": LastLayer()}, ["criterion", "quantity='rate'"]),
        ("n", {"network": MLP((4, 8))}, ["formula", "widths differ"]),
        ("L", {"network": MLP(8), "claim": "leading"}, ["network", "'leading'"]),
        ("n", {"network": MLP(depth=4), "claim": "joint"}, ["network", "'joint'"]),
    ],
)
def test_bad_input_is_one_sentence(formula: Any, options: Any, words: list[str]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        asked(formula, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_group_rates_are_taken() -> None:
    rates = ByGroup(first=0)
    law = squared_update(MLP(depth=3), rates=rates).exact
    assert asked(law, network=MLP(depth=3), rates=rates).verdict is Outcome.CONSISTENT
    off = asked(law, network=MLP(depth=3))
    assert off.verdict is Outcome.REJECTED
    assert off.counterexample is not None


def test_numbers_of_thousands_of_digits_are_written_in_decimals() -> None:
    found = asked("L**3/3", network=MLP(256, 1000))
    assert str(found.difference) == "it is about 5.72443e-22 times the exact value"
