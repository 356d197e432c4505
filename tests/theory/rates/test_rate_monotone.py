"""The proof that the update grows from layer to layer: sound, and found where it should be."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Rational

from tests.tools.strategies import generated
from theory import MLP, ByGroup, LeakyReLU, Linear, TrainedLayers, squared_update
from theory.algebra.fields import field_of
from theory.algebra.power_sum import PowerSum, depth_ring
from theory.rates.growth_proof import certainly_non_negative, certainly_rises, rises_at_all_sizes
from theory.symbols import ell, n, n_0

PROVEN = [
    (MLP(), None),
    (MLP(input_width=n_0), None),
    (MLP(activation=LeakyReLU()), None),
    (MLP(activation=Linear()), None),
    (MLP(readout_variance=3, input_norm2="1/2"), None),
    (MLP(input_width=n_0), ByGroup(first=1, hidden=0, last=0)),
    (MLP(input_width=n_0), ByGroup(first=0)),
    (MLP(), ByGroup(first="1/5")),
]
SIZES = st.fixed_dictionaries({"width": st.integers(1, 7), "depth": st.integers(2, 7)})


@pytest.mark.parametrize(("network", "rates"), PROVEN, ids=repr)
def test_growth_is_proven_for_label_and_output(network: MLP, rates: Any) -> None:
    update = squared_update(network, ell, rates=rates)
    assert certainly_rises(update)
    assert certainly_rises(update.label)
    assert certainly_rises(update.output)


@pytest.mark.parametrize(
    ("network", "rates"),
    [(MLP(weight_variance="1/2"), None), (MLP(), ByGroup(hidden=0)), (MLP(), TrainedLayers(3))],
    ids=repr,
)
def test_growth_is_not_claimed_where_it_fails_or_is_not_known(network: MLP, rates: Any) -> None:
    assert not certainly_rises(squared_update(network, ell, rates=rates))


@generated(20)
@given(SIZES, st.integers(1, 9), st.sampled_from(["0", "1/3", "1"]), st.integers(0, 3))
def test_exact_values_rise_where_growth_is_proven(
    sizes: dict[str, int], inputs: int, slope: str, first: int
) -> None:
    network = MLP(**sizes, input_width=inputs, activation=LeakyReLU(slope))
    rates = (first,) + (1,) * (network.layers - 1)
    layers = range(1, network.layers + 1)
    for part in ("label", "output"):
        moves = [
            getattr(squared_update(network, layer, rates=rates), part).value for layer in layers
        ]
        assert moves == sorted(moves)
    assert rises_at_all_sizes(network, squared_update(network, rates=rates).derivations[0].rates)


def test_widths_or_multipliers_that_differ_are_not_proven() -> None:
    assert not rises_at_all_sizes(MLP((3, 4)), None)
    network = MLP(3, 3)
    rates = squared_update(network, rates=(1, 1, 0)).derivations[0].rates
    assert not rises_at_all_sizes(network, rates)


FIELD = field_of(frozenset({n}))
RING = depth_ring(FIELD)
coefficients = st.lists(st.integers(-6, 6), min_size=1, max_size=3)
bases = st.sampled_from([n / (n + 1), 1 + 5 / n, 1 - 1 / n, (n + 3) / n, n * 0 + 1])


@generated(150)
@given(coefficients, coefficients, bases, bases, st.lists(st.integers(1, 40), min_size=3))
def test_what_is_certified_is_never_negative(
    high: list[int], low: list[int], alpha: Any, beta: Any, widths: list[int]
) -> None:
    total = PowerSum(RING, {})
    for numbers, base in ((high, alpha), (low, beta)):
        generator = RING.gens[1]
        poly = sum((c * generator**k for k, c in enumerate(numbers)), RING.zero)
        part = PowerSum(RING, {frozenset(): poly} if poly else {})
        total += part.times_power(FIELD.from_sympy(Rational(0) + base), ell)
    if not certainly_non_negative(total):
        return
    for width in widths:
        for layer in range(1, 9):
            assert value(high, alpha, width, layer) + value(low, beta, width, layer) >= 0


def value(numbers: list[int], base: Any, width: int, layer: int) -> Fraction:
    number = Rational(base.subs(n, width))
    exact = Fraction(int(number.p), int(number.q))
    return sum((Fraction(c * layer**k) for k, c in enumerate(numbers)), Fraction(0)) * exact**layer
