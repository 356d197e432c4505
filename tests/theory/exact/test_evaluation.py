"""Exact values as decimal numbers, and series in the width, against exact arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf, workdps
from sympy import Rational, limit

from tests.tools.strategies import generated
from theory import MLP, InvalidArgument, LeakyReLU, NotSolved, derive, squared_update
from theory.observables import K, f, g, trace
from theory.symbols import n


def close(measured: mpf, exact: Rational, digits: int) -> bool:
    with workdps(digits + 20):
        return bool(abs(measured * int(exact.q) / int(exact.p) - 1) < mpf(10) ** -digits)


@generated(30)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=8).map(tuple),
    st.sampled_from(["0", "0.3", "1"]),
    st.integers(5, 50),
    st.data(),
)
def test_evaluate_is_exact_to_the_digits_asked(
    widths: tuple[int, ...], slope: str, digits: int, data: st.DataObject
) -> None:
    layer = data.draw(st.integers(1, len(widths)))
    update = squared_update(MLP(widths, activation=LeakyReLU(slope)), layer)
    for part in (update, update.label, update.output):
        assert close(part.evaluate(digits), part.per_eta2, digits - 1)


def test_evaluate_at_depth_300() -> None:
    update = squared_update(MLP(50, 300))
    assert close(update.evaluate(40), update.per_eta2, 39)


def test_any_observable_is_evaluated() -> None:
    derivation = derive(trace(K) ** 2 * (g @ K @ g) * f**2, MLP(7, 4), layer=2)
    assert close(derivation.evaluate(25), derivation.exact, 24)


@pytest.mark.parametrize("variance", ["1e80", "1e-120"])
def test_few_digits_are_right_beyond_the_range_of_double_precision(variance: str) -> None:
    for layer in (1, 4):
        derivation = derive(
            f**2 * (g @ K @ K @ g), MLP(5, 4, weight_variance=variance), layer=layer
        )
        assert close(derivation.evaluate(9), derivation.exact, 8)


def test_few_digits_are_right_where_doubles_lose_theirs_before_they_vanish() -> None:
    """Subnormal numbers on the way, and an ordinary number at the end."""
    for scales in ({"readout_variance": "1e100"}, {"input_norm2": "1e50"}, {}):
        network = MLP(5, 3, weight_variance="1e-82", **scales)  # type: ignore[arg-type]
        (derivation,) = squared_update(network).label.derivations
        assert close(derivation.evaluate(9), derivation.exact, 8)


def test_evaluate_needs_numbers() -> None:
    for network in (MLP(depth=3), MLP(3), MLP()):
        with pytest.raises(InvalidArgument, match=r"open sizes .*put numbers in"):
            squared_update(network).label.derivations[0].evaluate()


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_width_series_agrees_to_the_next_order(depth: int) -> None:
    update = squared_update(MLP(depth=depth))
    for part in (update, update.label, update.output):
        series = part.width_series(3)
        assert len(series) == 4
        rest = part.per_eta2 - sum(c / n**k for k, c in enumerate(series))
        assert limit(rest * n**3, n, "oo") == 0


def test_what_is_not_solved_yet_says_what_to_give() -> None:
    with pytest.raises(NotSolved, match="leave width out"):
        squared_update(MLP(4)).width_series(1)
    with pytest.raises(NotSolved, match="leave depth out"):
        _ = squared_update(MLP(2, 2)).law
