"""A number of blocks is finite: at an open block, the leading term takes the limit in n alone."""

from typing import Any

import pytest
from sympy import Rational, simplify

from theory import (
    MLP,
    Branch,
    ByRole,
    NotSolved,
    Residual,
    TrainedLayers,
    alignment,
    derive,
    squared_update,
    tangent_kernel,
)
from theory.observables import K, trace
from theory.symbols import B, b, ell, eta, n, p, q

NETWORK = Residual(blocks=8)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["total", "label", "output"])
def test_the_leading_term_at_an_open_block_is_that_of_every_block(part: str) -> None:
    law = getattr(squared_update(NETWORK, b), part).leading()
    for block in (1, 4, 8):
        exact = getattr(squared_update(NETWORK, block), part).leading()
        assert simplify(law.subs(b, block) - exact) == 0


@pytest.mark.parametrize(
    ("layer", "options"),
    [(Branch, {}), (int, {"rates": ByRole(up=2)})],
)
def test_branches_and_multipliers_keep_all_powers_of_the_block(layer: Any, options: Any) -> None:
    open_place = b if layer is int else layer(b)
    law = squared_update(NETWORK, open_place, **options).label.leading()
    for block in (1, 5):
        own = squared_update(NETWORK, layer(block), **options).label.leading()
        assert simplify(law.subs(b, block) - own) == 0


def test_an_observable_and_the_tangent_kernel_at_an_open_block() -> None:
    assert derive(trace(K) / n, NETWORK, layer=b).leading() == Rational(9, 8) ** b * n * (b + 6) / 6
    law = tangent_kernel(NETWORK, b).leading()
    for mine, own in zip(law, tangent_kernel(NETWORK, 3).leading(), strict=True):
        assert simplify(mine.subs(b, 3) - own) == 0


def test_alignment_at_an_open_block_is_below_1() -> None:
    law = alignment(NETWORK, b).label.leading()
    for block in (1, 4):
        assert law.subs(b, block) == alignment(NETWORK, block).label.leading() <= 1


def test_a_deep_network_keeps_all_powers_too() -> None:
    deep = Residual(blocks=20)
    law = derive(trace(K) / n, deep, layer=b).leading()
    assert law.subs(b, 7) == derive(trace(K) / n, deep, layer=7).leading()


@pytest.mark.slow
def test_layers_of_a_numbered_depth_do_not_grow() -> None:
    update = squared_update(MLP(depth=8), ell)
    assert (update.leading() / eta**2 - update.width_series(0)[0]).expand() == 0
    trained = squared_update(MLP(depth=8), rates=TrainedLayers(p, q)).leading()
    numbers = squared_update(MLP(depth=8), rates=TrainedLayers(2, 4)).leading()
    assert trained.subs({p: 2, q: 4}) == numbers


def test_a_width_in_numbers_and_a_slow_variance_are_refused() -> None:
    with pytest.raises(NotSolved, match="leave width out"):
        squared_update(Residual(64, 8), b).leading()
    with pytest.raises(NotSolved, match="layer as a number"):
        squared_update(NETWORK, b).spread.leading()


@pytest.mark.parametrize("share", [Rational(1, 4), 1])
def test_an_open_block_of_open_blocks_tends_to_its_law(share: Any) -> None:
    law = squared_update(Residual(), b).label.leading()
    errors = []
    for blocks in (64, 1024):
        exact = squared_update(Residual(10**12, blocks), int(share * blocks)).label.evaluate(20)
        number = law.subs({b: share * blocks, B: blocks, eta: 1}).evalf(20)
        errors.append(abs(float(exact / number) - 1))
    assert errors[0] < 0.05
    assert errors[1] < errors[0] / 10
