"""The shape of a cell holds the facts that words need about its sites: the sources of each site,
the weights in between, and the masks.

Sites, weights and links are numbered, so that cells of other sizes share their derivation.  Site 0
is the last site of the cell below.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from sympy import sympify
from sympy.polys.domains.domain import Domain

from theory.activations import Linear
from theory.errors import NotSolved
from theory.networks.sites import BELOW, Cell, Site, Step
from theory.words.coefficients import StepParameters
from theory.words.letters import post

__all__ = [
    "PLAIN",
    "CellShape",
    "SiteShape",
    "StepShape",
    "cell_parameters",
    "refuse_masks",
    "shape_of",
    "step_parameters",
    "step_shape",
]


class EdgeShape(NamedTuple):
    """Weights of identity ``weights`` from the face ``source``."""

    weights: int
    source: int


class SiteShape(NamedTuple):
    """One site: its number, whether it has a mask, its edges, and the faces that links read."""

    number: int
    masked: bool
    edges: tuple[EdgeShape, ...]
    links: tuple[int, ...] = ()


StepShape = tuple[SiteShape, ...]
CellShape = tuple[StepShape, ...]
"""Steps from below up."""

PLAIN: CellShape = ((SiteShape(1, True, (EdgeShape(0, post(0)),)),),)
"""One layer: one site with a mask and one edge."""


@cache
def shape_of(cell: Cell) -> CellShape:
    """The shape of ``cell``; raises `NotSolved` where its masks are no independent coins.

    A single site keeps its mask, also a linear one, so that all plain layers share a shape.
    """
    numbers = _numbers(cell)
    alone = len(cell) == len(cell[0]) == len(cell[0][0].edges) == 1 and not cell[0][0].links
    return PLAIN if alone else tuple(step_shape(step, numbers) for step in cell)


def step_shape(step: Step, numbers: Mapping[str, int]) -> StepShape:
    """The shape of ``step`` by the ``numbers`` of sites; raises `NotSolved` as `shape_of`."""
    weights = _weights(step)
    shape = tuple(_site_shape(site, numbers, weights) for site in step)
    refuse_masks(step)
    return shape


def cell_parameters(domain: Domain, cell: Cell) -> tuple[StepParameters, ...]:
    """The numbers of a cell over ``domain``, by step, from below up."""
    numbers = _numbers(cell)
    return tuple(step_parameters(domain, step, numbers) for step in cell)


def _numbers(cell: Cell) -> dict[str, int]:
    """Sites by number: the last one below the cell, then its own."""
    own = (site.name for step in cell for site in step)
    return {name: number for number, name in enumerate((BELOW, *own))}


def _weights(step: Step) -> dict[Any, int]:
    """The weights of a step by identity; edges without one have weights of their own."""
    keys = [_identity(site, index) for site in step for index in range(len(site.edges))]
    return {key: number for number, key in enumerate(dict.fromkeys(keys))}


def _identity(site: Site, index: int) -> Any:
    return site.edges[index].weights or (site.name, index)


def _site_shape(site: Site, numbers: Mapping[str, int], weights: Mapping[Any, int]) -> SiteShape:
    edges = (
        EdgeShape(weights[_identity(site, index)], post(numbers[edge.source]))
        for index, edge in enumerate(site.edges)
    )
    links = tuple(post(numbers[link.source]) for link in site.links)
    return SiteShape(numbers[site.name], _is_masked(site), tuple(edges), links)


def _is_masked(site: Site) -> bool:
    return not isinstance(site.activation, Linear)


def refuse_masks(step: Step) -> None:
    """Raise `NotSolved` where the masks of ``step`` are no independent coins."""
    masked = [site for site in step if _is_masked(site)]
    shared = len({_identity(site, k) for site in step for k in range(len(site.edges))})
    if masked and len(step) > 1 and shared < sum(len(site.edges) for site in step):
        raise NotSolved(
            f"a {type(masked[0].activation).__name__} network with shared filters has no exact "
            f"value at finite width: the masks of a neuron at two positions are dependent; give "
            f"activation=Linear(), or shared=False"
        )
    for site in masked:
        if site.links:
            raise NotSolved(
                "an activation on a stream with skips has no exact value at finite width: the "
                "masks of one neuron at two depths agree through an angle"
            )


def step_parameters(domain: Domain, step: Step, numbers: Mapping[str, int]) -> StepParameters:
    """The numbers of a step over ``domain``, by the ``numbers`` of sites."""
    weights = _weights(step)
    edges = {
        weights[_identity(site, index)]: edge
        for site in step
        for index, edge in enumerate(site.edges)
    }
    read = domain.from_sympy
    return StepParameters(
        domain=domain,
        widths={numbers[site.name]: read(sympify(site.width)) for site in step},
        mask_moments={
            numbers[site.name]: cache(lambda p, site=site: read(site.activation.mask_moment(p)))
            for site in step
        },
        variances={number: read(sympify(edge.variance)) for number, edge in edges.items()},
        rates={number: read(sympify(edge.rate)) for number, edge in edges.items()},
        links={
            number: read(sympify(link.squared))
            for site in step
            for number, link in enumerate(site.links)
        },
    )
