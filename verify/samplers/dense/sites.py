"""Compiled passes run one literal network of sites: forward, gradient, tangent, and a real step.

Every vector is an array times a power of two, as in `verify.samplers.dense.passes`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from verify.numerics.compiled import Array, kernel, part
from verify.numerics.vector_math import LOG2
from verify.samplers.dense.passes import (
    ZERO,
    add_scaled,
    log_mean_square,
    power_of_two,
    rescale,
)
from verify.samplers.dense.weights import (
    Weights,
    begin_columns,
    pre_activations,
    products,
    transposed_product,
)
from verify.samplers.problem import Problem
from verify.samplers.vectors import activate_change, dot, mask

__all__ = ["Scales", "site_scales", "site_updates"]


class Scales(NamedTuple):
    """What is not drawn: the arrays of `verify.samplers.sites.Sites`, and what follows from them.

    ``rows``: where the neurons of each site begin in flat arrays; an input has as many entries as
    its vector has coordinates.  ``uses``: edges sorted by their weights, those of weights w from
    ``first_use[w]`` on.  ``columns``, ``every``: whether all columns, and all rows, of an edge's
    weights matter, not those of active neurons alone.  ``asked``, ``below``: the requested sites,
    and those that they read.
    """

    inputs: Array
    rows: Array
    slopes: Array
    first_edge: Array
    sources: Array
    targets: Array
    weights: Array
    sd: Array
    rates: Array
    first_link: Array
    link_sources: Array
    link_factors: Array
    first_use: Array
    uses: Array
    columns: Array
    every: Array
    asked: Array
    below: Array


class _State(NamedTuple):
    """Flat vectors of all sites with exponents by site: z, x, gradients g, updates u, of which the
    activations' changes take the place; ``room`` for a product; ``logs``: log(|u|^2/width)."""

    z: Array
    x: Array
    g: Array
    u: Array
    z_exp: Array
    x_exp: Array
    g_exp: Array
    u_exp: Array
    room: Array
    logs: Array


def site_scales(problem: Problem) -> Scales:
    """A problem as these passes take it."""
    sites = problem.sites
    sizes = sites.widths.copy()
    sizes[: len(sites.inputs)] = sites.inputs.shape[1]
    number = np.arange(sizes.size)
    asked = np.isin(number, problem.layers)
    used = np.bincount(sites.weights)
    every = (used[sites.weights] > 1) | (problem.step is not None)
    edges, links = np.diff(sites.first_edge), np.diff(sites.first_link)
    whole = (sites.slopes > 0) | asked | (edges + links > 1)
    return Scales(
        inputs=sites.inputs,
        rows=np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes))),
        slopes=sites.slopes,
        first_edge=sites.first_edge,
        sources=sites.sources,
        targets=sites.targets,
        weights=sites.weights,
        sd=sites.sd,
        rates=sites.rates,
        first_link=sites.first_link,
        link_sources=sites.link_sources,
        link_factors=sites.link_factors,
        first_use=np.concatenate((np.zeros(1, np.int64), np.cumsum(used))),
        uses=np.argsort(sites.weights, kind="stable"),
        columns=every | (sites.sources < len(sites.inputs)),
        every=every | whole[sites.targets],
        asked=asked,
        below=sites.below(problem.layers),
    )


@kernel
def _of(scales: Scales, vector: Array, site: int) -> Array:
    """The part of a flat ``vector`` that belongs to ``site``."""
    return vector[scales.rows[site] : scales.rows[site + 1]]


@part
def _new_state(scales: Scales) -> _State:
    size, sites = scales.rows[-1], scales.slopes.size
    z, x, g, u = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
    z_exp, x_exp = np.full(sites, ZERO), np.full(sites, ZERO)
    g_exp, u_exp = np.full(sites, ZERO), np.full(sites, ZERO)
    room = np.empty(np.max(np.diff(scales.rows)))
    return _State(z, x, g, u, z_exp, x_exp, g_exp, u_exp, room, np.empty(sites))


@kernel
def _begin_columns(scales: Scales, weights: Weights, state: _State, edge: int) -> None:
    source = scales.sources[edge]
    z, slope = _of(scales, state.z, source), scales.slopes[source]
    begin_columns(weights, z, slope, scales.columns[edge])


@kernel
def _product(
    scales: Scales, weights: Weights, state: _State, edge: int, vector: Array, out: Array
) -> None:
    """out = W vector, at the rows that matter."""
    _begin_columns(scales, weights, state, edge)
    z = _of(scales, state.z, scales.targets[edge])
    sd, every = scales.sd[edge], scales.every[edge]
    products(weights, scales.weights[edge], vector, sd, z, every, out)


@part
def _forward(scales: Scales, weights: Weights, network: int, state: _State) -> None:
    """z and x of all sites; weights are kept where an edge is the first to use them."""
    weights.now.network, weights.now.used = network, 0
    inputs = scales.inputs.shape[0]
    for site in range(scales.slopes.size):
        z, x, exponent = _of(scales, state.z, site), _of(scales, state.x, site), ZERO
        z[:] = 0.0
        if site < inputs:
            x[:] = scales.inputs[site]
            state.x_exp[site] = rescale(x, 0)
            continue
        for edge in range(scales.first_edge[site], scales.first_edge[site + 1]):
            source, layer, out = scales.sources[edge], scales.weights[edge], state.room[: z.size]
            below, sd = _of(scales, state.x, source), scales.sd[edge]
            if scales.uses[scales.first_use[layer]] == edge:
                _begin_columns(scales, weights, state, edge)
                pre_activations(weights, layer, below, sd, scales.every[edge], out)
            else:
                _product(scales, weights, state, edge, below, out)
            exponent = add_scaled(z, exponent, 1.0, out, state.x_exp[source])
        for link in range(scales.first_link[site], scales.first_link[site + 1]):
            source, factor = scales.link_sources[link], scales.link_factors[link]
            below = _of(scales, state.x, source)
            exponent = add_scaled(z, exponent, factor, below, state.x_exp[source])
        x[:] = z
        mask(z, scales.slopes[site], x)
        state.z_exp[site], state.x_exp[site] = exponent, rescale(x, exponent)


@part
def _backward(scales: Scales, weights: Weights, state: _State) -> None:
    """g = df/dz of all sites but the inputs."""
    state.g[:] = 0.0
    state.g_exp[:] = ZERO
    state.g[-1], state.g_exp[-1] = 1.0, 0
    inputs = scales.inputs.shape[0]
    for site in range(scales.slopes.size - 1, inputs - 1, -1):
        z, g = _of(scales, state.z, site), _of(scales, state.g, site)
        mask(z, scales.slopes[site], g)
        state.g_exp[site] = rescale(g, state.g_exp[site])
        exponent = state.g_exp[site]
        if exponent < ZERO // 2:
            continue
        for edge in range(scales.first_edge[site], scales.first_edge[site + 1]):
            source = scales.sources[edge]
            if source < inputs:
                continue
            below = _of(scales, state.g, source)
            out, layer, every = state.room[: below.size], scales.weights[edge], scales.every[edge]
            _begin_columns(scales, weights, state, edge)
            transposed_product(weights, layer, g, scales.sd[edge], z, every, out)
            state.g_exp[source] = add_scaled(below, state.g_exp[source], 1.0, out, exponent)
        for link in range(scales.first_link[site], scales.first_link[site + 1]):
            source, factor = scales.link_sources[link], scales.link_factors[link]
            if source >= inputs:
                below, ours = _of(scales, state.g, source), state.g_exp[source]
                state.g_exp[source] = add_scaled(below, ours, factor, g, exponent)


@kernel
def _own(
    scales: Scales, state: _State, edge: int, factor: float, real: bool, u: Array, exponent: int
) -> int:
    """Add factor r (the gradient of f by the weights of ``edge``) x to ``u``; its exponent then.

    The gradient is the sum of g x^T over all edges of these weights.  A ``real`` step multiplies it
    with the activations after the step, x + their change.
    """
    source, layer = scales.sources[edge], scales.weights[edge]
    x, x_exp = _of(scales, state.x, source), state.x_exp[source]
    change, change_exp = _of(scales, state.u, source), state.u_exp[source]
    top = max(x_exp, change_exp) if real else x_exp
    for use in scales.uses[scales.first_use[layer] : scales.first_use[layer + 1]]:
        other, target = scales.sources[use], scales.targets[use]
        theirs, g = _of(scales, state.x, other), _of(scales, state.g, target)
        overlap = dot(theirs, x) * power_of_two(x_exp - top)
        if real:
            overlap += dot(theirs, change) * power_of_two(change_exp - top)
        own_exp = state.x_exp[other] + top + state.g_exp[target]
        exponent = add_scaled(u, exponent, factor * scales.rates[edge] * overlap, g, own_exp)
    return exponent


@part
def _push(scales: Scales, weights: Weights, factor: float, real: bool, state: _State) -> None:
    """Updates u of z at the requested sites, and the logs of their mean squares.

    Linearised, u = K_zf: the sum over edges of r |x|^2 g + W D u_source, and over links.  A
    ``real`` step is the network run again with W - pull r dW at ``factor`` = -pull: nothing is
    linearised, and no difference of close numbers is taken.
    """
    for site in range(scales.inputs.shape[0], scales.slopes.size):
        if not scales.below[site]:
            continue
        z, u, exponent = _of(scales, state.z, site), _of(scales, state.u, site), ZERO
        u[:] = 0.0
        for edge in range(scales.first_edge[site], scales.first_edge[site + 1]):
            source, out = scales.sources[edge], state.room[: u.size]
            if state.u_exp[source] > ZERO // 2:
                _product(scales, weights, state, edge, _of(scales, state.u, source), out)
                exponent = add_scaled(u, exponent, 1.0, out, state.u_exp[source])
            exponent = _own(scales, state, edge, factor, real, u, exponent)
        for link in range(scales.first_link[site], scales.first_link[site + 1]):
            source, constant = scales.link_sources[link], scales.link_factors[link]
            below = _of(scales, state.u, source)
            exponent = add_scaled(u, exponent, constant, below, state.u_exp[source])
        if scales.asked[site]:
            state.logs[site] = log_mean_square(u, exponent)
        if not real:
            mask(z, scales.slopes[site], u)
        elif scales.slopes[site] != 1.0:
            top = max(state.z_exp[site], exponent)
            ours, theirs = power_of_two(state.z_exp[site] - top), power_of_two(exponent - top)
            back = power_of_two(top - exponent)
            activate_change(z, ours, u, theirs, back, scales.slopes[site])
        state.u_exp[site] = rescale(u, exponent)


@kernel
def site_updates(
    scales: Scales, weights: Weights, labels: Array, step: float, asked: Array, out: Array
) -> None:
    """The networks of ``weights``; ``step`` = 0 for the linearised update at eta = 1.

    ``labels``: +-1 for each network, used by a real step.  ``asked``: numbers of sites.  ``out``:
    logarithms, shape ``(parts, networks, sites)``: label and output part, or the real step's mean
    square over the rate squared.
    """
    state = _new_state(scales)
    for k in range(out.shape[1]):
        _forward(scales, weights, k, state)
        _backward(scales, weights, state)
        f, exponent = state.z[-1], state.z_exp[-1]
        pull = step * (f * power_of_two(exponent) - labels[k])
        _push(scales, weights, 1.0 if step == 0.0 else -pull, step != 0.0, state)
        for i in range(asked.size):
            log_square = state.logs[asked[i]]
            if step == 0.0:
                out[0, k, i] = log_square
                out[1, k, i] = log_square + 2.0 * (math.log(abs(f)) + LOG2 * exponent)
            else:
                out[0, k, i] = log_square - 2.0 * math.log(step)
