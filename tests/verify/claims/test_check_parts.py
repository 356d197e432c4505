"""What `check` rests on, each by another road: values, normal forms, limits, reading."""

from fractions import Fraction

import pytest
from mpmath import mpf, workdps
from sympy import Expr, Integer, Rational, exp, limit, log, oo, sqrt

from theory import MLP
from theory.claims.target import Claim, Quantity, Target
from theory.formulas.bounds import FORMULA_SYMBOLS as SYMBOLS
from theory.formulas.evaluation import Undefined, evaluate
from theory.formulas.formula import Formula, read
from theory.formulas.leading_terms import joint_term, leading_term
from theory.formulas.normal_form import NotNormal, normal_form
from theory.symbols import L, a, ell, eta, n, n_0, t
from verify.claims.networks import default_grids, network_of

SIZES = {n: Fraction(7), L: Fraction(4), ell: Fraction(3), n_0: Fraction(2), t: Fraction(4, 7)}
SAMPLES: list[Expr] = [
    (1 + 5 / n) ** (L - 1) * (n + 2) / 108,
    sqrt(3) / L ** Rational(3, 2),
    (L + 1) ** Rational(5, 2) * sqrt(n + 5) / sqrt(n) - L,
    exp(5 * t) * (t**2 - 1) + exp(-t) * n,
    (n + 1) ** L / (n + 2) ** ell - 2**L,
    (-2) ** L * (-1) ** ell + (-n - 1) ** (L - 1),
    1 / (1 / (1 / (n - L) + ell)),
    sqrt(n_0 * n) * sqrt(n) - Rational(1, 3),
]


@pytest.mark.parametrize("expression", SAMPLES, ids=str)
def test_values_are_those_of_sympy(expression: Expr) -> None:
    found = evaluate(expression, SIZES)
    values = {s: Rational(v.numerator, v.denominator) for s, v in SIZES.items()}
    exact = expression.subs(values)
    if isinstance(found, Fraction):
        assert Rational(found.numerator, found.denominator) == exact
    else:
        with workdps(50):
            assert abs(found - mpf(exact.evalf(50))) < mpf(10) ** -45 * abs(found)


@pytest.mark.parametrize("expression", SAMPLES, ids=str)
def test_normal_forms_keep_the_value(expression: Expr) -> None:
    normal = normal_form(expression).expression
    one, two = evaluate(expression, SIZES), evaluate(normal, SIZES)
    with workdps(50):
        assert abs(mpf(1) * (one - two)) <= mpf(10) ** -45


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ((1 + 5 / n) ** L, (n + 5) ** L * n ** (-L)),
        (6**L, 2**L * 3**L),
        ((1 + 1 / L) ** L, (L + 1) ** (L + 1) * L ** (-L) / (L + 1)),
        ((L**2 + L) ** (2 * L), L ** (2 * L) * (L + 1) ** (2 * L)),
        (sqrt(12) * sqrt(L), 2 * sqrt(3 * L)),
        ((n**2 + 2 * n + 1) ** L, (n + 1) ** (2 * L)),
        (exp(2 * t) * exp(-t), exp(t)),
        ((1 / sqrt(L + n)) ** 3 * (L + n), (L + n) ** Rational(-1, 2)),
        ((2 * n + 2) ** Rational(1, 3) * (n + 1) ** Rational(2, 3), 2 ** Rational(1, 3) * (n + 1)),
    ],
)
def test_equal_formulas_have_one_normal_form(one: Expr, two: Expr) -> None:
    assert not normal_form(one) - normal_form(two)
    assert normal_form(one) - normal_form(two + 1 / n**9)


@pytest.mark.parametrize(
    "expression",
    [
        *(log(n), exp(exp(t)), n**n, t**L, (1 + 2**L) ** Rational(1, 2), n**t),
        *(sqrt(n - n_0), (n - 1) ** L, sqrt(L - ell), sqrt(1 - a), ((-1) ** L) ** Rational(1, 3)),
    ],
)
def test_what_has_no_normal_form_says_so(expression: Expr) -> None:
    with pytest.raises(NotNormal):
        normal_form(expression)


@pytest.mark.wide
@pytest.mark.parametrize(
    "expression",
    [
        (1 + 5 / n) ** 2 * L**3 / 3,
        L**3 / 3 + L**4 / n,
        (L + 1) ** Rational(5, 2) * (n + 5) / n,
        L**4 / (L + 1) / 3 + 1 / n,
        (sqrt(L) + L) * n / (n + 3),
        sqrt(n + 5) - sqrt(n),
        (sqrt(L + 1) - sqrt(L)) * (1 + 1 / n) ** (2 * L),
        2**L + 3**L / L,
        1 / (1 + sqrt(L)),
        (L * (L + 1)) ** Rational(-3, 4),
        L * 2 ** (1 / L),
        L * 2 ** ((L + 1) / L),
        2 ** (L**2 / (L + 1)),
        L * 3 ** (L / n) * n ** (1 / n),
        L ** (1 / L) * (1 + 1 / L) ** sqrt(L),
        n**3 * ((4 * L / n + 1) * exp(-L / n) + (6 * L**2 / n**2 + 2 * L / n - 1) * exp(5 * L / n)),
    ],
)
def test_leading_terms_are_those_of_sympy(expression: Expr) -> None:
    term = leading_term(expression).expression
    in_width = limit(expression / term, n, oo)
    assert limit(in_width, L, oo) == 1


@pytest.mark.parametrize(
    ("expression", "term"),
    [
        ((1 + 5 / n) ** L * (L + 1), n * t * exp(5 * t)),
        ((1 - 2 / n) ** (2 * L) * L, n * t * exp(-4 * t)),
        (L**3 / 3 + L**4 / n, n**3 * t**3 * (3 * t + 1) / 3),
        (L * 2 ** (1 / n) * 3 ** (1 / L), n * t),
        (sqrt(L + n), sqrt(n) * sqrt(t + 1)),
        (n * exp(2 * t) + exp(9 * t), n * exp(2 * t)),
    ],
)
def test_joint_terms(expression: Expr, term: Expr) -> None:
    assert not normal_form(joint_term(expression).expression) - normal_form(term)


@pytest.mark.parametrize(
    "expression",
    [
        *(log(n), (n + 1) ** L, 1 + (-1) ** L, Integer(0), exp(L), L + 1 / (L - ell)),
        *(sqrt(L - n), sqrt(2 - L), (1 + a**L) * L, 2**ell + 3 ** (L - ell)),
        *(2 ** (1 / log(L)), (-2) ** (1 / L), 2 ** (1 / L) - 3 ** (1 / L), L ** (1 + 1 / L)),
        2**L * (exp(1 + 2**-L) - exp(1)) + 1,
    ],
)
def test_limits_that_are_not_known_say_so(expression: Expr) -> None:
    with pytest.raises(NotNormal):
        leading_term(expression)


@pytest.mark.parametrize("expression", [1 / (n - 7), log(n - 8), sqrt(L - n), (n - 7) ** (-L)])
def test_values_that_are_not_real_numbers_are_undefined(expression: Expr) -> None:
    with pytest.raises(Undefined):
        evaluate(expression, SIZES)


def test_towers_cost_nothing_and_end() -> None:
    assert evaluate(n ** (n**n), SIZES) > 1
    with pytest.raises(Undefined):
        evaluate(exp(exp(n**n)), SIZES)


def value(formula: Formula, **sizes: object) -> object:
    return formula.value({SYMBOLS[name]: Fraction(str(size)) for name, size in sizes.items()})


def test_a_function_is_called_with_numbers() -> None:
    traced = read(lambda n, L: L**3 / 3)
    assert traced.expression is None
    assert traced.traced is not None
    assert traced.traced.expression == L**3 / 3
    assert value(traced, n=1, L=2) == Fraction(8, 3)
    opaque = read(lambda n, L: Fraction(int(L), int(n)))
    assert opaque.traced is None
    assert value(opaque, n=8, L=2) == Fraction(1, 4)
    assert value(read(lambda n, L=4: n), n=2, L=1) == 2
    assert value(read(lambda n, scale=3: scale * n), n=2) == 6
    assert value(read(lambda n: 1 / (int(n) - 1)), n=1) is None
    assert value(read("eta**2 * L"), eta="0.5", L=3) == Fraction(3, 4)


def test_numbers_are_put_into_networks() -> None:
    from theory import LeakyReLU

    network = MLP(input_width=n_0, activation=LeakyReLU(a), input_norm2=2 * n_0)
    assert network_of(network, 8, 2) == MLP(
        8, 2, input_width=3, activation=LeakyReLU("0.5"), input_norm2=6
    )
    assert network_of(MLP(5), 8, 2) == MLP(5, 2)
    for claim in Claim:
        grids = list(default_grids(Target(network), claim))
        assert all(not each.free_symbols for grid in grids for each in grid)
        assert all(grid == [MLP(3, 2)] for grid in default_grids(Target(MLP(3, 2)), claim))
    (small,) = default_grids(Target(MLP(), layer=3), Claim.EXACT)
    assert min(each.layers for each in small) == 3


def test_a_rate_is_read_as_what_it_says_of_the_update() -> None:
    target = Target(MLP(), Quantity.RATE)
    assert target.implied(Fraction(1, 3)) == 9
    assert target.implied(Fraction(-1, 3)) is None
    assert eta not in target.law(Claim.EXACT).free_symbols
