"""Graphs, convolutions and residual networks against polynomials in their weights, exactly."""

from fractions import Fraction
from typing import Any

import pytest
from sympy import Rational

from tests.roads.literal_sites import literal_convolution, literal_graph, literal_residual
from tests.roads.site_polynomial import site_update
from tests.tools.strategies import fraction, rational
from theory import Convolution, Graph, LeakyReLU, Linear, ReLU, squared_update
from theory.activations import PiecewiseLinear
from theory.networks.network import Network
from theory.networks.residual import Residual
from theory.networks.roles import Branch, ByRole

ZERO, HALF, THIRD = Fraction(0), Fraction(1, 2), Fraction(1, 3)
LEAKY = LeakyReLU("1/3")


def parts(network: Network, layer: object, rates: Any = None) -> tuple[Fraction, Fraction]:
    update = squared_update(network, layer, rates)
    return fraction(update.label.per_eta2), fraction(update.output.per_eta2)


# Graphs


@pytest.mark.parametrize(
    ("vertices", "readout", "width", "activation", "rates"),
    [
        ({"a": ("x",), "b": ("x", "a")}, ("b",), 1, LEAKY, {}),
        ({"a": ("x",), "b": ("x", "a")}, ("b",), 2, ReLU(), {("x", "b"): THIRD}),
        ({"a": ("x",), "b": ("x",), "c": ("a", "b")}, ("c",), 1, ReLU(), {("x", "a"): ZERO}),
        ({"a": ("x",), "b": ("a",), "c": ("a", "b")}, ("c", "a"), 1, LEAKY, {("a", "c"): HALF}),
        ({"a": ("x",), "b": ("x",)}, ("a",), 2, LEAKY, {}),
    ],
)
def test_every_vertex_of_a_graph(
    vertices: dict[str, tuple[str, ...]],
    readout: tuple[str, ...],
    width: int,
    activation: PiecewiseLinear,
    rates: dict[tuple[str, str], Fraction],
) -> None:
    x = (Fraction(1), Fraction(-2))
    network = Graph(
        vertices,
        readout=readout,
        width=width,
        input_width=2,
        activation=activation,
        input_norm2=5,
    )
    sites = literal_graph(vertices, readout, x, width, fraction(activation.slope), rates)
    for name in vertices:
        assert parts(network, name, rates) == site_update(sites, {"x": x}, name), name


# Convolutions


@pytest.mark.wide
@pytest.mark.parametrize(
    ("sizes", "shared", "activation"),
    [
        ((2, 2, 2, 1), True, Linear()),
        ((1, 3, 2, 1), True, Linear()),
        ((1, 2, 2, 2), True, Linear()),
        ((1, 2, 1, 2), False, ReLU()),
        ((1, 2, 2, 2), False, LEAKY),
        ((2, 1, 1, 2), True, LEAKY),
    ],
)
def test_every_position_of_a_convolution(
    sizes: tuple[int, int, int, int], shared: bool, activation: PiecewiseLinear
) -> None:
    _, positions, _, depth = sizes
    rows = [(Fraction(1), Fraction(2)), (Fraction(-1), Fraction(3)), (Fraction(0), HALF)][
        :positions
    ]
    gram = [[rational((p[0] * q[0] + p[1] * q[1]) / 2) for q in rows] for p in rows]
    network = Convolution(
        *sizes,
        input_channels=2,
        shared=shared,
        activation=activation,
        gram=gram,
    )
    sites = literal_convolution(network, 2)
    inputs = {f"0.{s}": row for s, row in enumerate(rows)}
    for layer in range(1, depth + 1):
        for s in range(positions):
            literal = site_update(sites, inputs, f"{layer}.{s}")
            assert parts(network, (layer, s)) == literal, (layer, s)


# Residual networks


@pytest.mark.wide
@pytest.mark.parametrize(
    ("sizes", "tau", "skip", "activation", "rates"),
    [
        ((1, 1, 1), HALF, Fraction(1), LEAKY, ByRole()),
        ((1, 2, 1), Fraction(2, 3), Fraction(1), LEAKY, ByRole(input=0, down="1/2")),
        ((2, 1, 1), HALF, HALF, ReLU(), ByRole(up=3)),
        ((1, 1, 2), HALF, Fraction(1), LEAKY, ByRole(up="1/2")),
        ((2, 2, 1), HALF, Fraction(1), ReLU(), ByRole()),
        ((1, 2, 2), HALF, HALF, ReLU(), ByRole()),
    ],
)
def test_stream_and_branches_of_a_residual_network(
    sizes: tuple[int, int, int],
    tau: Fraction,
    skip: Fraction,
    activation: PiecewiseLinear,
    rates: ByRole,
) -> None:
    width, inner, blocks = sizes
    network = Residual(
        width,
        blocks,
        branch_width=inner,
        input_width=1,
        activation=activation,
        multiplier2=rational(tau**2),
        skip2=rational(skip**2),
        weight_variance=ByRole(down=2),
        readout_variance=Rational(3),
    )
    x = (Fraction(1),)
    sites = literal_residual(network, 1, tau, skip, rates)
    for block in range(blocks + 1):
        assert parts(network, block, rates) == site_update(sites, {"x": x}, f"{block}"), block
    for block in range(1, blocks + 1):
        literal = site_update(sites, {"x": x}, f"branch {block}")
        assert parts(network, Branch(block), rates) == literal, f"branch {block}"
