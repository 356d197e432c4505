"""Residual networks: values found elsewhere, the closed form, and what the prompt shows."""

import math
import time
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Rational

from theory import (
    MLP,
    Branch,
    ByRole,
    InvalidArgument,
    LeakyReLU,
    NotSolved,
    Residual,
    alignment,
    derive,
    readout_update,
    squared_update,
    tangent_kernel,
)
from theory.observables import D, K, g, trace, x, z
from theory.symbols import B, b, eta, n

SQUARE = Residual(3, 2, multiplier2="1/2")
UNEQUAL = Residual(
    5,
    2,
    multiplier2="1/8",
    branch_width=3,
    activation=LeakyReLU("1/2"),
    weight_variance=ByRole(input="1/2", up="8/5", down=2),
    readout_variance=3,
)
TWICE_DOWN = ByRole(down=2)
FOUND_ELSEWHERE: list[tuple[Residual, Any, Any, str, str]] = [
    (SQUARE, None, 0, "9/4", "5780/729"),
    (SQUARE, None, 1, "127/8", "2338945/17496"),
    (SQUARE, None, Branch(1), "69/8", "24565/486"),
    (SQUARE, None, 2, "16327/216", "2541448385/1889568"),
    (SQUARE, None, Branch(2), "5405/108", "201523945/314928"),
    (UNEQUAL, TWICE_DOWN, 0, "75/16", "1734656/390625"),
    (UNEQUAL, TWICE_DOWN, 1, "3649837/320000", "562736592803/37500000000"),
    (UNEQUAL, TWICE_DOWN, Branch(1), "6351/512", "124394809/7812500"),
    (UNEQUAL, TWICE_DOWN, 2, "57035758487/2400000000", "794157664157977/19200000000000"),
    (UNEQUAL, TWICE_DOWN, Branch(2), "159554929/6000000", "808034333779673/18000000000000"),
]
"""Exact values that another calculation gave, which agreed with literal networks."""
SCALINGS = [
    {},
    {"multiplier2": 1 / B**2},
    {"multiplier2": 1, "weight_variance": ByRole(up=2 / B, down=1 / B)},
    {"multiplier2": "1/2", "skip2": "1/2"},
]
PLACES = (None, 0, b, Branch(b), Branch(B))


@pytest.mark.parametrize(("network", "rates", "layer", "label", "output"), FOUND_ELSEWHERE)
def test_values_are_those_found_elsewhere(
    network: Residual, rates: Any, layer: Any, label: str, output: str
) -> None:
    update = squared_update(network, layer, rates=rates)
    assert update.label.per_eta2 == Rational(label)
    assert update.output.per_eta2 == Rational(output)
    assert update.per_eta2 == Rational(label) + Rational(output)


@pytest.mark.slow
@settings(max_examples=20)
@given(st.sampled_from(PLACES), st.integers(1, 6), st.integers(1, 5), st.data())
def test_the_closed_form_is_what_the_blocks_give_one_by_one(
    place: Any, width: int, blocks: int, data: st.DataObject
) -> None:
    _is_closed({}, place, "label", width, blocks, data.draw(st.integers(1, blocks)))


@pytest.mark.slow
@settings(max_examples=15)
@given(
    st.sampled_from(SCALINGS),
    st.sampled_from(PLACES),
    st.sampled_from(("label", "output")),
    st.integers(1, 6),
    st.integers(1, 5),
    st.data(),
)
def test_the_closed_form_of_every_scaling_is_what_the_blocks_give(
    scales: dict[str, Any], place: Any, part: str, width: int, blocks: int, data: st.DataObject
) -> None:
    _is_closed(scales, place, part, width, blocks, data.draw(st.integers(1, blocks)))


def _is_closed(
    scales: dict[str, Any], place: Any, part: str, width: int, blocks: int, block: int
) -> None:
    """The closed form at numbers equals the recursion."""
    exact = getattr(squared_update(Residual(**scales), place), part).per_eta2
    layer = {b: block, Branch(b): Branch(block), Branch(B): Branch(blocks)}.get(place, place)
    at = getattr(squared_update(Residual(width, blocks, **scales), layer), part)
    assert exact.subs({n: width, B: blocks, b: block}) == at.per_eta2


def test_values_at_numbers_keep_their_digits() -> None:
    update = squared_update(Residual())
    exact = squared_update(Residual(64, 16)).per_eta2
    assert update(64, 16) == float(exact)
    assert update(n=64, B=[16, 16]).tolist() == [float(exact)] * 2
    assert abs(update(10**6, 10**4) / 94.2104652637 - 1) < 1e-3
    assert update.lambdify().log(64, 16) == pytest.approx(math.log(float(exact)), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(10**6, 10**4), (10**3, 10**6), (10**100, 10**100)])
def test_many_blocks_take_no_time(sizes: tuple[int, int]) -> None:
    squared_update(Residual(4, 2))()
    began = time.process_time()
    assert len(repr(squared_update(Residual(*sizes)))) < 600
    assert time.process_time() - began < 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("value", "begins"),
    [
        (squared_update(Residual()), "SquaredUpdate after block B of Residual(): 51*"),
        (squared_update(SQUARE, Branch(2)), "SquaredUpdate in the branch of block 2 of Residual("),
        (squared_update(SQUARE, 0).label, "SquaredUpdate, label part, before block 1 of Residual("),
        (
            squared_update(Residual(), b),
            "SquaredUpdate after block b of Residual(): eta**2*(2 + b/B)*",
        ),
        (derive(trace(K), SQUARE), "Derivation of E[tr(K)] after block 2 of Residual(width=3, bl"),
        (alignment(SQUARE), "Alignment after block 2 of Residual("),
        (tangent_kernel(Residual()), "Spread of gᵀKg over networks of Residual(): mean 5*exp(1)/2"),
        (readout_update(Residual()), "ReadoutUpdate, E[(Δf)²] of Residual(): eta**2*n**2*exp(2)"),
    ],
)
def test_values_say_where_they_are(value: Any, begins: str) -> None:
    assert repr(value).startswith(begins)
    assert len(repr(value)) < 600


@pytest.mark.slow
def test_latex_names_the_stream_and_the_branch() -> None:
    assert r"\Delta h^{(2)}_i" in squared_update(SQUARE).latex()
    assert r"\Delta (U^{(2)} h^{(1)})_i" in squared_update(SQUARE, Branch(2)).latex()
    assert r"\Delta (U^{(b)} h^{(b - 1)})_i" in squared_update(Residual(), Branch(b)).label.latex()


def test_observables_of_the_stream() -> None:
    assert derive(x @ x - z @ z, Residual()).exact == 0
    assert derive(g @ K @ g, Residual()).leading().subs(B, 1).evalf() > 0
    layer_map = derive(trace(K), Residual()).layer_map
    assert layer_map.subs(B, 4) == derive(trace(K), Residual(blocks=4)).layer_map
    width_3 = derive(trace(K), Residual(3, 4)).layer_map
    assert layer_map.subs({B: 4, n: 3}) == width_3


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: derive(trace(D @ K), Residual()), InvalidArgument, "x is z there: leave D out"),
        (lambda: derive(trace(K), Residual(), layer=Branch(b)), NotSolved, "inside a branch"),
        (lambda: alignment(SQUARE, layer=Branch(1)), NotSolved, "inside a branch"),
        (lambda: derive(trace(K), Residual()).general_layer_map, NotSolved, "use layer_map"),
        (lambda: squared_update(Residual(), b).joint_limit(), NotSolved, "leave layer out"),
        (lambda: squared_update(Residual()).positive_sum(), NotSolved, "solved for an MLP"),
        (lambda: squared_update(Residual()).joint_law(), NotSolved, "use joint_limit()"),
        (lambda: squared_update(Residual()).growth(), NotSolved, "block_limit()"),
        (lambda: squared_update(MLP()).block_limit(), NotSolved, "give Residual()"),
        (lambda: squared_update(Residual()).law, NotSolved, "not solved"),
        (lambda: Branch(0), InvalidArgument, "from 1 to 10**100 for block"),
        (lambda: squared_update(SQUARE, 3), InvalidArgument, "from 0 to 2 for block"),
        (lambda: squared_update(SQUARE, rates=(1, 2)), InvalidArgument, "expected ByRole("),
        (
            lambda: squared_update(SQUARE)(3, 2),
            InvalidArgument,
            ") fixes all sizes: leave them out",
        ),
    ],
)
def test_what_is_not_covered_is_one_sentence(call: Any, error: Any, says: str) -> None:
    with pytest.raises(error) as raised:
        call()
    assert says in str(raised.value)
    assert len(str(raised.value)) < 400


def test_exact_rationals_of_a_deep_network_are_quick() -> None:
    began = time.process_time()
    assert squared_update(Residual(1000, 500)).in_field > 80
    assert time.process_time() - began < 3


def test_the_exact_value_has_eta_squared() -> None:
    update = squared_update(SQUARE)
    assert update.exact == update.per_eta2 * eta**2
    assert update.value == float(Fraction(int(update.per_eta2.p), int(update.per_eta2.q)))
