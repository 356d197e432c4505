"""Formulas from users: what is read, what is refused, and at what cost."""

import gc
import time
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sympy import (
    Expr,
    Float,
    Function,
    Integral,
    Pow,
    Rational,
    Symbol,
    exp,
    log,
    oo,
    pi,
    sqrt,
    zoo,
)

from tests.tools.hostile_formulas import HEAVY, REFUSED
from tests.tools.strategies import generated
from theory import MLP, InvalidArgument, LeakyReLU, Linear, maximal_learning_rate, squared_update
from theory.formulas.grammar import MAX_LENGTH, parse_formula, read_formula
from theory.symbols import L, a, ell, eta, n, n_0, t

LIGHT, HEAVIEST, MEGABYTES = 12.5, 25.0, 50
"""Bounds on a text's processor time, in units of a million additions (40 ms on an idle
processor)."""
SYMBOLS = (n, L, ell, n_0, eta, t, a)


def outcome_of(text: str) -> Expr | InvalidArgument:
    try:
        return parse_formula(text)
    except InvalidArgument as error:
        return error


def a_million_additions() -> float:
    """Processor seconds, here and now."""
    start, total = time.process_time(), 0
    for i in range(10**6):
        total += i
    return time.process_time() - start


FIRST_UNIT = a_million_additions()


def in_units(seconds: float) -> float:
    """Processor seconds in millions of additions: as when the tests began, or here and now where
    that exceeds the bound, so that other work on the machine makes no difference."""
    work = seconds / FIRST_UNIT
    return work if work < LIGHT else seconds / max(FIRST_UNIT, a_million_additions())


def cost(text: str) -> tuple[Expr | InvalidArgument, float, float]:
    """What parsing gives or raises, processor time in millions of additions, and the most megabytes
    held.  The garbage of all other tests is left alone meanwhile."""
    gc.freeze()
    start = time.process_time()
    outcome = outcome_of(text)
    work = in_units(time.process_time() - start)
    gc.unfreeze()
    tracemalloc.start()
    outcome_of(text)
    memory = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return outcome, work, memory


@pytest.mark.wide
@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text[:24]))
def test_hostile_text_is_refused_in_one_sentence_at_bounded_cost(text: str) -> None:
    outcome, work, megabytes = cost(text)
    assert isinstance(outcome, InvalidArgument), outcome
    message = str(outcome)
    assert "for formula, got formula=" in message
    assert len(message) < 400
    assert message.isprintable()
    assert work < LIGHT
    assert megabytes < MEGABYTES


@pytest.mark.slow
@pytest.mark.parametrize("text", HEAVY, ids=lambda text: ascii(text[:24]))
def test_heavy_text_is_built_or_refused_at_bounded_cost(text: str) -> None:
    outcome, work, megabytes = cost(text)
    assert isinstance(outcome, Expr | InvalidArgument)
    assert work < HEAVIEST
    assert megabytes < MEGABYTES


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2.5", Rational(5, 2)),
        ("1e-3", Rational(1, 1000)),
        (".5E+1", Rational(5)),
        ("-n**2", -(n**2)),
        ("2^-n", 2**-n),
        ("n/L/t", n / (L * t)),
        ("n-L-t", n - L - t),
        ("n - -L", n + L),
        ("+n", n),
        ("η²·L³/3", eta**2 * L**3 / 3),
        ("(n₀ − 1)×ℓ⁻²", (n_0 - 1) * ell**-2),
        ("n⋅√(n+1)^3", n * (n + 1) ** Rational(3, 2)),
        ("√n*√2", sqrt(2) * sqrt(n)),
        ("l + n0", ell + n_0),
        ("exp(2*log(n))", n**2),
        ("exp(L*log(1+5/n))", exp(L * log(1 + 5 / n))),
        ("(-1)^L", (-1) ** L),
        ("sqrt(4)", Rational(2)),
        ("0^2*n", Rational(0)),
        (" n\n + \tL ", n + L),
    ],
)
def test_text_means_what_python_and_typeset_formulas_mean(text: str, value: Expr) -> None:
    assert parse_formula(text) == value


NETWORKS = {
    "relu": MLP(),
    "leaky": MLP(activation=LeakyReLU(a)),
    "tenth": MLP(activation=LeakyReLU("0.1")),
    "linear": MLP(activation=Linear()),
    "input": MLP(input_width=n_0, activation=LeakyReLU(a)),
    "numbers": MLP(16, 100),
}


def own_laws(key: str) -> Iterator[Expr]:
    """Our laws of one of `NETWORKS`, in all their forms."""
    network = NETWORKS[key]
    update = squared_update(network)
    for each in (update, update.label, update.output):
        yield each.exact
        if key != "numbers":
            yield each.leading()
            yield from each.width_series(2)
            if key != "input":
                yield each.joint_limit()
    if key != "numbers":
        yield squared_update(network, ell).exact
        yield maximal_learning_rate(network).leading()
    if key == "relu":
        yield maximal_learning_rate(network).exact


def same(one: Expr, other: Expr) -> bool:
    """Equal as written, or, where a number was multiplied into a sum, once expanded."""
    return bool(one == other or (one - other).expand() == 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "key",
    [pytest.param(key, marks=[pytest.mark.slow] if key == "input" else []) for key in NETWORKS],
)
def test_our_own_laws_are_read_back_as_printed(key: str) -> None:
    for law in own_laws(key):
        assert same(parse_formula(str(law)), law)
        assert read_formula(law) == law


@pytest.mark.parametrize(
    ("text", "place", "fix"),
    [
        ("L^3 3", "character 5", "write products with *"),
        ("n(n+1)", "character 1", "n*(n+1)"),
        ("n + q", "character 5", "n, L, ell, n_0, eta, t, a"),
        ("sin(n)", "character 1", "sqrt, exp, log"),
        ("E", "character 1", "exp(1)"),
        ("n+ν", "GREEK SMALL LETTER NU", "digits"),
        ("1 + 1/(L - L)", "character 6", "not zero"),
        ("(n", "character 3", "close a bracket"),
        ("|x|^4", "VERTICAL LINE", "write n for |x|^2 of the input"),
        ("‖x‖⁴", "DOUBLE VERTICAL LINE", "call check with observable=x @ x"),
        ("prod_{k=1}^L (1+5/n)", "character 1", "write a product of equal factors as a power"),
        ("∏_{k=1}^L n", "N-ARY PRODUCT", "write a product of equal factors as a power"),
        ("Theta(L^3)", "character 1", "an order has no constant to test"),
        ("n + Ω(L)", "CAPITAL LETTER OMEGA", "and leave the remainder out"),
        ("sum(k for k in range(L))", "character 7", "write a sum as Sum(k**2, (k, 1, L))"),
        ("n)", "character 2", "leave it out"),
    ],
)
def test_a_refusal_says_where_and_what_to_write(text: str, place: str, fix: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parse_formula(text, name="law")
    assert f"law={text!r}" in str(refused.value)
    assert place in str(refused.value)
    assert fix in str(refused.value)


numbers = st.fractions(-9, 9, max_denominator=9).map(lambda f: Rational(f.numerator, f.denominator))
positive_sums = st.builds(lambda s, k: s + k, st.sampled_from(SYMBOLS), st.integers(1, 9))


def grown(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    exponents = st.sampled_from([-2, -1, 2, 3])
    return st.one_of(
        st.builds(lambda x, y: x + y, inner, inner),
        st.builds(lambda x, y: x * y, inner, inner),
        st.builds(lambda x, y: x - y, inner, inner),
        st.builds(lambda x, k: x**k if x != 0 else x, inner, exponents),
        st.builds(lambda x, k: x ** (L - k), positive_sums, st.integers(0, 3)),
        st.builds(lambda x, k: x ** Rational(k, 2), positive_sums, st.sampled_from([-3, -1, 1, 3])),
        st.builds(lambda x, k: exp(k * x), positive_sums, numbers),
        st.builds(log, positive_sums),
    )


expressions = st.recursive(st.sampled_from(SYMBOLS) | numbers, grown, max_leaves=8)


@generated(150)
@given(expressions)
@example(2 * (n + 1) * L / (n * (n + 2)))
@example(Pow(2 * (n + 1) * L, -1))
def test_what_is_printed_is_read_back(expression: Expr) -> None:
    text = str(expression)
    if "E" in text or len(text) > MAX_LENGTH:
        return
    assert same(parse_formula(text), expression)
    assert same(read_formula(expression), expression)


ALPHABET = "nLteaηℓ₀0123456789.+-−*×·/^()√²³⁻ \t_esqrtexplogE,=[]{}'\"\\\x00αν\u200b"


@pytest.mark.slow
@generated(400)
@given(st.text(ALPHABET, max_size=40) | st.text(max_size=40))
@example("n²^2")
def test_random_text_raises_nothing_else(text: str) -> None:
    outcome = outcome_of(text)
    assert isinstance(outcome, Expr) or str(outcome).isprintable()


def test_symbols_of_the_right_names_become_ours() -> None:
    impostors = Symbol("eta") ** 2 * Symbol("L", positive=True) ** 3 / Symbol("n", integer=True)
    assert read_formula(impostors) == eta**2 * L**3 / n


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (3, 3),
        (0.1, Rational(1, 10)),
        (Fraction(2, 3), Rational(2, 3)),
        (Float("0.1") * n, n / 10),
        ("n^2", n**2),
        (exp(1) * n, exp(1) * n),
        (n * sqrt(L), n * sqrt(L)),
    ],
)
def test_other_kinds_of_formulas(value: object, read: Expr) -> None:
    assert read_formula(value) == read


def shared(levels: int) -> Expr:
    """An expression whose tree is 2**levels as large as it is stored."""
    value: Expr = n
    for _ in range(levels):
        value = Pow(value + 1, value, evaluate=False)
    return value


@pytest.mark.parametrize(
    "value",
    [
        *(True, None, b"n", [n], (n,), {n}, 1j, float("nan"), float("inf"), object(), int, n > L),
        *(Symbol("q"), Symbol("N") * n, Symbol("n", commutative=False), oo, zoo, pi * n, sqrt(-1)),
        *(Function("f")(n), Integral(n, (n, 0, L)), 10**10_000, Float("1e-400"), n ** (10**6)),
        *(Pow(10, Pow(10, 10), evaluate=False), Pow(0, -1, evaluate=False), shared(30), log(-n)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_values_are_refused_by_name(value: object) -> None:
    start = time.process_time()
    with pytest.raises(InvalidArgument, match="law"):
        read_formula(value, name="law")
    assert in_units(time.process_time() - start) < LIGHT


@pytest.mark.parametrize("value", [3, None, b"n", n])
def test_only_text_is_parsed(value: Any) -> None:
    with pytest.raises(InvalidArgument, match="expected text for formula"):
        parse_formula(value)
