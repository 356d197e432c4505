"""The alignment of updates with gradients: against weight polynomials, its bounds, its limits."""

import time
from functools import cache

import pytest
from hypothesis import given
from sympy import Expr, Rational

from tests.theory.words.test_gradient_observables import gradient_expectation
from tests.tools.strategies import SmallNetwork, fraction, generated, mlps, small_networks
from theory import MLP, NotSolved, Residual
from theory.laws.alignment import Alignment, alignment
from theory.symbols import L, ell, eta, n, t

KERNEL, MOVED, NORM = ("gradient", "K"), ("gradient", "KK"), ("gradient", "")
OUTPUT = (("output", ""), ("output", ""))


@cache
def solved(layer: object = None) -> Alignment:
    return alignment(MLP(), layer=layer)


@pytest.mark.slow
@generated(25)
@given(small_networks(((1,), (2,), (1, 1), (2, 1), (1, 2), (1, 1, 1))))
def test_both_moments_of_both_parts(network: SmallNetwork) -> None:
    found = alignment(network.mlp, **network.here)
    for part, factors in ((found.label, ()), (found.output, OUTPUT)):
        along = gradient_expectation((KERNEL, KERNEL, *factors), network)
        whole = gradient_expectation((NORM, MOVED, *factors), network)
        assert fraction(part.along / eta**2) == along
        assert fraction(part.whole / eta**2) == whole
    assert found.along == found.label.along + found.output.along
    assert found.whole == found.label.whole + found.output.whole


@generated(40)
@given(mlps)
def test_it_lies_between_zero_and_one(network: MLP) -> None:
    for part in (alignment(network), alignment(network).label, alignment(network).output):
        assert 0 < part.exact <= 1


@pytest.mark.parametrize("width", [1, 7])
def test_one_layer_and_one_neuron_move_along_the_gradient(width: int) -> None:
    assert alignment(MLP(width, 1)).exact == 1
    assert alignment(MLP(1, width)).exact == 1


def test_closed_forms() -> None:
    for width, depth in ((2, 5), (7, 3), (12, 9)):
        exact = alignment(MLP(width, depth)).exact
        assert solved().exact.subs({n: width, L: depth}) == exact
        layered = solved(ell).exact.subs({n: width, L: depth, ell: depth - 1})
        assert layered == alignment(MLP(width, depth), layer=depth - 1).exact


def test_the_leading_term_is_that_of_the_exact_ratio() -> None:
    def error(depth: int) -> Expr:
        exact = solved().exact.subs({n: 10**12, L: depth}).evalf(60)
        return exact / solved().leading().subs(L, depth) - 1

    assert abs(error(60)) < 0.01
    assert error(60) / error(120) > 1.9


@pytest.mark.parametrize("name", ["label", "output"])
def test_the_joint_limit_is_approached_like_one_over_the_width(name: str) -> None:
    part: Alignment = getattr(solved(), name)
    ratio = Rational(1, 2)

    def error(width: int) -> Expr:
        exact = part.exact.subs({n: width, L: ratio * width}).evalf(40)
        return exact / part.joint_limit().subs({n: width, t: ratio}).evalf(40) - 1

    assert 1.9 < error(2**11) / error(2**12) < 2.1


def test_nothing_moves_without_training() -> None:
    still = alignment(MLP(4, 2), rates=(0, 0))
    assert still.along == still.whole == 0
    with pytest.raises(NotSolved, match="nothing moves"):
        _ = still.exact
    with pytest.raises(NotSolved, match="symbolic width and depth"):
        still.joint_limit()


@pytest.mark.slow
def test_the_formulas_of_open_blocks_are_their_leading_term() -> None:
    """The closed form has half a million characters in LaTeX."""
    found = alignment(Residual())
    begun = time.thread_time()
    assert found.latex().endswith("&\\sim  \\frac{25}{51}\n\\end{aligned}")
    assert time.thread_time() - begun < 4
    assert found.at(n=10**9, B=10**6).evaluate() == pytest.approx(25 / 51, rel=1e-5)
