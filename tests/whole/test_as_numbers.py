"""Values at operators, formats and names that they do not have: one sentence, and never a guess."""

import math
import operator
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from sympy import Float, Integer, Rational, latex, pi, sympify

from tests.tools.values import VALUES
from theory import MLP, InvalidArgument, maximal_learning_rate, numbers, squared_update
from theory.coverage import Answering
from theory.symbols import L, eta
from verify import check, compare_law, monte_carlo, typical_learning_rate

NETWORK = MLP(8, 2)
DERIVED = squared_update(NETWORK)
MEASURED = monte_carlo(NETWORK, samples=1000, seed=1)
TYPICAL = typical_learning_rate(NETWORK, samples=1000, seed=1)
BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod]
ORDER = [operator.lt, operator.le, operator.gt, operator.ge]


@pytest.mark.parametrize("value", [DERIVED, MEASURED, MEASURED.label, TYPICAL], ids=repr)
@pytest.mark.parametrize("apply", [*BINARY, *ORDER], ids=lambda each: each.__name__)
def test_an_operator_is_refused_on_both_sides(value: Any, apply: Callable[..., Any]) -> None:
    for pair in ((value, 2), (2, value), (value, value), (value, np.float64(2))):
        with pytest.raises(TypeError, match=r"expected a number at an operator, .* float\(value\)"):
            apply(*pair)


@pytest.mark.parametrize("value", [DERIVED, MEASURED, MEASURED.label, TYPICAL], ids=repr)
@pytest.mark.parametrize(
    "call",
    [
        sympify,
        sympy.N,
        sympy.simplify,
        sympy.sqrt,
        sympy.expand,
        lambda value: sympy.lambdify((), value),
        lambda value: sympy.Matrix([value]),
        lambda value: sympy.diff(value, eta),
        lambda value: eta * value,
        lambda value: eta**value,
        lambda value: Integer(2) * value,
        lambda value: Rational(1, 2) + value,
        lambda value: Float(2) / value,
        lambda value: sympy.Eq(value, 1),
        lambda value: eta == value,
        lambda value: value == eta,
    ],
)
def test_sympy_takes_no_value_for_its_float(value: Any, call: Callable[..., Any]) -> None:
    """The float is at eta = 1: in an expression it would lack eta**2."""
    with pytest.raises(InvalidArgument, match=r"an expression for SymPy, got .*float\(value\)"):
        call(value)


@pytest.mark.parametrize("value", [DERIVED, squared_update(MLP()), MEASURED, TYPICAL], ids=repr)
@pytest.mark.parametrize("call", [bool, operator.not_, lambda value: value and 1])
def test_a_value_is_no_condition(value: Any, call: Callable[..., Any]) -> None:
    with pytest.raises(InvalidArgument, match="a comparison in a condition"):
        call(value)


@pytest.mark.parametrize(
    "call",
    [
        *(operator.matmul, operator.floordiv, divmod),
        lambda value, other: math.floor(value),
        lambda value, other: math.ceil(value),
        lambda value, other: math.trunc(value),
        lambda value, other: operator.index(value),
        lambda value, other: +value,
        lambda value, other: np.array([1.0, 2.0]) * value,
        lambda value, other: value - np.array([1.0, 2.0]),
        lambda value, other: np.float32(2) * value,
        lambda value, other: np.mean([value, value]),
    ],
)
def test_the_rest_of_arithmetic_is_refused_too(call: Callable[..., Any]) -> None:
    with pytest.raises(InvalidArgument, match="at an operator"):
        call(DERIVED, 2)


def test_a_float_is_at_the_rate_1_and_complex_is_it() -> None:
    assert complex(DERIVED) == float(DERIVED) == np.asarray(DERIVED, dtype=float)
    with pytest.raises(InvalidArgument, match="open sizes n, L"):
        complex(squared_update(MLP()))


def test_no_traceback_names_a_private_error() -> None:
    with pytest.raises(TypeError) as refusal:
        DERIVED + 1
    assert not type(refusal.value).__name__.startswith("_")


@pytest.mark.parametrize("call", [operator.neg, abs, round, int, sorted, sum, max])
def test_so_are_functions_of_numbers(call: Callable[..., Any]) -> None:
    given: Any = [DERIVED, DERIVED] if call in (sorted, sum, max) else DERIVED
    with pytest.raises(InvalidArgument, match="at an operator"):
        call(given)
    assert sorted([DERIVED], key=float) == [DERIVED]


@pytest.mark.parametrize("value", [MEASURED, MEASURED.label, TYPICAL], ids=repr)
def test_a_measured_quantity_is_read_as_its_number(value: Any) -> None:
    assert float(value) == value.value
    assert f"{value:.3f}" == f"{value.value:.3f}"
    assert f"{value}" == str(value)


def test_several_layers_are_not_one_number() -> None:
    several = monte_carlo(NETWORK, layer=(1, 2), samples=1000, seed=1)
    with pytest.raises(InvalidArgument, match=r"the 2 layers of Estimate; .* value.value\[0\]"):
        float(several)


@pytest.mark.parametrize(
    ("value", "name", "why"),
    [
        (DERIVED, "subs", "its expression has, exact.subs"),
        (DERIVED, "leading_order", "the nearest name is leading"),
        (DERIVED, "n", "its names are at, "),
        (MEASURED, "ci", "where effective_samples is large"),
        (MEASURED.label, "std", "standard_error is the standard error of the mean"),
        (TYPICAL, "rates", "the nearest name is rate"),
        (check("L**3/3", claim="leading", simulate=False), "verdicts", "nearest name is verdict"),
        (compare_law(networks=[NETWORK], samples=1000, seed=1), "to_pandas", "name is frame"),
    ],
)
def test_a_name_that_is_not_there_is_answered(value: Any, name: str, why: str) -> None:
    assert not hasattr(value, name)
    with pytest.raises(AttributeError, match=f"{type(value).__name__} has no {name}: .*{why}"):
        getattr(value, name)


@pytest.mark.parametrize("name", VALUES)
def test_names_with_an_underscore_are_as_python_has_them(name: str) -> None:
    """Else copies, pickles and notebooks would take the answer for a method."""
    value = VALUES[name](NETWORK)
    assert pickle.loads(pickle.dumps(value)) == value
    assert getattr(value, "_repr_png_", None) is None


def test_an_error_inside_a_property_is_its_own() -> None:
    class Broken(Answering):
        @property
        def size(self) -> int:
            return ().missing  # type: ignore[attr-defined]

    with pytest.raises(AttributeError, match="'tuple' object has no attribute 'missing'"):
        _ = Broken().size


def test_latex_of_sympy_is_that_of_the_value() -> None:
    for value in (DERIVED, maximal_learning_rate(MLP())):
        assert latex(value) == value.latex()


PARTS = ["1/(L - 4)", "log(L - 4)", "log(L - 5)", "sqrt(L - 5)", "1/sqrt(L - 4)"]


@pytest.mark.parametrize("part", PARTS)
def test_numbers_refuse_a_part_that_is_infinite_or_complex(part: str) -> None:
    expression = sympify(part, {"L": L}) * L + 5
    for depth in (4, [8, 4]):
        with pytest.raises(InvalidArgument, match=f"numbers, got {re.escape(part)} at L=4;"):
            numbers(expression, L=depth)
    assert numbers(expression, L=8) == pytest.approx(float(expression.subs(L, 8)))


def test_numbers_of_laws_with_constants() -> None:
    assert numbers(pi * L + Float("1.5"), L=2) == pytest.approx(2 * pi.evalf() + 1.5)
