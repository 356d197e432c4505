"""The proof that the update grows from layer to layer: sound, and found where it should be."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.strategies import generated
from theory import (
    MLP,
    Branch,
    ByGroup,
    ByRole,
    LeakyReLU,
    Linear,
    Residual,
    TrainedLayers,
    squared_update,
)
from theory.networks.network import Network
from theory.rates import growth_proof
from theory.rates.growth_proof import certainly_rises, rises_at_all_sizes
from theory.symbols import B, b, ell, n_0

PROVEN = [
    (MLP(), None),
    (MLP(input_width=n_0), None),
    (MLP(activation=LeakyReLU()), None),
    (MLP(activation=Linear()), None),
    (MLP(readout_variance=3, input_norm2="1/2"), None),
    (MLP(input_width=n_0), ByGroup(first=1, hidden=0, last=0)),
    (MLP(input_width=n_0), ByGroup(first=0)),
    (MLP(), ByGroup(first="1/5")),
    (MLP(), ByGroup(hidden=0)),
    (MLP((3, 400, 3)), None),
    (MLP(10**5, 2 * 10**4), None),
]
UNKNOWN = [(MLP(weight_variance="1/2"), None), (MLP(), TrainedLayers(3))]
FALLING: list[tuple[Network, Any, Sequence[Any]]] = [
    (MLP(4, 3, weight_variance="1/8"), (1, 0, 0), (1, 2, 3)),
    (Residual(4, 3, skip2="1/4", multiplier2="1/9"), None, (0, 1, 2, 3)),
    (
        Residual(4, 3, skip2="1/4", multiplier2="1/9"),
        ByRole(up=0, down=0),
        tuple(map(Branch, (1, 2, 3))),
    ),
]
"""Networks with layers between which the update falls."""
RATES = st.sampled_from((0, 1, 3))
SLOPES = st.sampled_from(("0", "1/3", "1"))


@pytest.mark.parametrize(("network", "rates"), PROVEN, ids=repr)
def test_growth_is_proven_for_label_and_output(network: MLP, rates: Any) -> None:
    update = squared_update(network, ell if network == MLP() else None, rates=rates)
    assert certainly_rises(update)
    assert certainly_rises(update.label)
    assert certainly_rises(update.output)


@pytest.mark.parametrize("layer", [None, Branch(b)], ids=repr)
@pytest.mark.parametrize(
    "network", [Residual(), Residual(multiplier2=1 / B**2), Residual(8, 4)], ids=repr
)
def test_growth_is_proven_in_stream_and_branches(network: Residual, layer: Any) -> None:
    assert certainly_rises(squared_update(network, layer))


@pytest.mark.parametrize(("network", "rates"), UNKNOWN, ids=repr)
def test_growth_is_not_claimed_where_it_is_not_known(network: MLP, rates: Any) -> None:
    assert not certainly_rises(squared_update(network, ell, rates=rates))


@pytest.mark.parametrize(("network", "rates", "layers"), FALLING, ids=repr)
def test_growth_is_not_claimed_where_it_fails(
    network: Network, rates: Any, layers: Sequence[Any]
) -> None:
    assert _moves(network, rates, layers) != sorted(_moves(network, rates, layers))
    assert not certainly_rises(squared_update(network, layers[-1], rates=rates))
    assert not rises_at_all_sizes(
        network, squared_update(network, rates=rates).derivations[0].rates
    )


@generated(20)
@given(st.lists(st.tuples(st.integers(1, 7), RATES), min_size=2, max_size=5), SLOPES)
def test_exact_values_of_layers_rise_where_growth_is_proven(
    layers: list[tuple[int, int]], slope: str
) -> None:
    widths, rates = (tuple(each) for each in zip(*layers, strict=True))
    network = MLP(widths, input_width=3, activation=LeakyReLU(slope))
    update = squared_update(network, rates=rates)
    if not certainly_rises(update):
        return
    for part in ("label", "output"):
        moves = _moves(network, rates, range(1, network.layers + 1), part)
        assert moves == sorted(moves)


@generated(20)
@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(1, 4),
    st.builds(ByRole, RATES, RATES, RATES),
    st.sampled_from(("1/4", "1/2", "1")),
    st.sampled_from(("1/9", "1", "2")),
    SLOPES,
    st.booleans(),
)
def test_exact_values_of_blocks_rise_where_growth_is_proven(
    width: int,
    inner: int,
    blocks: int,
    rates: ByRole,
    skip2: str,
    multiplier2: str,
    slope: str,
    inside: bool,
) -> None:
    network = Residual(
        width,
        blocks,
        branch_width=inner,
        skip2=skip2,
        multiplier2=multiplier2,
        activation=LeakyReLU(slope),
    )
    layers = [Branch(k) for k in range(1, blocks + 1)] if inside else range(blocks + 1)
    if not certainly_rises(squared_update(network, layers[-1], rates=rates)):
        return
    for part in ("label", "output"):
        moves = _moves(network, rates, layers, part)
        assert moves == sorted(moves)


def test_a_certificate_that_is_not_checked_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every entry certified, the proof claims growth where exact values fall: the properties
    above see the fault."""
    network, rates, layers = FALLING[0]
    assert not certainly_rises(squared_update(network, rates=rates))
    growth_proof._rises.cache_clear()
    monkeypatch.setattr(growth_proof, "certainly_at_least", lambda *_: True)
    assert certainly_rises(squared_update(network, rates=rates))
    growth_proof._rises.cache_clear()
    assert _moves(network, rates, layers) != sorted(_moves(network, rates, layers))


def _moves(network: Network, rates: Any, layers: Sequence[Any], part: str = "total") -> list[Any]:
    updates = (squared_update(network, layer, rates=rates) for layer in layers)
    return [getattr(update, part).per_eta2 for update in updates]
