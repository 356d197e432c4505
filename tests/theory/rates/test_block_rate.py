"""Rates of residual networks: who binds, shares of input, up and down, limits and transfer."""

from fractions import Fraction
from typing import Any

import pytest
from sympy import Max, Rational, sqrt, sympify

from theory import (
    MLP,
    Branch,
    Branches,
    ByRole,
    EveryHiddenLayer,
    FirstLayer,
    HiddenLayers,
    InvalidArgument,
    LastLayer,
    NotSolved,
    OutsideValidity,
    Readout,
    Residual,
    Stream,
    StreamAndBranches,
    Tanh,
    derive,
    layer_rates,
    maximal_learning_rate,
    squared_update,
    transfer_learning_rate,
)
from theory.observables import K, f, g, x
from theory.symbols import B, n

SMALL = Residual(3, 2, branch_width=2, multiplier2="1/2", input_width=2)


def test_the_rate_meets_its_bound_where_it_binds() -> None:
    stream = [squared_update(SMALL, block).per_eta2 for block in range(3)]
    inside = [squared_update(SMALL, Branch(block)).per_eta2 for block in (1, 2)]
    for criterion, moves in (
        (Stream("1/4"), stream),
        (Branches("1/4"), inside),
        (StreamAndBranches("1/4"), stream + inside),
        (LastLayer("1/4"), stream[-1:]),
    ):
        rate = maximal_learning_rate(SMALL, criterion=criterion)
        assert rate.exact == sqrt(1 / (4 * max(moves)))
        assert rate.evaluate() == pytest.approx(float(rate.exact), rel=1e-14)
        assert squared_update(SMALL, rate.layer).per_eta2 == max(moves)


def test_the_block_that_binds_need_not_be_the_last() -> None:
    network = Residual(4, 3, skip2="1/4", multiplier2="1/9")
    rate = maximal_learning_rate(network)
    assert rate.layer == 2
    assert "block 2 binds" in repr(rate)
    assert maximal_learning_rate(network, criterion=LastLayer()).layer == 3
    with pytest.raises(NotSolved, match="not proven to grow"):
        repr(maximal_learning_rate(Residual(skip2="1/4", multiplier2="1/9")).exact)


@pytest.mark.slow
@pytest.mark.parametrize("width", [2, 8])
def test_the_rate_of_many_blocks_is_the_limit(width: int) -> None:
    rate: Any = maximal_learning_rate(Residual(width=width))
    law = float(rate.block_limit())
    errors = [float(rate.at(B=blocks)) / law - 1 for blocks in (256, 512, 1024)]
    assert abs(errors[2]) < 0.02
    assert abs(errors[2] / errors[1] - 0.5) < 0.05


@pytest.mark.wide
@pytest.mark.parametrize("criterion", [Stream(), Branches(), StreamAndBranches()], ids=repr)
def test_the_rate_tends_to_its_leading_term(criterion: Any) -> None:
    law = float(maximal_learning_rate(Residual(), criterion=criterion).leading())
    rates = [
        float(maximal_learning_rate(Residual(10**9, blocks), criterion=criterion))
        for blocks in (256, 512)
    ]
    errors = [rate / law - 1 for rate in rates]
    assert abs(errors[1]) < 0.01
    assert abs(errors[1] / errors[0] - 0.5) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("network", [SMALL, Residual(8, 4), Residual(5, 3, multiplier2="1/9")])
def test_rates_together_meet_the_bound(network: Residual) -> None:
    """By the joint update at decimal rates, without the cross terms that `LayerRates` takes."""
    rates = layer_rates(network, bound="1/2")
    *inner, readout = (Rational(str(float(rate))) for rate in rates.together)
    joint = ByRole(*inner)
    moved_z = squared_update(network, rates=joint).per_eta2
    kernel, norm = g @ K @ g, x @ x
    square = kernel**2 + 2 * readout * (norm * kernel) + readout**2 * norm**2
    moved_f = sum(derive(each, network, rates=joint).exact for each in (square, f**2 * square))
    assert float(Max(moved_z, moved_f)) == pytest.approx(0.5, rel=1e-9)
    evaluated = [float(rate) for rate in rates.evaluate()]
    assert evaluated == pytest.approx([float(rate) for rate in rates.together], rel=1e-12)


def test_each_group_alone_uses_the_whole_bound() -> None:
    rates = layer_rates(Residual(8, 4), bound="1/9")
    for role in ("input", "up", "down"):
        alone = Rational(str(float(rates.alone[role].exact)))
        only = ByRole(**{each: alone if each == role else 0 for each in ("input", "up", "down")})
        assert float(squared_update(Residual(8, 4), rates=only).per_eta2) == pytest.approx(1 / 9)
    assert rates.binding == min(
        ("input", "up", "down"), key=lambda role: float(rates.alone[role].exact)
    )
    with pytest.raises(NotSolved, match="read alone"):
        _ = rates.hidden


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "opened", "share"),
    [
        (Residual(10**7, 2000), Residual(), "1/(sqrt(3)/3 + 1 + 2*sqrt(15)/5)**2"),
        (
            Residual(10**7, 2000, multiplier2=Fraction(1, 2000**2)),
            Residual(multiplier2=1 / B**2),
            "1/16",
        ),
    ],
)
def test_the_leading_share_is_the_limit_of_the_share(
    network: Residual, opened: Residual, share: str
) -> None:
    limit = layer_rates(opened).leading_share()
    assert abs((limit - sympify(share)).evalf()) < 1e-12
    rates = layer_rates(network)
    together, alone = rates.evaluate()[0], rates.alone["input"].evaluate()
    assert float((together / alone) ** 2) == pytest.approx(float(limit), rel=2e-3)


@pytest.mark.slow
def test_roles_bind_differently_by_scaling() -> None:
    """At 1/sqrt(B) the input binds; with a variance of 1/B in W alone it is W."""
    in_variance = Residual(multiplier2=1, weight_variance=ByRole(down=1 / B))
    assert layer_rates(Residual()).binding == "input"
    assert layer_rates(in_variance).binding == "down"
    assert layer_rates(Residual(64, 64, multiplier2=1)).binding == "down"


def test_groups_of_weights_are_roles() -> None:
    network = Residual(8, 4)
    first = maximal_learning_rate(network, group=FirstLayer())
    assert first.exact == maximal_learning_rate(network, rates=ByRole(up=0, down=0)).exact
    hidden = maximal_learning_rate(network, group=HiddenLayers())
    assert hidden.exact == maximal_learning_rate(network, rates=ByRole(input=0)).exact
    assert maximal_learning_rate(network, group=Readout()).layer is None


@pytest.mark.wide
@pytest.mark.parametrize("group", [None, FirstLayer(), HiddenLayers(), Readout()], ids=repr)
def test_a_rate_is_carried_between_blocks_and_widths(group: Any) -> None:
    source, target = Residual(64, 16), Residual(128, 32)
    found = transfer_learning_rate("0.05", source, target, group=group)
    exact = [maximal_learning_rate(each, group=group) for each in (source, target)]
    assert found.exact == Rational("0.05") * exact[1].exact / exact[0].exact


def test_two_blocks_are_too_few_for_the_law() -> None:
    with pytest.warns(OutsideValidity, match="at width 64 and 2 blocks"):
        transfer_learning_rate("0.05", Residual(64, 2), Residual(64, 16))


def test_nothing_moves() -> None:
    still = ByRole(0, 0, 0)
    cases: list[Any] = [(Residual(8, 3), still), (Residual(), still)]
    for network, rates in [*cases, (Residual(8, 2), (still, still))]:
        with pytest.raises(InvalidArgument, match="only zeros; give a positive multiplier"):
            maximal_learning_rate(network, rates=rates)
    below = maximal_learning_rate(Residual(8, 1), rates=ByRole(0, 0, 1), criterion=Branches())
    assert "nothing moves: give a multiplier above 0" in repr(below)
    for call in (lambda: below.exact, lambda: float(below)):
        with pytest.raises(NotSolved, match="nothing moves: give"):
            call()


def test_a_multiplier_of_eta_holds_no_width() -> None:
    for network in (Residual(8, 2), Residual(8, 2, activation=Tanh())):
        with pytest.raises(InvalidArgument, match=r"theory\.symbols\.B, in rates, got up=n "):
            squared_update(network, rates=ByRole(up=n))


def test_criteria_of_layers_are_refused_for_blocks() -> None:
    with pytest.raises(InvalidArgument, match="StreamAndBranches"):
        maximal_learning_rate(Residual(), criterion=EveryHiddenLayer())
    with pytest.raises(InvalidArgument, match="EveryHiddenLayer"):
        maximal_learning_rate(MLP(), criterion=Stream())
    with pytest.raises(NotSolved, match="solved for the law of layers"):
        maximal_learning_rate(Residual()).validity("0.1")
