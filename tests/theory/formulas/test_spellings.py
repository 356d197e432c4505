"""Formulas as users type them: read, refused with both readings, or corrected."""

import subprocess
import sys
import time

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import Expr, Sum, Symbol, binomial, sqrt

from tests.tools.spellings import AMBIGUOUS, OFFERED, READ, UNKNOWN, pairs
from tests.tools.strategies import generated
from theory import InvalidArgument
from theory.formulas.grammar import parse_formula, read_formula
from theory.symbols import L, a, ell, eta, n, n_0, t

NAMES = {
    **{str(symbol): symbol for symbol in (n, L, ell, n_0, eta, t, a)},
    **{name: getattr(sympy, name) for name in ("sqrt", "exp", "log", "Integer", "Rational")},
}
k, j = Symbol("k"), Symbol("j")


def refusal(text: str) -> str:
    with pytest.raises(InvalidArgument) as refused:
        parse_formula(text)
    return str(refused.value)


def equal(one: Expr, other: Expr) -> bool:
    return bool(one == other or sympy.simplify((one - other).expand()) == 0)


def test_the_tables_hold_two_hundred_texts() -> None:
    texts = [*pairs(READ), *pairs(AMBIGUOUS), *pairs(OFFERED), *UNKNOWN.split("|")]
    assert len(texts) >= 200


@pytest.mark.wide
@pytest.mark.parametrize(("text", "meaning"), pairs(READ))
def test_text_is_read_as_people_of_the_field_read_it(text: str, meaning: str) -> None:
    assert equal(parse_formula(text), eval(meaning, dict(NAMES)))


@pytest.mark.wide
@pytest.mark.parametrize(("text", "readings"), pairs(AMBIGUOUS))
def test_text_with_two_readings_is_refused_with_both(text: str, readings: str) -> None:
    one, two = readings.split(" | ")
    assert refusal(text).endswith(f"has two readings; write {one}, or {two}")
    if "function" not in two:
        assert not equal(parse_formula(one), parse_formula(two))


@pytest.mark.parametrize(("text", "correction"), pairs(OFFERED))
def test_a_refusal_offers_the_corrected_text(text: str, correction: str) -> None:
    assert refusal(text).endswith(f"perhaps you mean {correction!r}")
    parse_formula(correction)


@pytest.mark.parametrize("text", [each.strip() for each in UNKNOWN.replace("\n", "|").split(" | ")])
def test_no_correction_is_offered_where_none_is_known(text: str) -> None:
    assert "perhaps" not in refusal(text)


SUMS = [
    Sum(k**2, (k, 1, L)),
    Sum(ell**3, (ell, 1, L)),
    Sum(k**2 * (n - k) / n, (k, 0, L - 1)),
    Sum((1 + 5 / n) ** (L - k) * (1 + 1 / n) ** (k - 1), (k, 1, L)),
    Sum(k * (1 + 5 / n) ** k, (k, 1, ell)),
    Sum(2 ** (2 * k + 1) * k**3, (k, ell, L)),
    Sum((-1) ** k * k, (k, 1, L)),
    Sum((1 + 1 / n) ** k / (1 + 1 / n) ** k, (k, 1, L)),
    Sum(sympy.exp(-5 * k / n), (k, 0, L)),
    Sum(j * k, (j, 1, k), (k, 1, L)),
    Sum(Sum(2**j, (j, 0, k)) * k, (k, 1, L)),
    Sum(binomial(k, 3) + n, (k, 0, L)),
    Sum(((1 + a**2) / 3) ** k, (k, 1, L)),
    binomial(L, 2) / n,
    binomial(n + 1, n - 1),
    binomial(L, L),
]


@pytest.mark.wide
@pytest.mark.parametrize("value", SUMS, ids=str)
def test_sums_and_binomials_are_their_closed_forms(value: Expr) -> None:
    for sizes in ((3, 1, 1), (2, 7, 4), (5, 4, 4)):
        at = {**dict(zip((n, L, ell), sizes, strict=True)), a: sympy.Rational(1, 2)}
        assert equal(read_formula(value).subs(at), value.subs(at).doit())


@pytest.mark.slow
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=6), st.integers(1, 9), st.integers(1, 4))
def test_a_sum_of_any_polynomial_times_a_power(coefficients: list[int], last: int, q: int) -> None:
    summand = sum(c * k**d for d, c in enumerate(coefficients)) * sympy.Rational(q, 2) ** k
    if summand == 0:
        return
    expected = sum(summand.subs(k, i) for i in range(1, last + 1))
    assert read_formula(Sum(summand, (k, 1, L))).subs(L, last) == expected


@pytest.mark.parametrize(
    "value",
    [
        *(
            Sum(1 / k, (k, 1, L)),
            Sum(sqrt(k), (k, 1, L)),
            Sum(t**k, (k, 1, L)),
            Sum(k, (k, 1, t)),
            Sum(k, (k, -3, L)),
        ),
        *(Sum(k, (k, 1, L - 2)), Sum(k, (k, 1, L)) + k, Sum(ell, (ell, 1, L)) + ell),
        *(
            Sum(((1 + a**2) / 2) ** k, (k, 1, L)),
            Sum(k**L, (k, 1, L)),
            binomial(n, L),
            binomial(n, k),
            Sum(k, (k, 1, sympy.oo)),
        ),
    ],
    ids=str,
)
def test_sums_without_a_closed_form_are_refused(value: Expr) -> None:
    with pytest.raises(InvalidArgument, match="law"):
        read_formula(value, name="law")


def raised(base: tuple[str, Expr], exponent: tuple[str, Expr]) -> tuple[str, Expr]:
    return base[0] + exponent[0], base[1] ** exponent[1]


def beside(factors: list[tuple[str, Expr]], between: list[str]) -> tuple[str, Expr]:
    """Factors side by side, or with a sign between them, and the product that is meant."""
    text, value = factors[0]
    for (more, factor), sign in zip(factors[1:], between, strict=False):
        digits = text[-1].isdecimal() and more[0].isdecimal()
        text, value = text + (" " if digits else sign) + more, value * factor
    return text, value


ATOMS = [("n", n), ("L", L), ("η", eta), ("t", t), ("2", 2), ("3", 3), ("(n+1)", n + 1)]
ATOMS += [
    ("√3", sqrt(3)),
    ("√L", sqrt(L)),
    ("exp(t)", sympy.exp(t)),
    (r"\frac{1}{2}", sympy.S.Half),
]
EXPONENTS = [("", 1), ("²", 2), ("^2", 2), ("^-1", -1), ("^(L-1)", L - 1), ("^L", L), ("**3", 3)]
ATOMS += [("2^2L", 4**L), ("(n+1)^2L", (n + 1) ** (2 * L))]
EXPONENTS += [("^-3/2", sympy.Rational(-3, 2)), ("^{L+1}", L + 1)]
factors = st.builds(raised, st.sampled_from(ATOMS), st.sampled_from(EXPONENTS))
several = st.lists(factors, min_size=1, max_size=3)
products = st.builds(beside, several, st.lists(st.sampled_from(["", " "]), min_size=2, max_size=2))


@pytest.mark.slow
@generated(300)
@given(products, st.none() | products)
def test_a_text_that_is_read_means_what_was_meant(
    upper: tuple[str, Expr], lower: tuple[str, Expr] | None
) -> None:
    """Factors side by side, divided by factors side by side: read so, or refused.

    The square of a symbol ends with its 2: n^2L is n^2 L, as in LaTeX and Mathematica.
    """
    text, value = upper if lower is None else (f"{upper[0]}/{lower[0]}", upper[1] / lower[1])
    try:
        found = parse_formula(text)
    except InvalidArgument:
        return
    point = {n: 3, L: 5, eta: 7, t: 2}
    assert abs(sympy.N((found / value).subs(point)) - 1) < 1e-9, text


@pytest.mark.slow
def test_reading_the_first_formula_takes_a_tenth_of_a_second() -> None:
    """Of processor time, after ``import theory``, in units of the time of that import."""
    code = (
        "import time; start = time.process_time(); import theory; middle = time.process_time()\n"
        "from theory.formulas.grammar import parse_formula; parse_formula('η²L³/3')\n"
        "print((time.process_time() - middle) / (middle - start))"
    )
    shares = []
    for _ in range(3):
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        shares.append(float(run.stdout))
        time.sleep(0)
    assert min(shares) < 0.1
