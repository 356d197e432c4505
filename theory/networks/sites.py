"""A site is one layer of neurons as derivations and samplers read it: its width, activation, edges
and links.

A network lowers to *cells*, from the input up.  A cell is a tuple of steps, a step a tuple of sites
whose weights are averaged together, mostly one site:

    x_p = D_p (sum over edges of W x_source + sum over links of c x_source).

The sites of a cell read each other and the cell below by name; `BELOW` is the last site of the cell
below, or the input.  Equal cells repeat: residual blocks, and layers of one width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from sympy import Expr

from theory.activations import PiecewiseLinear

__all__ = ["BELOW", "Cell", "Edge", "Link", "Plan", "Run", "Site", "Step"]

BELOW = "below"
"""The name of the last site of the cell below."""


@dataclass(frozen=True)
class Edge:
    """Gaussian weights from the site ``source``.

    ``fan_in``: the width of the source; ``variance``: of one weight; ``rate``: multiplier of eta,
    which scales the share of these weights in the kernel.  ``weights``: their identity, which
    edges share only where they share weights; empty for weights of this edge alone.
    """

    source: str
    fan_in: Any
    variance: Expr
    rate: Expr
    weights: str = ""


@dataclass(frozen=True)
class Link:
    """The neurons of the site ``source`` times a constant c of which only ``squared``, its square,
    enters."""

    source: str
    squared: Expr


@dataclass(frozen=True)
class Site:
    """x = sigma(the sum over ``edges`` and ``links``), of ``width`` neurons."""

    name: str
    width: Any
    activation: PiecewiseLinear
    edges: tuple[Edge, ...]
    links: tuple[Link, ...] = ()


Step: TypeAlias = tuple[Site, ...]
"""Sites whose weights are averaged together."""
Cell: TypeAlias = tuple[Step, ...]
"""Steps from below up."""
Run: TypeAlias = tuple[Cell, Expr]
"""Equal cells and their number, an affine form in depth symbols."""


@dataclass(frozen=True)
class Plan:
    """The cells that matter to one layer: the cells ``below`` from the input up, its ``own``, and
    the equal cells ``above``.

    ``counts``: numbers of layers; the plan is right wherever none of them is negative.
    ``before``: a layer that ``layer`` must lie below, because its multiplier differs, or None.
    """

    layer: Expr
    below: tuple[Run, ...]
    own: Cell
    above: Run
    counts: tuple[Expr, ...] = ()
    before: Expr | None = None
