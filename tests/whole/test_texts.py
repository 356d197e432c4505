"""A value's text is that value: what is printed evaluates to it, and formulas can be read again."""

import copy
import pickle
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.vendor import pretty
from sympy import Expr, Rational, Symbol, srepr, sympify

import theory
import verify
from tests.tools.strategies import generated
from tests.tools.values import SINGLE, TRANSFER
from theory import (
    MLP,
    ByGroup,
    EveryHiddenLayer,
    FirstLayer,
    HiddenLayers,
    LastLayer,
    LeakyReLU,
    Linear,
    MeanOverLayers,
    NetworkOutput,
    Readout,
    ReLU,
    TrainedLayers,
    derive,
    layer_rates,
    maximal_learning_rate,
    numbers,
    squared_update,
    tangent_kernel,
)
from theory.laws.kurtosis import joint_limit_in_kurtosis, width_series_in_kurtosis
from theory.observables import K, trace
from theory.symbols import L, a, ell, eta, n, n_0, p, q
from verify import Conditioned, Dense, Gram, RareEvents, strategies
from verify.strategies import Point, activations, networks, points, scales

NAMES = {
    **vars(theory.symbols),
    **{name: getattr(theory, name) for name in theory.__all__},
    **{name: getattr(verify, name) for name in verify.__all__},
    "Point": Point,
    "Fraction": Fraction,
    "S": sympy.S,
}
"""What a user has imported who pastes a repr."""


def read(text: str) -> Any:
    return eval(text, dict(NAMES))


NUMBERS = st.fractions(min_value=Fraction(1, 60), max_value=60, max_denominator=60)
BY_LAYER = st.none() | NUMBERS | st.sampled_from([a / 3, 2 * n_0**2, (a + Rational(2, 7)) / n_0])
SCALES = BY_LAYER | st.sampled_from([n / 2 + Rational(1, 3), (a + Rational(2, 7)) / n])
SIZES = st.none() | st.integers(1, 10**9)
SLOPES = st.fractions(min_value=0, max_value=1, max_denominator=50)
PLAIN = st.one_of(
    st.builds(
        MLP,
        st.lists(st.integers(1, 99), min_size=1, max_size=4).map(tuple),
        input_norm2=BY_LAYER,
        readout_variance=BY_LAYER,
    ),
    st.builds(
        MLP,
        SIZES,
        input_width=SIZES | st.just(n_0),
        activation=st.one_of(
            st.just(ReLU()), st.just(Linear()), st.just(LeakyReLU()), SLOPES.map(LeakyReLU)
        ),
        weight_variance=st.none() | NUMBERS,
        readout_variance=SCALES,
        input_norm2=SCALES,
    ),
    st.builds(MLP, SIZES, SIZES),
    SLOPES.map(LeakyReLU),
    st.sampled_from([ReLU(), Linear(), LeakyReLU(), FirstLayer(), HiddenLayers(), Readout()]),
    *(
        st.builds(kind, NUMBERS)
        for kind in (EveryHiddenLayer, LastLayer, MeanOverLayers, NetworkOutput)
    ),
    st.builds(ByGroup, *[st.just(0) | NUMBERS] * 3),
    st.sampled_from([TrainedLayers(), TrainedLayers(2), TrainedLayers(2, 5), TrainedLayers(p, q)]),
    st.sampled_from([Gram(), Conditioned(), Dense(), RareEvents()]),
    points(
        networks(equal_widths=False, activations=activations(), readout_variances=scales()),
        rates=True,
    ),
    st.builds(Point, st.just(MLP(2, 2)), st.just(1), st.just((Rational(1, 3), Rational(2)))),
)


def has_a_fraction(point: Point) -> bool:
    return any(Fraction(rate).denominator > 1 for rate in point.rates or ())


@generated(200)
@given(PLAIN)
def test_the_repr_of_a_plain_value_evaluates_to_it(value: Any) -> None:
    again = read(repr(value))
    assert again == value
    assert type(again) is type(value)
    assert repr(again) == repr(value)
    assert pretty.pretty(value).replace("\n", "") == repr(value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "strategy",
    [
        networks(readout_variances=scales().filter(lambda s: s and s.denominator == 3)),
        networks(activations=activations().filter(lambda each: 0 < each.slope < 1)),
        points(rates=True).filter(has_a_fraction),
        st.builds(MLP, st.just(2), st.just(1), weight_variance=st.just(Fraction(1, 3))),
        st.builds(LastLayer, st.just(Fraction(1, 3))),
    ],
    ids=["scales", "slopes", "rates", "builds", "criteria"],
)
def test_what_hypothesis_prints_evaluates_to_the_example(strategy: Any) -> None:
    failed: list[Any] = []

    @settings(derandomize=True, database=None, deadline=None)
    @given(strategy)
    def claim(value: Any) -> None:
        failed.append(value)
        raise AssertionError

    with pytest.raises(AssertionError) as refusal:
        claim()
    text = re.sub(r"\s*# .*", "", "".join(refusal.value.__notes__))
    (shown,) = re.findall(r"value=(.*),\n\)", text, re.DOTALL)
    assert read(shown.replace("\n", "")) == failed[-1]


def test_a_point_is_the_arguments_of_what_it_is_for() -> None:
    assert squared_update(*Point(MLP(2, 3), 1)) == squared_update(MLP(2, 3), 1)
    rates = (1, Fraction(1, 2), 0)
    update = squared_update(*Point(MLP(2, 3), 2, rates))
    assert update == squared_update(MLP(2, 3), 2, rates=rates)
    assert strategies.Point(MLP(2, 3), 1, (Rational(1, 3),) * 3).__repr__().count("Fraction") == 3


def expressions() -> Iterator[tuple[str, Expr]]:
    """Every kind of SymPy expression that the package returns, of many networks."""
    own = tuple(Symbol(f"n_{i}", integer=True, positive=True) for i in (1, 2))
    plain = [MLP(), MLP(8), MLP(depth=3), MLP(64, 8), MLP(10, 40), MLP(activation=LeakyReLU())]
    for network in (*plain, MLP(own), MLP(7, 30, activation=LeakyReLU("1/3")), MLP(depth=12)):
        kinds = ["update", "label", "output", "rate", "alignment label"]
        if not isinstance(network.width, tuple):
            kinds += ["readout", "readout rate"]
            yield f"kernel of {network!r}", tangent_kernel(network).variance()
        yield from ((f"{kind} of {network!r}", SINGLE[kind](network).exact) for kind in kinds)
    for slope in (ReLU(), LeakyReLU("1/3"), Linear()):
        u = squared_update(MLP(activation=slope))
        yield from ((f"limit, {slope}", part.joint_limit()) for part in (u.label, u.output, u))
        yield from ((f"series, {slope}", each) for each in u.width_series(3))
        yield f"leading, {slope}", u.leading()
        yield f"growth, {slope}", u.label.growth()
        yield f"positive sum, {slope}", u.label.positive_sum()
        yield f"spread, {slope}", u.label.spread.joint_limit()
        yield f"small t, {slope}", u.label.joint_law().small_t()
    general = squared_update(MLP(activation=LeakyReLU()))
    yield "kurtosis", width_series_in_kurtosis(general.label, 1)[1]
    yield "limit in kurtosis", joint_limit_in_kurtosis(general.label)
    yield "layer", squared_update(MLP(input_width=n_0), ell).exact
    yield "trained", squared_update(MLP(), rates=TrainedLayers(p, q)).label.exact
    yield "groups", squared_update(MLP(), rates=ByGroup(2, 1, "1/3")).label.exact
    yield "observable", SINGLE["observable"](MLP()).exact
    rates = layer_rates(MLP(16, 5))
    yield from ((f"together {i}", each) for i, each in enumerate(rates.together))
    yield "share", rates.share
    yield "moved", rates.moved_output
    yield "leading share", layer_rates(MLP()).leading_share()
    yield "rate of several layers", maximal_learning_rate(MLP(depth=2), rates=(5, 1)).exact
    mean = maximal_learning_rate(MLP(depth=3), criterion=MeanOverLayers("1/7"))
    yield "rate of the mean", mean.exact
    yield "leading rate", mean.leading()
    yield "transfer", TRANSFER.exact
    yield "ratio", TRANSFER.ratio


def same_numbers(one: Expr, two: Expr) -> bool:
    """At two points, to 12 digits."""
    if one.free_symbols != two.free_symbols or one.has(sympy.Sum):
        return one.has(sympy.Sum) and bool(one.free_symbols == two.free_symbols)
    for shift in (0, 2):
        point = {
            s.name: (3 + k + shift if s.is_integer else Rational(1, 2 + k + shift))
            for k, s in enumerate(sorted(one.free_symbols - {eta}, key=str))
        }
        assert numbers(one, **point) == pytest.approx(numbers(two, **point), rel=1e-12)
    return True


@pytest.mark.slow
def test_every_formula_that_is_returned_can_be_read_again() -> None:
    names: dict[str, Any] = {}
    exec("from sympy import *", names)
    kinds = set()
    for what, expression in expressions():
        symbols = {str(symbol): symbol for symbol in expression.free_symbols}
        symbols["i"] = Symbol("i", integer=True, nonnegative=True)
        again = sympify(str(expression), locals=symbols)
        assert again == expression or same_numbers(expression, again), what
        assert eval(srepr(expression), dict(names)) == expression, what
        assert pickle.loads(pickle.dumps(expression)) == expression, what
        kinds |= {type(node) for node in sympy.preorder_traversal(expression)}
    assert all(kind.__module__.startswith("sympy.") for kind in kinds)


@pytest.mark.slow
def test_a_root_of_thousands_of_digits_is_read_as_a_power_of_its_value() -> None:
    exact = maximal_learning_rate(MLP(1000, 300)).exact
    assert exact**-2 == squared_update(MLP(1000, 300)).per_eta2
    names: dict[str, Any] = {}
    exec("from sympy import *", names)
    for again in (sympify(str(exact)), eval(srepr(exact), names)):
        assert again**-2 == exact**-2
        assert again.evalf(30) == exact.evalf(30)
    assert pickle.loads(pickle.dumps(exact)) == exact


def test_the_issue() -> None:
    exact = maximal_learning_rate(MLP(64, 8)).exact
    assert sympify(str(exact)) == exact
    assert exact**-2 == squared_update(MLP(64, 8)).per_eta2
    assert "readout_variance='1/3'" in repr(MLP(readout_variance=Fraction(1, 3)))
    assert repr(MLP(readout_variance=a + Rational(1, 3))) == "MLP(readout_variance=a + S(1)/3)"
    assert L.is_integer


@pytest.mark.parametrize(
    "used",
    [
        lambda: (squared_update(MLP()), lambda u: u.joint_limit()),
        lambda: (derive(trace(K @ K), MLP(depth=3)), lambda d: d.exact),
        lambda: (derive(trace(K), MLP()), lambda d: d.leading()),
        lambda: (maximal_learning_rate(MLP()).validity("0.1"), lambda v: (v.ratio, v.least_depth)),
    ],
)
def test_values_pickle_and_copy_after_they_were_used(used: Any) -> None:
    value, use = used()
    first = use(value)
    for copied in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value)):
        assert copied == value
        assert use(copied) == first
