"""The inputs of a call and the ``input_norm2`` of its network are one |x|^2."""

from collections.abc import Callable

import pytest

from theory import (
    GELU,
    MLP,
    Inputs,
    InvalidArgument,
    NotSolved,
    Residual,
    Tanh,
    layer_rates,
    maximal_learning_rate,
    readout_update,
    squared_update,
)
from theory.symbols import n

CALLS = (squared_update, readout_update, maximal_learning_rate, layer_rates)
NETWORKS = (
    MLP(depth=4, activation=Tanh(), input_norm2=3 * n),
    MLP(width=8, depth=4, activation=GELU(), input_norm2=24),
    Residual(4, activation=Tanh(), input_norm2=3 * n),
)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("network", NETWORKS, ids=("mlp", "numbers", "residual"))
def test_inputs_that_contradict_the_network_are_refused(
    call: Callable[..., object], network: MLP | Residual
) -> None:
    with pytest.raises(InvalidArgument, match=r"give gram=\(\(3,\),\), or leave one of the two"):
        call(network, inputs=Inputs())


@pytest.mark.parametrize("call", CALLS)
def test_inputs_that_agree_with_the_network_change_nothing(call: Callable[..., object]) -> None:
    network = NETWORKS[0]
    assert repr(call(network, inputs=Inputs(gram=((3,),)))) == repr(call(network))


def test_a_norm_without_a_number_per_neuron_is_refused() -> None:
    with pytest.raises(NotSolved, match="leave input_norm2 out"):
        squared_update(MLP(activation=Tanh(), input_norm2=7), inputs=Inputs())
