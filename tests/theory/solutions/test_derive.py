"""`derive`: linear in the observable, and symbols stand for every number."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sympy import Expr, Rational, Symbol

from tests.tools.strategies import (
    GRADIENT_OBSERVABLES,
    KERNEL_OBSERVABLES,
    NUMBERS,
    POSITIVE,
    SmallNetwork,
    generated,
    observables,
    rational,
    small_networks,
)
from theory import MLP, InvalidArgument, LeakyReLU, Linear, ReLU, derive
from theory.observables import K, Observable, Vector, f, g, trace, x, z
from theory.symbols import a, n, n_0

# Laws of the mean


@generated(40)
@given(
    observables,
    observables,
    st.sampled_from(POSITIVE),
    st.sampled_from(NUMBERS),
    small_networks(((3, 2), (2, 4, 3), (5,))),
)
def test_the_mean_is_linear_in_the_observable(
    one: Observable, two: Observable, p: Fraction, q: Fraction, network: SmallNetwork
) -> None:
    assume(network.slope or g @ g not in (one, two))  # |g|^2 alone is not derived for ReLU

    def mean(observable: Observable) -> Expr:
        return derive(observable, network.mlp, **network.here).exact

    assert mean(p * one + q * two + 7) == rational(p) * mean(one) + rational(q) * mean(two) + 7


def test_the_mean_of_nothing_is_zero() -> None:
    for network in (MLP(2, 2), MLP(depth=2)):
        assert derive(f**2 - f**2, network).exact == 0
        assert derive(0 * trace(K), network).exact == 0


@pytest.mark.parametrize("odd", [f, f**3, f * trace(K)], ids=str)
def test_odd_powers_of_the_output_have_mean_zero(odd: Observable) -> None:
    for layer in (1, 2):
        assert derive(odd, MLP(3, 2), layer=layer).exact == 0
        assert derive(odd, MLP(depth=2), layer=layer).exact == 0


def test_the_activation_is_the_masked_pre_activation() -> None:
    # Critical variance keeps E|x|^2 per neuron constant.
    for activation in (ReLU(), Linear(), LeakyReLU("1/3")):
        for layer in (1, 2, 3):
            mean = derive(x @ x, MLP((4, 2, 5), activation=activation), layer=layer).exact
            assert mean == (4, 2, 5)[layer - 1]


# Sizes as symbols


small_observables = st.sampled_from(KERNEL_OBSERVABLES + GRADIENT_OBSERVABLES + (trace(K**3),))


@pytest.mark.slow
@generated(40)
@given(small_observables, st.integers(1, 6), st.integers(1, 9), st.data())
def test_a_symbolic_width_is_every_width(
    observable: Observable, depth: int, width: int, data: st.DataObject
) -> None:
    layer = data.draw(st.integers(1, depth))
    rates = [data.draw(st.sampled_from(POSITIVE)) for _ in range(depth)]
    activation = LeakyReLU(data.draw(st.sampled_from(["0", "1/3", "1"])))
    symbolic = derive(observable, MLP(depth=depth, activation=activation), layer=layer, rates=rates)
    numeric = derive(observable, MLP(width, depth, activation=activation), layer=layer, rates=rates)
    assert symbolic.exact.subs(n, width) == numeric.exact


@generated(15)
@given(
    small_observables,
    st.integers(1, 3),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.sampled_from(["1/5", "1/2", "1"]),
    st.data(),
)
def test_symbolic_input_width_and_slope_are_every_number(
    observable: Observable,
    depth: int,
    sizes: tuple[int, int],
    slope: str,
    data: st.DataObject,
) -> None:
    layer = data.draw(st.integers(1, depth))
    symbolic = MLP(depth=depth, input_width=n_0, activation=LeakyReLU())
    numeric = MLP(sizes[0], depth, input_width=sizes[1], activation=LeakyReLU(slope))
    mean = derive(observable, symbolic, layer=layer).exact
    numbers = {n: sizes[0], n_0: sizes[1], a: Rational(slope)}
    assert mean.subs(numbers) == derive(observable, numeric, layer=layer).exact


@generated(20)
@given(small_observables, st.integers(1, 4), st.integers(1, 9), st.data())
def test_symbolic_variances_are_every_variance(
    observable: Observable, depth: int, width: int, data: st.DataObject
) -> None:
    q = Symbol("q", positive=True)
    layer = data.draw(st.integers(1, depth))
    value = data.draw(st.sampled_from([Rational(1, 2), Rational(3)]))

    def mean(scale: Expr, size: Expr) -> Expr:
        network = MLP(
            size,
            depth,
            activation=LeakyReLU("0.5"),
            weight_variance=3 * scale,
            readout_variance=1 / scale,
            input_norm2=scale**2,
        )
        return derive(observable, network, layer=layer).exact

    numbers = {q: value, n: width}
    assert mean(q, n).subs(numbers) == mean(q, width).subs(numbers) == mean(value, width)


@pytest.mark.parametrize("rates", [(0, 1), (1, 0), (0, 0)])
@pytest.mark.parametrize("observable", [trace(K @ K), g @ K @ K @ g, z @ K @ z], ids=str)
def test_untrained_layers_at_a_symbolic_width(
    observable: Observable, rates: tuple[int, int]
) -> None:
    symbolic = derive(observable, MLP(depth=2), rates=rates).exact
    for width in (1, 2, 7):
        assert symbolic.subs(n, width) == derive(observable, MLP(width, 2), rates=rates).exact


# What is refused


@pytest.mark.parametrize("vector", [z, K @ g, K @ z])
def test_a_vector_is_refused(vector: Vector) -> None:
    with pytest.raises(InvalidArgument, match=r"got the vector observable=.*; give a form"):
        derive(vector, MLP(4, 2))  # type: ignore[arg-type]
