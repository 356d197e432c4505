"""Laws of the public strategies: bounds kept, all can be simulated, the simplest is the least."""

import ast
import subprocess
import sys
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from sympy import Expr, Rational, Symbol

from tests.tools.strategies import generated
from theory import MLP, InvalidArgument, LeakyReLU, Linear, ReLU, squared_update
from theory.symbols import L, a, ell, eta, n, n_0, t
from verify.samplers.problem import numeric_problem
from verify.strategies import (
    Point,
    activations,
    formulas,
    layers,
    multipliers,
    networks,
    points,
    scales,
)

SYMBOLS = (n, L, ell, n_0, eta, t, a)
anything = networks(
    equal_widths=False,
    activations=activations(),
    input_widths=st.none() | st.integers(1, 6),
    weight_variances=scales(),
    readout_variances=scales(),
    input_norms2=scales(),
)
bounds = st.tuples(st.integers(1, 40), st.integers(1, 40)).map(sorted)


def always(_: Any) -> bool:
    return True


@generated(50)
@given(st.data(), bounds, bounds, st.booleans())
def test_bounds_are_kept(data: st.DataObject, widths: Any, depths: Any, equal: bool) -> None:
    network = data.draw(
        networks(
            min_width=widths[0],
            max_width=widths[1],
            min_depth=depths[0],
            max_depth=depths[1],
            equal_widths=equal,
        )
    )
    assert depths[0] <= network.layers <= depths[1]
    assert all(widths[0] <= width <= widths[1] for width in network.widths)
    assert not equal or len(set(network.widths)) == 1
    assert network == MLP(network.width, network.depth)


@pytest.mark.slow
@generated(60)
@given(points(anything, rates=True))
def test_every_point_is_in_numbers_and_can_be_derived_and_simulated(point: Point) -> None:
    network, layer, rates = point
    problem = numeric_problem(network, layer=layer, rates=rates, step=None)
    assert problem.widths.tolist() == list(network.widths)
    assert problem.rates.any()
    assert problem.rates.max() <= 3
    assert rates is not None
    value = squared_update(network, layer, rates=rates).label.per_eta2
    assert value.is_Rational
    assert (value > 0) == any(rates[:layer])


NAMES = {each.__name__: each for each in (MLP, Point, Fraction, LeakyReLU, Linear, ReLU)}


def read(node: ast.expr) -> Any:
    """The value of code made of calls of `NAMES`, tuples and constants."""
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        named = {str(keyword.arg): read(keyword.value) for keyword in node.keywords}
        return NAMES[node.func.id](*map(read, node.args), **named)
    if isinstance(node, ast.Tuple):
        return tuple(map(read, node.elts))
    assert isinstance(node, ast.Constant)
    return node.value


@generated(50)
@given(points(anything, rates=True))
def test_a_point_is_printed_as_code_that_reads_back(point: Point) -> None:
    assert read(ast.parse(repr(point), mode="eval").body) == point


@given(st.data(), anything)
def test_layers_are_hidden_layers(data: st.DataObject, network: MLP) -> None:
    assert 1 <= data.draw(layers(network)) <= network.layers


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_every_layer_is_drawn(layer: int) -> None:
    assert find(layers(MLP(2, 3)), lambda each: each == layer) == layer


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "simplest"),
    [
        (networks(), MLP(1, 1)),
        (networks(min_width=3, min_depth=2), MLP(3, 2)),
        (anything, MLP(1, 1)),
        (activations(), ReLU()),
        (scales(), None),
        (layers(MLP(5, 4)), 1),
        (multipliers(MLP(5, 3)), (1, 1, 1)),
        (points(anything, rates=True), Point(MLP(1, 1), 1, (1,))),
        (points(), Point(MLP(1, 1), 1, None)),
        (formulas(), 1),
    ],
)
def test_the_simplest_value(strategy: Any, simplest: Any) -> None:
    assert find(strategy, always) == simplest


@pytest.mark.wide
@pytest.mark.parametrize(
    ("strategy", "holds", "smallest"),
    [
        (networks(), lambda x: x.layers >= 3, MLP(1, 3)),
        (networks(), lambda x: x.width + x.layers >= 6, MLP(5, 1)),
        (networks(), lambda x: x.width >= 4 and x.layers >= 2, MLP(4, 2)),
        (anything, lambda x: isinstance(x.activation, Linear), MLP(1, 1, activation=Linear())),
        (anything, lambda x: x.input_width == 3, MLP(1, 1, input_width=3)),
        (anything, lambda x: len(set(x.widths[1:])) == 3, None),
        (anything, lambda x: x.s != 1, None),
        (points(rates=True), lambda x: x.layer == 2, Point(MLP(1, 2), 2, (1, 1))),
        (points(rates=True), lambda x: 0 in x.rates, Point(MLP(1, 2), 1, (1, 0))),
    ],
)
def test_shrinking_goes_by_depth_then_width_then_layer(
    strategy: Any, holds: Any, smallest: Any
) -> None:
    found = find(strategy, holds, settings=settings(max_examples=3000, derandomize=True))
    if smallest is not None:
        assert found == smallest
    elif found.s != 1:
        assert found == MLP(1, 1, readout_variance=found.s)
    else:
        assert sorted(found.widths[1:]) == [1, 2, 3]
        assert found == MLP(found.width)


@pytest.mark.slow
@pytest.mark.parametrize("symbols", [(), (n,), (L, ell), (n, t), SYMBOLS])
@pytest.mark.parametrize("roots", [False, True])
def test_formulas_are_in_their_symbols_and_never_zero(
    symbols: tuple[Symbol, ...], roots: bool
) -> None:
    @settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
    @given(formulas(*symbols, roots=roots))
    def holds(formula: Expr) -> None:
        assert formula != 0
        assert formula.free_symbols <= set(symbols or (n, L))
        sizes = {symbol: Rational(3, 2) + k for k, symbol in enumerate(SYMBOLS)}
        assert formula.subs(sizes).evalf(20).is_real

    holds()


@pytest.mark.slow
def test_formulas_have_what_laws_have() -> None:
    assert find(formulas(max_terms=1), lambda formula: formula.has(1 + 1 / n)) == (1 + 1 / n) ** L
    rates = formulas(L, roots=True, max_terms=1)
    assert find(rates, lambda formula: formula**2 == L**-3) == L ** Rational(-3, 2)
    assert find(formulas(n, max_terms=2), lambda formula: formula.is_Add) == n + 1


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({"min_width": 0}, "min_width=0"),
        ({"max_depth": "3"}, "max_depth='3'"),
        ({"min_width": 3, "max_width": 2}, "min_width=3 and max_width=2"),
        ({"min_depth": True}, "min_depth=True"),
        ({"activations": ReLU()}, r"activations=ReLU\(\)"),
        ({"input_widths": 3}, "input_widths=3"),
        ({"input_norms2": [1, 2]}, r"input_norms2=\[1, 2\]"),
    ],
)
def test_networks_refuses_by_name_and_value(arguments: Any, shown: str) -> None:
    with pytest.raises(InvalidArgument, match=shown):
        networks(**arguments)


def test_the_others_refuse_by_name_and_value() -> None:
    with pytest.raises(InvalidArgument, match="depth=L"):
        layers(MLP(4))
    with pytest.raises(InvalidArgument, match="network=3"):
        multipliers(3)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="networks=MLP"):
        points(MLP(1, 1))  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="max_terms=0"):
        formulas(max_terms=0)
    with pytest.raises(InvalidArgument, match="got q"):
        formulas(n, Symbol("q"))


WITHOUT = """
import sys
sys.modules["hypothesis"] = None
import verify, verify.testing
try:
    import verify.strategies
except ModuleNotFoundError as error:
    print(error.name, error)
"""


@pytest.mark.slow
def test_only_the_strategies_need_hypothesis() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("hypothesis verify.strategies needs Hypothesis")
    assert done.stdout.count("\n") == 1
