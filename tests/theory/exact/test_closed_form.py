"""Closed forms in width and depth, against the recursion at numbers and a second road."""

from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import QQ, Expr, Integer, Rational, Symbol, binomial, prod
from sympy.polys.matrices import DomainMatrix

from tests.roads.test_reference import VALUES
from tests.tools.strategies import generated
from theory import (
    MLP,
    ByGroup,
    InvalidArgument,
    LeakyReLU,
    Linear,
    NotSolved,
    ReLU,
    TrainedLayers,
    derive,
    squared_update,
)
from theory.exact.rescaled_network import RescaledNetwork
from theory.laws.update import SquaredUpdate
from theory.observables import D, K, Observable, f, g, trace, x, z
from theory.symbols import L, a, c, ell, eta, kappa, n, n_0, p, q, r
from theory.words.word_maps import word_maps

PARTS = ("label", "output")
NORM = Symbol("s_0", positive=True)
GENERAL = MLP(input_width=n_0, weight_variance=c, readout_variance=r + 1, input_norm2=NORM)
"""Everything a symbol but the slope."""


@cache
def part(network: MLP, layer: object, name: str, rates: object = None) -> SquaredUpdate:
    found: SquaredUpdate = getattr(squared_update(network, layer, rates=rates), name)
    return found


@cache
def formula(network: MLP, layer: object, name: str, rates: object = None) -> Expr:
    return part(network, layer, name, rates).per_eta2


# The reference values of an independent calculation


@pytest.mark.parametrize("entry", VALUES["label"], ids=lambda e: f"{e['width']}x{e['depth']}")
def test_reference_values_of_the_label_part(entry: dict[str, int]) -> None:
    found = formula(MLP(), None, "label").subs({n: entry["width"], L: entry["depth"]})
    assert found == Rational(entry["value"])


@pytest.mark.wide
@pytest.mark.parametrize("entry", VALUES["both_parts"], ids=lambda e: f"layer {e['layer']}")
def test_reference_values_of_both_parts_at_every_layer(entry: dict[str, int]) -> None:
    sizes = {n: entry["width"], L: entry["depth"], ell: entry["layer"], n_0: entry["input_width"]}
    for name in PARTS:
        found = formula(MLP(input_width=n_0), ell, name).subs(sizes)
        assert found == Rational(entry[name])


# Against the recursion, which multiplies layer maps at numbers

SIZES = {
    "width": st.integers(1, 9),
    "depth": st.integers(1, 7),
    "input_width": st.integers(1, 5),
    "name": st.sampled_from(PARTS),
}


@generated(60)
@given(layer=st.none() | st.integers(1, 7), **SIZES)
def test_relu_at_the_last_and_any_layer(
    layer: int | None, width: int, depth: int, input_width: int, name: str
) -> None:
    at = depth if layer is None else min(layer, depth)
    symbol = None if layer is None else ell
    sizes = {n: width, L: depth, ell: at, n_0: input_width}
    exact = getattr(squared_update(MLP(width, depth, input_width=input_width), at), name)
    assert formula(MLP(input_width=n_0), symbol, name).subs(sizes) == exact.per_eta2
    equal = getattr(squared_update(MLP(width, depth), at), name)
    assert formula(MLP(), symbol, name).subs(sizes) == equal.per_eta2


@pytest.mark.slow
@generated(25)
@given(
    slope=st.fractions(0, 1, max_denominator=7),
    weight=st.sampled_from(["1/3", "2", "5"]),
    layer=st.integers(1, 7),
    **SIZES,
)
def test_every_symbol_at_once(
    slope: Fraction, weight: str, layer: int, width: int, depth: int, input_width: int, name: str
) -> None:
    at = min(layer, depth)
    activation = LeakyReLU(slope)
    exact = squared_update(
        MLP(
            width,
            depth,
            input_width=input_width,
            activation=activation,
            weight_variance=weight,
            readout_variance=3,
            input_norm2="7/2",
        ),
        at,
    )
    numbers = {
        n: width,
        L: depth,
        ell: at,
        n_0: input_width,
        a: Rational(slope),
        c: Rational(weight),
    }
    general = MLP(
        activation=LeakyReLU(),
        input_width=n_0,
        weight_variance=c,
        readout_variance=r + 1,
        input_norm2=NORM,
    )
    found = formula(general, ell, name).subs({**numbers, r: 2, NORM: Rational(7, 2)})
    assert found == getattr(exact, name).per_eta2


RATES = [
    ByGroup(first=0),
    ByGroup(last=0),
    ByGroup(2, 1, "1/2"),
    ByGroup(0, 0, 1),
    ByGroup(1, 0, 3),
    TrainedLayers(2),
    TrainedLayers(3),
    TrainedLayers(1, 3),
    TrainedLayers(2, 2),
    TrainedLayers(p),
    TrainedLayers(1, q),
    TrainedLayers(2, q),
    TrainedLayers(p, q),
]


def numbered(rates: ByGroup | TrainedLayers, depth: int, ends: dict[Symbol, int]) -> object:
    """The multipliers of a network in numbers, None for a group that has no layer."""
    if isinstance(rates, ByGroup):
        return None if depth == 1 else (rates.first, *[rates.hidden] * (depth - 2), rates.last)
    first = ends.get(rates.first, rates.first)
    last = depth if rates.last is None else ends.get(rates.last, rates.last)
    return tuple(int(first <= layer <= last) for layer in range(1, depth + 1))


@pytest.mark.slow
@generated(60)
@given(
    rates=st.sampled_from(RATES),
    symbol=st.sampled_from([None, ell, 1, 3]),
    layer=st.integers(1, 7),
    ends=st.tuples(st.integers(2, 5), st.integers(2, 5)),
    slope=st.sampled_from(["0", "1/2"]),
    **SIZES,
)
def test_multipliers_by_group_and_ranges_where_their_conditions_hold(
    rates: ByGroup | TrainedLayers,
    symbol: Symbol | int | None,
    layer: int,
    ends: tuple[int, int],
    slope: str,
    width: int,
    depth: int,
    input_width: int,
    name: str,
) -> None:
    at = min(layer, depth) if symbol == ell else depth if symbol is None else int(symbol)
    values = {p: ends[0], q: ends[1]}
    multipliers = numbered(rates, depth, values)
    if at > depth or multipliers is None:
        return
    activation = LeakyReLU(slope)
    solved = MLP(input_width=n_0, activation=activation)
    sizes = {n: width, L: depth, ell: at, n_0: input_width, **values}
    conditions = part(solved, symbol, name, rates).conditions
    if all(condition.subs(sizes) for condition in conditions):
        network = MLP(width, depth, input_width=input_width, activation=activation)
        exact = getattr(squared_update(network, at, rates=multipliers), name).per_eta2
        assert formula(solved, symbol, name, rates).subs(sizes) == exact


@pytest.mark.wide
@pytest.mark.parametrize("rates", [None, ByGroup(), TrainedLayers()])
@pytest.mark.parametrize("layer", [None, ell, 1, 4])
def test_all_trained_layers_need_no_conditions(rates: object, layer: object) -> None:
    assert squared_update(MLP(input_width=n_0), layer, rates=rates).conditions == ()
    same = formula(MLP(), layer, "output")
    assert formula(MLP(), layer, "output", rates) == same


def test_conditions_say_where_a_formula_holds() -> None:
    def conditions(layer: object, rates: object) -> tuple[Expr, ...]:
        return squared_update(MLP(), layer, rates=rates).conditions

    assert conditions(None, ByGroup(last=0)) == (L - 2 >= 0,)
    assert conditions(ell, ByGroup(last=0)) == (ell < L,)
    assert conditions(None, TrainedLayers(4)) == (L - 4 >= 0,)
    assert conditions(ell, TrainedLayers(1, q)) == (ell - q - 1 >= 0, n >= 2, n >= 3)


@pytest.mark.slow
@generated(40)
@given(
    width=st.integers(1, 4),
    depth=st.integers(1, 7),
    input_width=st.integers(1, 3),
    slope=st.sampled_from(["0", "1/3", "1"]),
    name=st.sampled_from(PARTS),
)
def test_a_width_in_numbers_where_eigenvalues_may_vanish(
    width: int, depth: int, input_width: int, slope: str, name: str
) -> None:
    activation = LeakyReLU(slope)
    solved = MLP(width, input_width=input_width, activation=activation)
    network = MLP(width, depth, input_width=input_width, activation=activation)
    exact = getattr(squared_update(network), name).per_eta2
    update = part(solved, None, name)
    if all(condition.subs(L, depth) for condition in update.conditions):
        assert formula(solved, None, name).subs(L, depth) == exact
    layered = formula(network, ell, name)
    for layer in range(1, depth + 1):
        exact = getattr(squared_update(network, layer), name).per_eta2
        assert layered.subs(ell, layer) == exact


OBSERVABLES = [
    x @ x,
    (x @ x) ** 3,
    trace(K) ** 2,
    z @ D @ K @ z,
    trace(K @ D @ K),
    g @ K @ g,
    f**4 / 3 - f**2 * (g @ g) + 2,
]


@pytest.mark.wide
@pytest.mark.parametrize("observable", OBSERVABLES, ids=repr)
@pytest.mark.parametrize("slope", ["0", "1/3"])
def test_any_observable(observable: Observable, slope: str) -> None:
    activation = LeakyReLU(slope)
    for layer in (L, ell):
        solved = derive(observable, MLP(activation=activation), layer=None if layer == L else ell)
        conditions = solved.closed_form.conditions
        for width, depth, at in ((1, 1, 1), (2, 3, 2), (5, 4, 4), (4, 5, 1)):
            exact = derive(observable, MLP(width, depth, activation=activation), layer=at).exact
            if layer == ell or at == depth:
                found = solved.exact.subs({n: width, L: depth, ell: at})
                if all(condition.subs({ell: at, L: depth}) for condition in conditions):
                    assert found == exact


@pytest.mark.slow
@pytest.mark.parametrize("layer", [L, ell])
def test_the_square_of_the_label_part(layer: Symbol) -> None:
    observable = (g @ K @ K @ g) ** 2
    solved = derive(observable, MLP(), layer=None if layer == L else ell).exact
    for width, depth, at in ((1, 1, 1), (2, 3, 2), (3, 7, 7), (5, 4, 4), (4, 5, 1), (11, 6, 3)):
        exact = derive(observable, MLP(width, depth), layer=at).exact
        if layer == ell or at == depth:
            assert solved.subs({n: width, L: depth, ell: at}) == exact


# The spectrum by a second road: zonal polynomials


def zonal_eigenvalue(partition: tuple[int, ...], width: int) -> Rational:
    """The factor by which a ReLU layer of ``width`` multiplies the mean of the zonal polynomial
    of ``partition``: prod (N - i + 2 j) over its boxes, i and j from 0, N ~ binomial(width, 1/2)
    the number of active neurons, times (2/width)^degree (Muirhead 1982, theorem 7.2.7)."""
    total = Rational(0)
    for active in range(width + 1):
        boxes = prod(
            active - i + 2 * j for i, length in enumerate(partition) for j in range(length)
        )
        total += binomial(width, active) * boxes / Integer(2) ** width
    return total * Rational(2, width) ** sum(partition)


def partitions(size: int, largest: int | None = None) -> list[tuple[int, ...]]:
    if size == 0:
        return [()]
    top = size if largest is None else min(size, largest)
    return [(k, *rest) for k in range(top, 0, -1) for rest in partitions(size - k, k)]


@pytest.mark.slow
@pytest.mark.parametrize("degree", [2, 3, 4])
def test_the_spectrum_is_that_of_zonal_polynomials(degree: int) -> None:
    matrix = derive(trace(K**degree), MLP()).layer_map
    for width in (1, 2, 5, 11):
        numbers = DomainMatrix.from_Matrix(matrix.subs(dict.fromkeys(matrix.free_symbols, width)))
        factors = [factor for factor, _ in numbers.to_field().charpoly_factor_list()]
        assert all(len(factor) == 2 for factor in factors)
        found = {QQ.to_sympy(-factor[1] / factor[0]) for factor in factors}
        assert found == {zonal_eigenvalue(each, width) for each in partitions(degree)}


# What is shown, and what is refused


def test_the_formulas_are_short() -> None:
    assert str(squared_update(MLP()).label.exact) == (
        "eta**2*(n*(1 - 1/n)**L*(n - 1)*(4*L + n + 2) + (1 + 5/n)**(L - 1)*(6*L**2*(n + 2) + "
        "2*L*(n**2 + 4*n + 13) - (n - 1)*(n + 2)*(n + 5)))/108"
    )
    output = squared_update(MLP()).output.exact
    assert len(str(output)) < 260
    assert output.subs(eta, 1) == formula(MLP(), None, "output")


def test_slopes_of_numbers_are_the_slope_symbol_at_them() -> None:
    for name in PARTS:
        general = formula(MLP(activation=LeakyReLU()), None, name)
        for slope, activation in ((0, ReLU()), (1, Linear())):
            special = formula(MLP(activation=activation), None, name)
            sizes = {n: 7, L: 5}
            assert general.subs(a, slope).subs(sizes) == special.subs(sizes)


def test_even_masks_leave_the_kurtosis_and_odd_ones_the_slope() -> None:
    leaky = MLP(activation=LeakyReLU())
    for observable, symbols in (
        (f**2 * (g @ K @ K @ g), {kappa, n}),
        (trace(K @ D @ K), {a, n}),
        (g @ D @ g, {a, n}),
    ):
        unit = RescaledNetwork(word_maps(observable), leaky)
        assert set(unit.domain.symbols) == symbols


def test_widths_that_differ_have_no_closed_form_in_the_layer() -> None:
    with pytest.raises(NotSolved, match="equal hidden widths"):
        _ = squared_update(MLP((4, 4, 8)), ell).exact


def test_multipliers_layer_by_layer_have_no_closed_form_in_the_layer() -> None:
    with pytest.raises(NotSolved, match="ByGroup"):
        _ = squared_update(MLP(4, 3), ell, rates=(1, 2, 3)).exact


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ByGroup(first=-1), "non-negative number for first"),
        (lambda: ByGroup(hidden=L), "finite number for hidden"),
        (lambda: TrainedLayers(0), "positive int for first"),
        (lambda: TrainedLayers(3, 2), "first <= last"),
        (lambda: TrainedLayers(q), r"theory\.symbols\.p"),
        (lambda: TrainedLayers(1, Symbol("k")), "give last=q"),
        (lambda: squared_update(MLP(4, 1), rates=ByGroup()), "depth of at least 2"),
        (lambda: squared_update(MLP(4, 2), rates=TrainedLayers(1, 3)), "up to 2"),
        (lambda: squared_update(MLP(), rates=(1, 1)), "where the depth is a symbol"),
    ],
)
def test_multipliers_that_are_none_are_refused(make: object, says: str) -> None:
    assert callable(make)
    with pytest.raises(InvalidArgument, match=says):
        make()
