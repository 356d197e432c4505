"""What ``layer`` and ``rates`` mean for each kind of network: keys, names, refusals."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from msgspec import json

from theory import MLP, InvalidArgument, Linear
from theory.networks.convolution import Convolution
from theory.networks.graph import Graph
from theory.networks.network import Network
from theory.networks.residual import Residual
from theory.networks.roles import Branch, ByRole
from theory.symbols import B
from verify import Dense, monte_carlo
from verify.runs.configuration import Configuration, ConfigurationRecord, configuration

RESIDUAL = Residual(8, 3, branch_width=5)
GRAPH = Graph({"a": ("x",), "b": ("x", "a"), "c": ("a", "b")}, readout=("c", "b"), width=3)
CONVOLUTION = Convolution(2, 3, 2, 2, activation=Linear())


def of(network: Network, **given: Any) -> Configuration:
    return configuration(network, sampler=Dense(), **given)


@pytest.mark.parametrize(
    ("network", "given"),
    [
        (RESIDUAL, {}),
        (RESIDUAL, {"layer": (0, Branch(2), 3), "rates": ByRole(down=2), "step": 0.5}),
        (RESIDUAL, {"rates": (ByRole(), ByRole(up=2), ByRole())}),
        (GRAPH, {"layer": "a", "rates": {("a", "b"): 0}}),
        (CONVOLUTION, {"layer": [(1, 2), (2, 0)], "rates": (1, 2)}),
        (Convolution(2, 3, 2, 2, shared=False, gram=((2, 1, 0), (1, 2, 1), (0, 1, 2))), {}),
    ],
    ids=str,
)
def test_a_record_is_read_back_as_the_same_configuration(
    network: Network, given: Mapping[str, Any]
) -> None:
    asked = of(network, **given)
    back = Configuration.of(json.decode(asked.text, type=ConfigurationRecord))
    assert back.text == asked.text
    assert back.key == asked.key
    assert back.names == asked.names


def test_equal_networks_have_one_key_however_they_are_spelled() -> None:
    short = of(Residual(8, 4))
    spelled = Residual(8, 4, branch_width=8, multiplier2="1/4", weight_variance=ByRole(1, 2, 1))
    assert of(spelled, layer=4, rates=ByRole(1, 1, 1)).key == short.key
    assert of(Residual(8, 4, multiplier2=1 / B), rates=(ByRole(),) * 4).key == short.key
    assert of(Residual(8, 4), rates=ByRole(up=B)).key == of(Residual(8, 4), rates=ByRole(up=4)).key


def test_the_symbol_of_the_last_block_is_read_as_its_number() -> None:
    assert of(RESIDUAL, layer=(B, Branch(B))).layers == (3, Branch(3))


def test_what_differs_has_another_key() -> None:
    different = [
        of(MLP(8, 3)),
        of(Residual(8, 3)),
        of(RESIDUAL),
        of(RESIDUAL, layer=2),
        of(RESIDUAL, layer=Branch(2)),
        of(RESIDUAL, layer=(2, Branch(2))),
        of(RESIDUAL, rates=ByRole(up=2)),
        of(RESIDUAL, rates=ByRole(down=2)),
        of(Residual(8, 3, branch_width=5, skip2="1/2")),
        *(of(GRAPH, layer=name) for name in "abc"),
        of(GRAPH, layer="c", rates={("a", "c"): 2}),
        of(CONVOLUTION),
        of(CONVOLUTION, layer=(1, 0)),
        of(Convolution(2, 3, 2, 2)),
    ]
    assert len({each.key for each in different}) == len({each.text for each in different})
    assert len({each.text for each in different}) == len(different)


@pytest.mark.slow
def test_estimates_name_what_was_measured() -> None:
    one = monte_carlo(RESIDUAL, layer=Branch(2), samples=10, seed=1, sampler=Dense())
    assert "E[(Δz)²]/η² at branch 2 over 10 samples" in repr(one)
    assert np.shape(one.label.mean) == ()
    several = monte_carlo(RESIDUAL, layer=(0, Branch(3)), samples=10, seed=1, sampler=Dense())
    assert [line[:8] for line in repr(several).splitlines()[2:4]] == ["stream 0", "branch 3"]
    assert several.label.mean.shape == (2,)
    assert "vertex a" in repr(monte_carlo(GRAPH, layer="a", samples=10, seed=1, sampler=Dense()))
    assert several.plot().get_xlabel() == "stream 0, branch 3"
    with pytest.raises(InvalidArgument, match=r"squared_update\(network, b\)\.plot\(\)"):
        several.plot(theory=lambda block: block)


def test_untrained_places_do_not_move_and_the_estimate_says_so() -> None:
    rates = ByRole(input=0, up=0, down=1)
    asked = of(RESIDUAL, layer=(0, Branch(1), 1, Branch(2)), rates=rates)
    assert asked.untrained == (0, Branch(1))
    still = monte_carlo(RESIDUAL, layer=0, rates=rates, samples=10, seed=1, sampler=Dense())
    assert "the update is 0 there" in repr(still)


@pytest.mark.parametrize(
    ("network", "given", "sentence"),
    [
        (RESIDUAL, {"layer": 4}, "from 0 to 3 for block, got block=4"),
        (RESIDUAL, {"layer": Branch(4)}, "from 1 to 3 for block, got block=4"),
        (RESIDUAL, {"layer": ()}, "at least one layer"),
        (RESIDUAL, {"rates": 2}, r"ByRole\(input=..., up=..., down=...\)"),
        (RESIDUAL, {"rates": (ByRole(),)}, "3 ByRole in rates, one for each block, got 1"),
        (GRAPH, {}, "several are read out"),
        (GRAPH, {"layer": "z"}, "the name of a vertex for layer, got layer='z'"),
        (GRAPH, {"layer": "a", "rates": {("b", "a"): 1}}, "edges .source, vertex. of the graph"),
        (CONVOLUTION, {"layer": 3}, r"\(layer, position\) for layer, got layer=3"),
        (CONVOLUTION, {"layer": (1, 3)}, "from 0 to 2 for the position"),
        (Convolution(2, 2000, 2, 2), {}, "give fewer positions"),
        (Residual(8), {}, "in numbers.*with the symbols B"),
        (Residual(8, 3, multiplier2="1e-400"), {}, "from 1e-300 to 1e.300 for weight_variance"),
        (Residual(2 * 10**9, 3), {}, "a width of at most 1,000,000,000"),
        (RESIDUAL, {"rates": ByRole(up=Residual().width)}, "numbers, or functions of"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    network: Network, given: Mapping[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidArgument, match=sentence) as error:
        of(network, **given)
    assert "\n" not in str(error.value)


def test_dense_says_what_is_too_large_and_names_no_sampler_that_would_refuse() -> None:
    with pytest.raises(InvalidArgument, match=r"smaller width or depth$"):
        of(Graph({"a": ("x",), "b": ("a", "x")}, readout="b", width=10**6), layer="b")
