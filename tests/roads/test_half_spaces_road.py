"""`squared_update` against integrals over half-spaces, where masks are sign functions."""

from fractions import Fraction

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.roads.half_spaces import width_one, width_two
from tests.tools.strategies import (
    NUMBERS,
    ONE,
    THIRD,
    SmallNetwork,
    fraction,
    generated,
    small_networks,
)
from theory import squared_update

DEAD = SmallNetwork((2, 2), (ONE, -ONE), Fraction(0), (ONE, ONE), 2)
LEAKY = SmallNetwork((2, 2), (Fraction(2),), Fraction(1, 50), (Fraction(1, 3), Fraction(5, 2)), 2)


def road(network: SmallNetwork) -> dict[str, object]:
    return {
        "depth": len(network.widths),
        "layer": network.layer,
        "input_width": len(network.x),
        "input_norm2": network.norm2,
        "slope": network.slope,
        "rates": network.rates,
    }


def parts(network: SmallNetwork) -> tuple[Fraction, Fraction]:
    update = squared_update(network.mlp, **network.here)
    return fraction(update.label.per_eta2), fraction(update.output.per_eta2)


@generated(40)
@given(small_networks(((1,), (1, 1), (1, 1, 1), (1, 1, 1, 1)), slopes=(*NUMBERS[:3], THIRD)))
def test_width_one_exactly(network: SmallNetwork) -> None:
    assert parts(network) == width_one(**road(network))  # type: ignore[arg-type]


@pytest.mark.parametrize("slope", [Fraction(0), Fraction(1, 3), Fraction(1)])
@pytest.mark.parametrize(
    ("depth", "layer"), [(d, layer) for d in (1, 2, 3) for layer in range(1, d + 1)]
)
def test_width_one_at_every_layer(depth: int, layer: int, slope: Fraction) -> None:
    rates = (Fraction(2), Fraction(1, 3), Fraction(5, 2))[:depth]
    network = SmallNetwork((1,) * depth, (ONE, Fraction(-2)), slope, rates, layer)
    assert parts(network) == width_one(**road(network))  # type: ignore[arg-type]


def assert_width_two(network: SmallNetwork) -> None:
    """To 25 digits of the 30 that the angular integrals have."""
    for exact, integral in zip(parts(network), width_two(**road(network)), strict=True):  # type: ignore[arg-type]
        with mpmath.workdps(40):
            error = abs(integral - mpmath.mpf(exact.numerator) / exact.denominator)
            assert error <= abs(integral) * mpmath.mpf(10) ** -25


@generated(5)
@given(small_networks(((2,), (2, 2)), slopes=(Fraction(0), THIRD, ONE, Fraction(1, 50))))
def test_width_two_to_25_digits(network: SmallNetwork) -> None:
    assert_width_two(network)


@pytest.mark.slow
@pytest.mark.parametrize("network", [DEAD, LEAKY], ids=["dead layers", "nearly dead layers"])
def test_dead_layers_do_no_harm(network: SmallNetwork) -> None:
    assert_width_two(network)


@given(st.integers(1, 3), st.data())
def test_a_layer_moves_only_if_a_layer_up_to_it_is_trained(depth: int, data: st.DataObject) -> None:
    layer = data.draw(st.integers(1, depth))
    trained = data.draw(st.integers(1, depth))
    rates = tuple(Fraction(int(k == trained)) for k in range(1, depth + 1))
    network = SmallNetwork((1,) * depth, (ONE,), THIRD, rates, layer)
    assert (not any(parts(network))) == (trained > layer)
    assert parts(network) == width_one(**road(network))  # type: ignore[arg-type]
