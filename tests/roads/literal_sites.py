"""Graphs, convolutions and residual networks as the sites of `site_polynomial`, by definition."""

from __future__ import annotations

from fractions import Fraction

from tests.roads.site_polynomial import LiteralEdge, LiteralSite
from tests.tools.strategies import fraction
from theory import Convolution
from theory.networks.residual import Residual
from theory.networks.roles import ByRole

__all__ = ["literal_convolution", "literal_graph", "literal_residual"]

ZERO = Fraction(0)


def literal_graph(
    vertices: dict[str, tuple[str, ...]],
    readout: tuple[str, ...],
    x: tuple[Fraction, ...],
    width: int,
    slope: Fraction,
    rates: dict[tuple[str, str], Fraction],
) -> list[LiteralSite]:
    """A graph at its default variances, with the c = 2/(1 + slope^2) of He."""
    c = 2 / (1 + slope**2)
    sites = []
    for name, sources in vertices.items():
        edges = []
        for source in sources:
            fan_in = len(x) if source == "x" else width
            rate = rates.get((source, name), Fraction(1))
            edges.append(LiteralEdge(source, f"{source}>{name}", c / len(sources) / fan_in, rate))
        sites.append(LiteralSite(name, width, tuple(edges), slope))
    shared = Fraction(1, width**2 * len(readout))
    last = tuple(LiteralEdge(name, f"v{name}", shared, ZERO) for name in readout)
    return [*sites, LiteralSite("f", 1, last)]


def literal_convolution(network: Convolution, inputs: int) -> list[LiteralSite]:
    """Circular layers with weights of all positions, or of each; the readout's mean over them."""
    width, places, slope = network.channels, network.positions, network.activation.slope
    assert isinstance(width, int)
    masked = None if slope == 1 else fraction(slope)
    sites = []
    for layer in range(1, network.depth + 1):
        fan_in = inputs if layer == 1 else width
        variance = fraction(network.c) / (network.kernel * fan_in)
        for s in range(places):
            own = "" if network.shared else f" at {s}"
            edges = tuple(
                LiteralEdge(f"{layer - 1}.{(s + k) % places}", f"W{layer}.{k}{own}", variance)
                for k in range(network.kernel)
            )
            sites.append(LiteralSite(f"{layer}.{s}", width, edges, masked))
    shared = Fraction(1, width**2)
    last = tuple(
        LiteralEdge(f"{network.depth}.{s}", "v", shared, ZERO, Fraction(1, places))
        if network.shared
        else LiteralEdge(f"{network.depth}.{s}", f"v{s}", shared / places, ZERO)
        for s in range(places)
    )
    return [*sites, LiteralSite("f", 1, last)]


def literal_residual(
    network: Residual, inputs: int, tau: Fraction, skip: Fraction, rates: ByRole
) -> list[LiteralSite]:
    """The blocks as they are defined: tau multiplies W x, and the weights are trained by it."""
    width, inner = network.width, network.inner_width
    variance = network.variances
    slope, every = fraction(network.activation.slope), rates._filled()
    assert isinstance(width, int)
    stream = LiteralEdge("x", "W_in", fraction(variance.input) / inputs, fraction(every.input))
    sites = [LiteralSite("0", width, (stream,))]
    for block in range(1, network.layers + 1):
        below = f"{block - 1}"
        up = LiteralEdge(below, f"U{block}", fraction(variance.up) / width, fraction(every.up))
        down = LiteralEdge(
            f"branch {block}",
            f"W{block}",
            fraction(variance.down) / inner,
            fraction(every.down),
            tau,
        )
        sites.append(LiteralSite(f"branch {block}", inner, (up,), slope))
        sites.append(LiteralSite(f"{block}", width, (down,), links=((below, skip),)))
    last = LiteralEdge(f"{network.layers}", "v", fraction(network.s) / width**2, ZERO)
    return [*sites, LiteralSite("f", 1, (last,))]
