"""Every value answers every question of one interface, with a number or with one sentence."""

from collections.abc import Callable
from typing import Any

import pytest
from sympy import Expr, Integer, Rational, sympify

from tests.tools.values import VALUES
from theory import (
    MLP,
    InvalidArgument,
    LeakyReLU,
    NotSolved,
    numbers,
    squared_update,
    transfer_learning_rate,
)
from theory.symbols import L, eta, n, n_0
from verify import Dense, monte_carlo

NETWORKS = {
    "open": MLP(),
    "in numbers": MLP(8, 3),
    "of width 8": MLP(8),
    "of depth 3": MLP(depth=3),
    "of two widths": MLP((8, 5)),
    "leaky": MLP(input_width=n_0, activation=LeakyReLU()),
    "deep": MLP(64, 10**5),
}
MEMBERS: dict[str, Callable[[Any], Any]] = {
    "exact": lambda value: value.exact,
    "leading": lambda value: value.leading(),
    "evaluate": lambda value: value.evaluate(),
    "float": float,
    "call": lambda value: value(**dict.fromkeys(map(str, value.open_sizes), 2)),
    "arrays": lambda value: value(*([[2, 3]] * len(value.open_sizes))),
    "at": lambda value: value.at(n=64),
    "lambdify": lambda value: value.lambdify(),
    "width_series": lambda value: value.width_series(1),
    "joint_limit": lambda value: value.joint_limit(),
    "latex": lambda value: value.latex(),
    "repr": repr,
    "format": lambda value: f"{value:.3g}",
}
TRANSFER = transfer_learning_rate("0.05", MLP(256, 8), MLP(1024, 32))
ALL: dict[str, Callable[[MLP], Any]] = {**VALUES, "transfer": lambda network: TRANSFER}


SLOW = {"observable", "spread"}
"""Of a leaky slope that is a symbol: seconds to minutes."""
SECONDS = {("spread", "open"), ("layer rates", "deep")}
SECONDS |= {(name, "leaky") for name in ALL if name != "label"}
CASES = [
    pytest.param(name, where, marks=[pytest.mark.slow] if (name, where) in SECONDS else [])
    for name in ALL
    for where in NETWORKS
    if where != "leaky" or name not in SLOW
]
NAMES = [pytest.param(name, marks=[pytest.mark.slow] if name == "spread" else []) for name in ALL]


def answer(value: Any, member: str) -> tuple[Any, str]:
    """What a member gives, or the sentence with which it refuses."""
    try:
        return MEMBERS[member](value), ""
    except (InvalidArgument, NotSolved) as refusal:
        return None, str(refusal)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "where"), CASES)
def test_every_value_has_every_member(name: str, where: str) -> None:
    value = ALL[name](NETWORKS[where])
    assert set(MEMBERS) - set(dir(value)) == {"call", "arrays", "float", "repr", "format"}
    for member in MEMBERS:
        found, refusal = answer(value, member)
        assert (found is None) == bool(refusal)
        assert not refusal or member not in ("repr", "lambdify")
        assert len(refusal) < 400
        assert "\n" not in refusal
        if member == "repr":
            assert max(map(len, found.splitlines())) <= 400
        if member == "latex" and found:
            assert found.count("{") == found.count("}")
            assert value._repr_latex_() == f"$\\displaystyle {found}$"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_exists_is_answered(name: str) -> None:
    """Of an open network, and of one in numbers: no refusal without need."""
    opened, closed = (ALL[name](network) for network in (MLP(), MLP(8, 3)))
    refused = {member for member in MEMBERS if answer(opened, member)[1]}
    without_number = {"evaluate", "float", "format"}
    expected = {
        "transfer": {"leading", "width_series", "joint_limit", "at"},
        "odd": without_number | {"joint_limit"},
        "rate of the mean": without_number | {"exact", "width_series", "joint_limit"},
        "layer rates": without_number | {"exact", "width_series", "joint_limit"},
    }
    assert refused == expected.get(name, without_number)
    several = {"float", "format"} if name in ("spread", "kernel", "layer rates") else set()
    limits = {"width_series", "joint_limit", "at"} | ({"leading"} - {"leading" * (name == "odd")})
    assert {member for member in MEMBERS if answer(closed, member)[1]} == limits | several


OPEN = sorted({*VALUES} - {"odd"})


@pytest.mark.wide
@pytest.mark.parametrize("name", OPEN)
def test_members_of_a_network_in_numbers_are_one_number(name: str) -> None:
    value = VALUES[name](MLP(8, 3))
    evaluated = value.evaluate(17)
    exact = value.exact
    if not isinstance(exact, tuple):
        assert float(value) == float(evaluated) == float(f"{value:.17g}")
        assert f"{value}" == str(value)
        exact, evaluated = (exact,), (evaluated,)
    assert value() == pytest.approx(tuple(map(float, evaluated)), rel=1e-15) or len(exact) == 1
    for one, other in zip(exact, evaluated, strict=True):
        assert float(sympify(one).subs(eta, 1).evalf(20)) == pytest.approx(float(other), rel=1e-12)


FIXED = dict.fromkeys(("update", "label", "output"), Integer(0))
"""The powers of n with which series begin, whatever the leading term."""


def parts(found: Any) -> tuple[Any, ...]:
    return tuple(found) if isinstance(found, tuple) else (found,)


@pytest.mark.wide
@pytest.mark.parametrize("depth", [None, 3], ids=["open", "depth 3"])
@pytest.mark.parametrize("name", OPEN)
def test_a_width_series_is_that_of_the_value(name: str, depth: int | None) -> None:
    """The rest after two terms shrinks with the width as its next order says."""
    value, width = VALUES[name](MLP(depth=depth)), 10**5
    if name == "layer rates" or (name == "rate of the mean" and depth is None):
        with pytest.raises(NotSolved, match=": "):
            value.width_series(1)
        return
    series, leading = (
        value.width_series(2),
        value.at(L=3).leading() if not depth else value.leading(),
    )
    if isinstance(series[0], Expr):
        series, leading = (series,), (leading,)
    for coefficients, term, number in zip(
        series, leading, parts(value.at(n=width)(*[3][depth or 0 :])), strict=True
    ):
        assert len(coefficients) == 3
        power = sympify(term).subs(eta, 1).as_coeff_exponent(n)[1]
        first = FIXED.get(name, power)
        shown = [float(c.subs(L, 3)) for c in coefficients]
        size = float(width) ** float(first)
        rest = number / size - shown[0] - shown[1] / width
        assert abs(rest * width**2 - shown[2]) < 1e-2 * max(1, abs(shown[2]))


@pytest.mark.wide
@pytest.mark.parametrize(
    "name", sorted(set(OPEN) - {"layer rates", "rate of the mean", "a constant"})
)
def test_a_joint_limit_is_that_of_the_value(name: str) -> None:
    """The relative difference shrinks like 1/n."""
    value = VALUES[name](MLP())
    limit, errors = value.joint_limit(), []
    for width in (10**4, 10**5):
        at = {"n": width, "t": Rational(1, 10)} if limit.has(n) else {"t": Rational(1, 10)}
        found = value(width, width // 10)
        if name in ("spread", "kernel"):
            found = (found.standard_deviation / found.mean) ** 2
        errors.append(abs(found / numbers(limit.subs(eta, 1), **at) - 1))
    assert errors[0] < 0.1
    assert errors[1] < errors[0] / 3


@pytest.mark.wide
@pytest.mark.parametrize("where", ["open", "in numbers", "of depth 3"])
@pytest.mark.parametrize("name", ALL)
def test_values_and_estimates_share_what_a_comparison_reads(name: str, where: str) -> None:
    value = ALL[name](NETWORKS[where])
    assert value.error == 0
    assert value.total == value
    assert name != "alignment" or value.layer == value.network.depth
    if name in ("update", "readout", "alignment"):
        assert value.label.label == value.label != value.output
    if not value.open_sizes and where == "in numbers":
        assert value.value == value()
    elif value.open_sizes:
        with pytest.raises(NotSolved, match="value in numbers"):
            assert value.value
    if "rate" in name:
        with pytest.raises(NotSolved, match="has no part from the output: take the part"):
            assert value.output


def test_an_estimate_is_compared_as_a_value() -> None:
    network = MLP(16, 3)
    for layer in (None, 2):
        derived = squared_update(network, layer)
        measured = monte_carlo(network, layer=layer, samples=4000, seed=5)
        assert derived.layer == measured.layer
        for part in ("total", "label", "output"):
            one, other = getattr(derived, part), getattr(measured, part)
            assert other.error > 0
            assert abs(one.value - other.value) < 6 * other.error
    assert monte_carlo(network, layer=(1, 3), samples=100, seed=1).layer == (1, 3)
    with pytest.raises(AttributeError, match="real step has no label"):
        assert monte_carlo(network, step=1e-3, samples=100, seed=1, sampler=Dense()).label
