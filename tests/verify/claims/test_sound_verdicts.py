"""Claims that `check` once judged wrongly, each standing for its kind, and kinds around them."""

from typing import Any

import pytest
from sympy import Expr, Integer, Mul, Rational, sqrt

from theory import (
    MLP,
    Branch,
    Branches,
    InvalidArgument,
    LastLayer,
    LeakyReLU,
    MeanOverLayers,
    Residual,
    maximal_learning_rate,
    squared_update,
)
from theory.observables import f
from theory.outcome import Outcome
from theory.symbols import B, L, a, ell, eta, kappa, n, n_0, p, t
from verify import check

TWO = MLP(depth=2)
RATE = {"quantity": "rate"}
LEADING = {"claim": "leading"}


def law(network: MLP = TWO, layer: Any = None) -> Expr:
    return squared_update(network, layer).per_eta2


def outcome(formula: object, **options: Any) -> Outcome:
    return check(formula, simulate=False, **options).verdict


def falling(symbol: Expr, last: int) -> Expr:
    """(x - 1) ... (x - last)."""
    return Mul(*(symbol - k for k in range(1, last + 1)))


def size(value: Expr) -> Expr:
    """The absolute value, as a root that SymPy leaves alone."""
    return sqrt((value**2).expand())


@pytest.mark.slow
def test_a_root_is_not_split_where_its_base_may_be_negative() -> None:
    m = n - n_0
    network = MLP(depth=2, input_width=n_0)
    zero_above = sqrt(m * (m + 1)) * sqrt(m * (m + 2)) - m * sqrt((m + 1) * (m + 2))
    found = check(law(network) + zero_above, network=network, simulate=False)
    assert found.verdict is Outcome.REJECTED
    assert found.counterexample is not None
    assert dict(found.counterexample.point) == {n: 1, n_0: 5}
    assert outcome(law(network) + size(m) - m, network=network) is Outcome.REJECTED
    assert outcome(law() + size(n - 1) - n + 1, network=TWO) is Outcome.CONSISTENT
    assert outcome(law() + size(n - 2) - n + 2, network=TWO) is Outcome.REJECTED


@pytest.mark.parametrize(
    ("formula", "options", "expected"),
    [
        ("sqrt(3)/(L*(L+1))**0.75", RATE | LEADING, Outcome.CONSISTENT),
        (L**3 / 3 * sqrt(1 + 1 / L), LEADING, Outcome.CONSISTENT),
        ("L**2.5*sqrt(L + 1)/3", LEADING, Outcome.CONSISTENT),
        ("eta**2*L**(8/3)*((L+1)*(L+2))**(1/3)/3", LEADING, Outcome.REJECTED),
        ("L**3*sqrt((L + 1)/(4*L + 1))*2/3", LEADING, Outcome.CONSISTENT),
        ("L**3*sqrt((L + 1)/(4*L + 1))/3", LEADING, Outcome.REJECTED),
        ("L**3/3*(1 + 1/L)**L", LEADING, Outcome.REJECTED),
        ("L**3/3 + 2**(-L) + sqrt(n + 1) - sqrt(n)", LEADING, Outcome.CONSISTENT),
    ],
)
def test_roots_of_different_sums_stay_apart(
    formula: object, options: dict[str, Any], expected: Outcome
) -> None:
    assert outcome(formula, **options) is expected


def test_eta_is_a_symbol_like_any_other() -> None:
    cases: list[tuple[Expr, dict[str, Any]]] = [
        ((3 * eta - 2) * L**3 / 3, LEADING),
        (eta**2 * L**3 / 3 * (1 + (eta - 1) * (eta - 2) * (eta - 3)), LEADING),
        (eta**2 * law() + (eta - 1) * (eta - 2), {"network": TWO}),
        (eta**2 * law() + falling(eta, 5), {"network": TWO}),
    ]
    for formula, options in cases:
        found = check(formula, simulate=False, **options)
        assert found.verdict is Outcome.REJECTED, formula
        assert "not proportional to eta**2" in str(found.difference)
    assert outcome(eta**2 * L**3 / 3 + eta**3 * L**2, **LEADING) is Outcome.CONSISTENT


@pytest.mark.slow
def test_t_is_the_ratio_of_depth_and_width_in_every_claim() -> None:
    assert outcome(law(MLP()).subs(L, t * n)) is Outcome.CONSISTENT
    assert outcome(law() + t - 2 / n, network=TWO) is Outcome.CONSISTENT
    assert outcome(law() + t - 1 / n, network=TWO) is Outcome.REJECTED
    assert outcome((n * t) ** 3 / 3, **LEADING) is Outcome.CONSISTENT
    assert outcome(L**3 / 3 * (1 + t), **LEADING) is Outcome.CONSISTENT


@pytest.mark.parametrize("symbol", [kappa, p])
def test_a_symbol_that_no_claim_has_is_refused_by_name(symbol: Expr) -> None:
    with pytest.raises(InvalidArgument, match=f"symbol '{symbol}'"):
        outcome(symbol * law(), network=TWO)


@pytest.mark.slow
def test_branches_of_a_function_count() -> None:
    right = law()

    def half(n: Any) -> Any:
        return 0 * n if n % 2 == 0 else right.xreplace({squared: n})

    def even(n: Any) -> Any:
        return right.xreplace({squared: n}) if n % 2 == 0 else 0

    (squared,) = right.free_symbols
    far = check(lambda n: right.xreplace({squared: n}) + falling(n, 8), network=TWO, simulate=False)
    for function in (half, even):
        assert outcome(function, network=TWO) is Outcome.REJECTED
    assert far.verdict is Outcome.REJECTED
    kept = check(lambda n: right.xreplace({squared: n}), network=TWO, simulate=False)
    assert kept.verdict is Outcome.CONSISTENT
    assert kept.theory.reason.endswith("nothing is proven")
    for n_even in (lambda L: L**3 / 3 if L % 2 else L**3, lambda L: L**3 / 3 if L != 4 else 0 * L):
        assert outcome(n_even, **LEADING) is Outcome.UNDECIDED


def test_two_normal_forms_prove_that_a_formula_is_wrong() -> None:
    narrow = MLP(width=1)
    found = check(law(narrow) + 7**L * falling(L, 6), network=narrow, simulate=False)
    assert found.verdict is Outcome.REJECTED
    assert found.counterexample is not None
    assert dict(found.counterexample.point) == {L: 7}
    remote = check(law() + falling(n, 60), network=TWO, simulate=False)
    assert remote.verdict is Outcome.REJECTED


@pytest.mark.slow
def test_a_layer_of_a_network_in_numbers_has_few_values() -> None:
    deep = MLP(depth=4)
    every = law(deep, ell)
    assert outcome(every + falling(ell, 4), network=deep) is Outcome.CONSISTENT
    assert outcome(every + falling(ell, 3), network=deep) is Outcome.REJECTED


def test_the_sign_counts() -> None:
    assert outcome(law() - falling(n, 8), network=TWO) is Outcome.REJECTED
    assert outcome("(-1)**L*sqrt(3)/L**1.5", **RATE, **LEADING) is Outcome.REJECTED
    assert outcome("sqrt(3)/L**1.5*(1-3/L)", **RATE, **LEADING) is Outcome.CONSISTENT
    assert outcome("-sqrt(3)/L**1.5*(1-3/L)", **RATE, **LEADING) is Outcome.REJECTED
    rate = maximal_learning_rate(TWO).exact
    assert outcome(rate, network=TWO, **RATE) is Outcome.CONSISTENT
    for wrong in (-rate, rate * (n - 5) / size(n - 5)):
        assert outcome(wrong, network=TWO, **RATE) is Outcome.REJECTED
    alternating = maximal_learning_rate(MLP(width=1)).exact * (-1) ** L
    assert outcome(alternating, network=MLP(width=1), **RATE) is Outcome.REJECTED


@pytest.mark.wide
@pytest.mark.parametrize("digits", [20, 41, 80, 200])
def test_no_difference_is_too_small(digits: int) -> None:
    nearly = 1 + Rational(1, 10**digits)
    assert outcome(law() * nearly, network=TWO) is Outcome.REJECTED
    assert outcome(L**3 / 3 * nearly, **LEADING) is Outcome.REJECTED
    assert outcome(sqrt(3) * nearly / L ** Rational(3, 2), **RATE, **LEADING) is Outcome.REJECTED
    assert outcome(law() + sqrt(2) * (nearly - 1), network=TWO) is Outcome.REJECTED


def test_values_that_cancel_do_not_reject() -> None:
    """A value is enclosed, so digits lost in the evaluation decide nothing."""
    from sympy import exp, log

    hidden = (exp(log(n + 2) / 3) ** 3 - n - 2) * Integer(10) ** 60
    assert outcome(law() + hidden, network=TWO) is not Outcome.REJECTED


def test_a_formula_without_a_value_somewhere_is_not_proven() -> None:
    hole = (n**2 - 25) / (n - 5) - n - 5
    assert outcome(law() + hole, network=TWO) is Outcome.UNDECIDED


@pytest.mark.slow
def test_the_laws_of_the_theory_are_read_whatever_their_length() -> None:
    for network in (MLP(64, 400), MLP(depth=8, activation=LeakyReLU(a)), MLP(depth=30)):
        assert outcome(squared_update(network).exact, network=network) is Outcome.CONSISTENT


@pytest.mark.parametrize(
    ("formula", "options", "expected"),
    [
        ("ell**3/3 + 2**(ell - 2*ell**2/L)", {}, Outcome.UNDECIDED),
        ("(ell**3/3)*(1 + 2**(ell*(L - 2*ell)/L))", {}, Outcome.UNDECIDED),
        ("L*(2**L + L**2/6) - L*2**L + L**3/3*(1 + 1/L)", {}, Outcome.UNDECIDED),
        ("L*(2**L + L**2/6) - L*2**L + exp(1/L)*L**3/3", {}, Outcome.UNDECIDED),
        ("L**3/3*(1 + 2**(-L))**0.5", {}, Outcome.CONSISTENT),
        ("2**L - 2**L + L**3/3", {}, Outcome.CONSISTENT),
        ("12**L/(2**L*3**L*2**L)*L**3/3", {}, Outcome.CONSISTENT),
        (
            "3*2**(4 - 2*L)*3**(2*L - 4)*L**3/4",
            {"network": MLP(weight_variance=3)},
            Outcome.CONSISTENT,
        ),
    ],
)
def test_growths_are_compared_by_their_prime_bases_and_lose_nothing(
    formula: str, options: dict[str, Any], expected: Outcome
) -> None:
    assert outcome(formula, **LEADING, **options) is expected


def test_dust_of_rounded_floats_decides_nothing() -> None:
    for formula in ((0.1 + 0.2 - 0.3) * L**4 + L**3 / 3, L**3 / 3 + (1.1**4 - 1.4641) * L**4):
        assert outcome(formula, **LEADING) is Outcome.UNDECIDED
    assert outcome((0.1 + 0.2) * L**4 + L**3 / 3, **LEADING) is Outcome.REJECTED


def test_a_law_without_a_leading_power_does_not_crash() -> None:
    network = MLP(weight_variance=1)
    assert outcome("1", network=network, **LEADING) in (Outcome.REJECTED, Outcome.UNDECIDED)


@pytest.mark.parametrize("formula", ["2**(n**L)", "n**(n*L)", "(1 + 5/n)**(n*L)"])
def test_powers_of_large_sizes_are_refused_at_once(formula: str) -> None:
    with pytest.raises(InvalidArgument, match="leave the sizes open"):
        outcome(formula, network=MLP(10**9, 100))


def test_a_function_that_is_wrong_in_the_eleventh_digit_is_not_consistent() -> None:
    rate = maximal_learning_rate(MLP(depth=3)).exact * (1 + Rational(1, 10**11))

    def formula(n: Any) -> Any:
        return rate.xreplace({symbol: n})

    (symbol,) = rate.free_symbols
    found = check(formula, network=MLP(depth=3), simulate=False, quantity="rate")
    assert found.verdict is Outcome.UNDECIDED


OFF_CRITICAL = [
    ("1.9", "(19/20)**(2*L - 2)*L**3/3", {}),
    ("1.9", "(361/400)**(L - 1)*L**3/3", {}),
    ("1.9", "361*(19/20)**(2*L - 4)*L**3/1200", {}),
    ("1", "4**(1 - L)*L**3/3", {}),
    ("3", "L**3/3*(3/2)**(2*L - 2)", {}),
    ("1", "sqrt(3)*2**(L - 1)/L**1.5", {"quantity": "rate", "criterion": LastLayer()}),
]


@pytest.mark.wide
@pytest.mark.parametrize(("variance", "formula", "asked"), OFF_CRITICAL, ids=repr)
def test_one_power_in_several_spellings_is_one_leading_term(
    variance: str, formula: str, asked: dict[str, Any]
) -> None:
    network = MLP(weight_variance=variance)
    right = check(formula, claim="leading", network=network, simulate=False, **asked)
    assert right.verdict.name == "CONSISTENT", right
    wrong = check(f"({formula})*101/100", claim="leading", network=network, simulate=False, **asked)
    assert wrong.verdict.name == "REJECTED", wrong


CONSTANT_POWERS = [
    *(("2**(1/L)", True), ("3**(1/(L+1))", True), ("4**((L+1)/L)/4", True)),
    *(("2*2**(L**2/(L+1)-L)", True), ("2**sqrt(L**2+1)/2**L", True), ("n_0**(1/L)", True)),
    *(("(1+1/L)**sqrt(L)", True), ("3**(1/n)", True), ("2**(L/n)", True), ("L**(1/L)", True)),
    *(("(-2)**L*(-1/2)**L", True), ("(-1)**(L**2-L)", True)),
    *(("2*2**(1/L)", False), ("2**((L+1)/L)", False), ("(1+1/L)**L", False)),
    *(("2**(L**2/(L+1)-L)", False), ("2**sqrt(L**2+L)/2**L", False), ("2**sqrt(L)", False)),
    *(("3**(n/(n+1))", False), ("n_0**((L+1)/L)", False), ("(-1)**L", False)),
]


@pytest.mark.wide
@pytest.mark.parametrize(("factor", "right"), CONSTANT_POWERS)
def test_a_power_whose_exponent_tends_to_a_constant(factor: str, right: bool) -> None:
    expected = Outcome.CONSISTENT if right else Outcome.REJECTED
    assert outcome(f"L**3/3*{factor}", **LEADING) is expected


@pytest.mark.parametrize(
    "factor", ["(1+2**-L)**(2**L)", "(1+2**-L)**(2**L)/e", "(1+2**-L)**(3**L)"]
)
def test_a_left_out_term_to_a_growing_power_is_undecided(factor: str) -> None:
    assert outcome(f"L**3/3*{factor}", **LEADING) is Outcome.UNDECIDED


ROOT = "sqrt(3/L**3)"
SIGNS = [
    *((f"-(-1)**(L**2+L)*{ROOT}", False), (f"-(-1)**L*{ROOT}", False)),
    *((f"(1-L)*(-1)**L/L*{ROOT}", False), (f"-sqrt((-1)**(L**2+L))*(-1)**L*{ROOT}", False)),
    *((f"(-1)**L*(-2)**(L**2+L)/2**(L**2+L)*{ROOT}", False), (f"(-1)**(L**2+L)*{ROOT}", True)),
    (f"(-2)**(L**2+L)/2**(L**2+L)*{ROOT}", True),
]


@pytest.mark.parametrize(("formula", "right"), SIGNS)
def test_the_sign_of_a_rate_holds_at_every_size(formula: str, right: bool) -> None:
    expected = Outcome.CONSISTENT if right else Outcome.REJECTED
    assert outcome(formula, quantity="rate", **LEADING) is expected


NARROW = MLP(depth=2, input_width=n_0)
UNDECIDED_POWERS: list[tuple[str, dict[str, Any]]] = [
    ("L**3/3*sqrt((-1)**(L**2+L))*(-1)**L", LEADING),
    ("L**2/3*sqrt(((-1)**L*L+(-1)**L)*((-1)**L*L+2*(-1)**L))*(-1)**L", LEADING),
    ("L**3/3*(((-4)**L)**(3/2))**(2/3)*(-4)**(-L)", LEADING),
    ("L**3/3*(1/L**2-1)**(L+2**(-L))*(-1)**(-L)", LEADING),
    ("(n_0**2-9)/((n_0-3)*(n_0+3))/2", {**LEADING, "network": NARROW}),
    (
        "(n**2+n+5)/(2*n**2)+sqrt(4*n-6)-sqrt(2)*sqrt(2*n-3)",
        {"claim": "exact", "network": MLP(depth=1)},
    ),
    (
        f"{squared_update(MLP()).exact}+(n**2-1)**(1-L)-((n-1)*(n+1))**(1-L)",
        {"claim": "exact"},
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("formula", "asked"), UNDECIDED_POWERS, ids=repr)
def test_a_formula_without_a_value_at_some_sizes_is_undecided(
    formula: str, asked: dict[str, Any]
) -> None:
    assert outcome(formula, **asked) is Outcome.UNDECIDED


BRANCHES = {"claim": "joint", "quantity": "rate", "network": Residual(), "criterion": Branches()}
BY_CRITERION: list[tuple[Any, dict[str, Any], Outcome]] = [
    ("2*sqrt(51)*exp(-1)/51", BRANCHES, Outcome.REJECTED),
    ("sqrt(102)*exp(-1)/51", BRANCHES, Outcome.CONSISTENT),
    (
        1 / sqrt(squared_update(MLP()).joint_limit() / eta**2),
        {"claim": "joint", "quantity": "rate", "criterion": MeanOverLayers()},
        Outcome.UNDECIDED,
    ),
    ("0", {"observable": f, "network": MLP(), "claim": "leading"}, Outcome.UNDECIDED),
    (
        "1",
        {"network": Residual(), "layer": Branch(B), "claim": "leading"},
        Outcome.REJECTED,
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("formula", "asked", "expected"), BY_CRITERION, ids=repr)
def test_limits_of_other_criteria_and_places(
    formula: Any, asked: dict[str, Any], expected: Outcome
) -> None:
    assert outcome(formula, **asked) is expected


VANISHING = (n_0 - 1) * (n_0 - 2) * (n_0 - 3) * (n_0 - 5)
SLOPES = MLP(activation=LeakyReLU(a))
SLOPED = squared_update(SLOPES).leading() / eta**2


@pytest.mark.parametrize(
    ("formula", "network", "right"),
    [
        (1 / 3 * L**3 * (1 + VANISHING), MLP(input_width=n_0), False),
        (1.0000000000000002 * SLOPED * (1 + (2 * a - 1) * (3 * a - 1) * (a - 1)), SLOPES, False),
        (1.0000000000000002 * SLOPED, SLOPES, True),
        (1 / 3 * L**3, MLP(), True),
    ],
    ids=repr,
)
def test_rounded_floats_excuse_no_other_term(formula: Any, network: MLP, right: bool) -> None:
    expected = Outcome.CONSISTENT if right else Outcome.UNDECIDED
    assert outcome(formula, network=network, **LEADING) is expected


RIGHT_ELSEWHERE = [
    ("sqrt(3)/L**(3/2)*2**(1/L)", {"quantity": "rate", "claim": "leading"}),
    ("ell**3/3*2**(ell/L**2)", {"claim": "leading"}),
    (squared_update(MLP()).joint_limit() * 2 ** (1 / n), {"claim": "joint"}),
]


@pytest.mark.parametrize(("formula", "asked"), RIGHT_ELSEWHERE, ids=repr)
def test_a_power_that_tends_to_1_of_other_claims(formula: Any, asked: dict[str, Any]) -> None:
    assert outcome(formula, **asked) is Outcome.CONSISTENT
    assert outcome(f"2*({formula})", **asked) is Outcome.REJECTED


def test_an_exact_law_is_its_own_leading_term_off_the_critical_variance() -> None:
    network = MLP(weight_variance="1.9")
    update = squared_update(network)
    found = check(update.exact, claim="leading", network=network, simulate=False)
    assert found.verdict.name == "CONSISTENT", found
