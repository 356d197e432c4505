"""Formulas in B and b, of residual networks: read, proven, rejected with the reason."""

from typing import Any

import pytest
from sympy import Rational

from theory import (
    MLP,
    Branch,
    InvalidArgument,
    Residual,
    StreamAndBranches,
    derive,
    maximal_learning_rate,
    squared_update,
)
from theory.observables import K, trace
from theory.outcome import Outcome
from theory.symbols import B, b, eta, n
from verify import check

LABEL = squared_update(Residual()).label.exact


@pytest.mark.wide
@pytest.mark.parametrize(
    ("formula", "asked"),
    [
        ("51*e^2/4", {"claim": "leading", "network": Residual()}),
        ("51*exp(2)/2", {"claim": "leading", "network": Residual(), "layer": Branch(B)}),
        ("51*e^2/4", {"claim": "joint", "network": Residual()}),
        ("1", {"claim": "leading", "network": Residual(multiplier2=1 / B**2), "part": "label"}),
        ("2*sqrt(51)*exp(-1)/51", {"claim": "leading", "quantity": "rate", "network": Residual()}),
        (LABEL, {"part": "label"}),
        (str(LABEL), {"part": "label", "network": Residual()}),
        (squared_update(Residual(), b).label, {}),
        (squared_update(Residual(), Branch(b)).label.exact, {"layer": Branch(b), "part": "label"}),
        (squared_update(Residual(4, 2)).exact, {"network": Residual(4, 2)}),
        (
            maximal_learning_rate(Residual(8, 4)),
            {"quantity": "rate", "network": Residual(8, 4)},
        ),
        (
            "n**2*(1 + 1/B)**B*(5*B + 2)/(2*(B + 1))",
            {"observable": trace(K), "network": Residual()},
        ),
        (lambda network: squared_update(network).per_eta2, {"network": Residual(4, 2)}),
        (lambda n, B: derive(trace(K), Residual(n, B)).exact, {"observable": trace(K)}),
    ],
)
def test_right_formulas_are_consistent(formula: Any, asked: dict[str, Any]) -> None:
    found = check(formula, simulate=False, **({"network": Residual()} | asked))
    assert found.verdict.name == "CONSISTENT", found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("formula", "asked", "where", "off"),
    [
        ("17*e^2/4", {"claim": "leading"}, "this network", "it is 1/3 times the law"),
        ("15*B*e^2/4", {"claim": "leading"}, "B = 1", "it is 5*B/17 times the law"),
        (2 * LABEL, {"part": "label"}, "n = 1, B = 1", "it is 2 times the exact value"),
        (LABEL + eta**2 * B, {"part": "label"}, "n = 1, B = 1", "it is the exact value plus B"),
        (LABEL, {}, "n = 1, B = 1", "it is the label part alone: the output part is missing"),
        (LABEL.subs(n, n + 1), {"part": "label"}, "n = 1, B = 1", None),
        (
            "2*sqrt(51)*exp(-1)/51",
            {"claim": "leading", "quantity": "rate", "criterion": StreamAndBranches()},
            "this network",
            "it is sqrt(2) times the law",
        ),
    ],
)
def test_wrong_formulas_are_rejected_in_blocks(
    formula: Any, asked: dict[str, Any], where: str, off: str | None
) -> None:
    found = check(formula, network=Residual(), simulate=False, **asked)
    assert found.verdict.name == "REJECTED"
    assert found.counterexample is not None
    assert found.counterexample.where == where
    if off is not None:
        assert str(found.difference) == off


@pytest.mark.slow
def test_powers_of_a_size_in_its_own_depth_are_told_apart() -> None:
    """(1 + 1/B)^B is not its limit e, and not (1 + 1/B)^(B - 1)."""
    asked: dict[str, Any] = {"observable": trace(K), "network": Residual(), "simulate": False}
    right = "n**2*(1 + 1/B)**B*(5*B + 2)/(2*(B + 1))"
    for wrong in ("exp(1)", "(1 + 1/B)**(B - 1)", "(1 + 1/B)**(2*B)", "(1 + 2/B)**B"):
        assert check(right.replace("(1 + 1/B)**B", wrong), **asked).verdict.name == "REJECTED"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: check("L", network=Residual(), simulate=False), "is the number B of blocks"),
        (
            lambda: check("L", network=Residual(blocks=8)),
            "write B for the depth, and b for a layer",
        ),
        (
            lambda: check("B", network=MLP(), simulate=False),
            "whose depth is the number L of layers",
        ),
        (
            lambda: check("b", network=Residual(), quantity="rate", simulate=False),
            "leave b out, or write B",
        ),
        (
            lambda: check("B", network=Residual(8, 4), claim="leading", simulate=False),
            "expected a network with n open",
        ),
    ],
)
def test_sizes_of_the_other_kind_are_refused(call: Any, says: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        call()
    assert says in str(raised.value)


def test_a_formula_in_blocks_is_of_a_residual_network() -> None:
    found = check("B", claim="leading", simulate=False)
    assert found.target.network == Residual()
    assert "after the last block of Residual()" in repr(found)


def test_formulas_in_blocks_are_decided_by_theory_alone() -> None:
    found = check(Rational(977347145, 2097152), network=Residual(4, 2))
    assert found.verdict.name == "CONSISTENT"
    assert found.evidence is None
    assert found.unmeasured == "formulas in blocks are decided by theory alone"


TRUNCATED = "373977*(81/64)^b*b^3/(67108864*(9/8)^b)"


@pytest.mark.slow
def test_no_block_grows_in_a_network_of_numbered_blocks() -> None:
    network = Residual(blocks=8)

    def checked(formula: Any) -> Any:
        return check(formula, claim="leading", network=network, simulate=False)

    wrong = checked(TRUNCATED)
    assert wrong.outcome is Outcome.REJECTED
    assert wrong.counterexample.where == "b = 1"
    law = squared_update(network, b).leading() / eta**2
    assert checked(law).outcome is Outcome.CONSISTENT
    last_wrong = f"{law} + " + "*".join(f"(b-{k})" for k in range(1, 8))
    assert checked(last_wrong).counterexample.where == "b = 8"
