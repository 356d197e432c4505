"""The passes of `Conditioned`, network by network, against a literal network with the same products.

From what the passes drew, plain NumPy builds weight matrices G = z x^T + g^ xi_^T + (1 - g^ g^T)
zeta y_^T (hats and all as in `verify.samplers.conditioned.passes`), each of which has the products that the
lemma of docs/conditioning.md claims.  The literal network with these weights, every derivative of
it formed explicitly, must have the same pre-activations and updates, to rounding.  Negative
controls replace one expression in the source of the passes and run it uncompiled.
"""

import math
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from theory import MLP, LeakyReLU
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import block_stream
from verify.numerics.variates import new_stream
from verify.samplers.conditioned import passes
from verify.samplers.conditioned import state as state_module
from verify.samplers.problem import numeric_problem
from verify.samplers.vectors import Scales, vector_scales

from .roads.literal_network import Network, forward, gradient, linearised_update, real_step

SAME, OTHER = 1e-7, 1e-4
"""Relative differences that rounding explains, and that it does not."""
NETWORKS = 16
WIDTHS, RATES = (5, 3, 9, 2, 6), (2, 1, 0, 3, 1)
ONE_LANE = """
LANES, no_lanes, sum_of_lanes = 1, lambda: 0.0, lambda lane: lane
lanes_at = lambda vector, i: float(vector[i])
fused_lanes = lambda a, b, c: a * b + c
"""
"""`verify.numerics.lanes` with a single lane, for Python."""
FREE = SimpleNamespace(sqrt=np.sqrt, log=np.log, exp=np.exp, copysign=np.copysign, inf=np.inf)
"""Mathematics that makes a logarithm of 0 minus infinity, as the compiled one does."""


class Case(NamedTuple):
    """A slope, and the rate of a real step."""

    slope: str
    step: float = 0.0


RELU, LEAKY, LINEAR = Case("0"), Case("0.3"), Case("1")
STEP, LEAKY_STEP = Case("0", 0.3), Case("0.3", 0.2)
CASES = [RELU, LEAKY, LINEAR, STEP, LEAKY_STEP]


class Results(NamedTuple):
    """Of living networks: logarithms by part, ``(parts, networks, layers)``; z and its change in
    the last layer, ``(networks, width)``, ordered by z; f."""

    logs: FloatArray
    z: FloatArray
    change: FloatArray
    outputs: FloatArray


def setting(case: Case) -> tuple[Scales, Any, FloatArray]:
    """The network, its layers, and labels."""
    network = MLP(
        WIDTHS,
        input_width=3,
        weight_variance="1.5",
        readout_variance=3,
        activation=LeakyReLU(case.slope),
    )
    problem = numeric_problem(network, layer=range(1, 6), rates=RATES, step=case.step or None)
    labels = np.random.default_rng(3).choice([-1.0, 1.0], NETWORKS)
    return vector_scales(problem), problem.layers, labels


def results(logs: Any, z: Any, change: Any, outputs: Any) -> Results:
    """Of the networks that live."""
    alive = outputs != 0
    logs, z, change = np.asarray(logs)[:, alive], z[alive], change[alive]
    order = np.argsort(z, axis=1)
    sorted_z, sorted_change = (np.take_along_axis(each, order, 1) for each in (z, change))
    return Results(logs, sorted_z, sorted_change, outputs[alive])


def passed(case: Case, updates: Any, neurons: Any) -> Results:
    """What passes give."""
    (scales, layers, labels), step = setting(case), case.step
    outputs, logs = np.empty(NETWORKS), np.empty((1 if step else 2, NETWORKS, layers.size))
    z, change = np.empty((NETWORKS, WIDTHS[-1])), np.empty((NETWORKS, WIDTHS[-1]))
    with np.errstate(all="ignore"):
        stream = new_stream(block_stream(41, 0))
        updates(stream, scales, step, labels, layers, logs)
        neurons(stream, scales, step, labels, len(WIDTHS), z, change, outputs)
    return results(logs, z, change, outputs)


def altered(case: Case, wrong: str = "", instead: str = "") -> Results:
    """What the passes give with one expression replaced, run by Python."""
    names: dict[str, Any] = {"__name__": "uncompiled"}
    sources = [Path(str(each.__file__)).read_text("utf-8") for each in (state_module, passes)]
    assert not wrong or "".join(sources).count(wrong) == 1, f"not once in the source: {wrong!r}"
    for text in sources:
        text = text.replace(wrong or "\0", instead)
        text = re.sub(r"from verify\.numerics\.lanes import .*", ONE_LANE, text)
        text = re.sub(r"from verify\.samplers\.conditioned\.state import \([^)]*\)", "", text)
        text = text.replace(
            "from verify.numerics.compiled import kernel, part",
            "kernel = part = lambda function: function",
        )
        exec(compile(text, "uncompiled", "exec"), names)
        names["math"] = FREE
    return passed(case, names["conditioned_updates"], names["conditioned_neurons"])


def draws(case: Case) -> list[list[FloatArray]]:
    """z, xi and zeta of every layer of every network, each of shape ``(3, width)``."""
    scales, layers, labels = setting(case)
    stream, state = new_stream(block_stream(41, 0)), passes._room(scales, case.step)
    found = []
    for k in range(NETWORKS):
        log_f, _ = passes._run(stream, k, scales, state, case.step, labels[k], len(WIDTHS))
        if log_f > -math.inf:
            found.append([np.concatenate(_blocks(stream, k, scales, state, n), 1) for n in layers])
    return found


def _blocks(stream: Any, k: int, scales: Scales, state: Any, layer: int) -> list[FloatArray]:
    (begin, middle), end = state.begin[layer], state.begin[layer + 1, 0]
    on = np.array([each[begin:middle] for each in (state.z, state.xi, state.zeta)], float)
    if state.blocks == 2:
        off = np.array([each[middle:end] for each in (state.z, state.xi, state.zeta)], float)
    else:
        others = passes._inactive.py_func(stream, k, scales, state, layer)
        off = np.array([others[0], 7 + 0 * others[1], others[2]], float)
    return [on, off]


def unit(vector: FloatArray) -> FloatArray:
    length = np.linalg.norm(vector)
    return vector / length if length > 0 else vector


def literal_network(case: Case, drawn: list[FloatArray], label: float) -> Network:
    """A network that has all the products that were drawn."""
    scales, _, _ = setting(case)
    x, g, slope = [np.full(3, scales.input_norm / 3**0.5)], [], scales.slope
    for sd, (z, _, _) in zip(scales.weight_sd, drawn, strict=True):
        x.append(sd * np.linalg.norm(x[-1]) * np.where(z > 0, 1.0, slope) * z)
    h = readout = scales.readout_sd * drawn[-1][1]
    for layer in range(len(drawn), 0, -1):
        z, xi, _ = drawn[layer - 1]
        if layer < len(drawn):
            across = xi - unit(x[layer]) * (unit(x[layer]) @ xi)
            along = drawn[layer][0] @ unit(g[0])
            h = scales.weight_sd[layer] * np.linalg.norm(g[0]) * (unit(x[layer]) * along + across)
        g.insert(0, np.where(z > 0, 1.0, slope) * h)
    pull = case.step * (readout @ x[-1] - label)
    weights, y = [], np.zeros(3)
    for layer, (z, _, zeta) in enumerate(drawn, start=1):
        below, above, sd = unit(x[layer - 1]), unit(g[layer - 1]), scales.weight_sd[layer - 1]
        xi = drawn[layer - 2][1] if layer > 1 else np.zeros(3)
        fresh = zeta - above * (above @ zeta)
        matrix = np.outer(z, below) + np.outer(above, xi - below * (below @ xi))
        y_ = y - below * (below @ y)
        if np.linalg.norm(y_) > 1e-9 * np.linalg.norm(y):
            matrix += np.outer(fresh, unit(y_))
        weights.append(sd * matrix)
        own = scales.rates[layer - 1] * (x[layer - 1] @ (x[layer - 1] + (y if case.step else 0)))
        u = weights[-1] @ y + (-pull if case.step else 1.0) * own * g[layer - 1]
        before = sd * np.linalg.norm(x[layer - 1]) * z
        after = before + u
        moved = np.where(after > 0, after, slope * after) - x[layer]
        y = moved if case.step else np.where(z > 0, 1.0, slope) * u
    return Network(weights, readout, x[0], slope, tuple(scales.rates))


@cache
def expected(case: Case) -> Results:
    """What literal networks give."""
    _, layers, labels = setting(case)
    alive, columns = passed(case, passes.conditioned_updates, passes.conditioned_neurons), []
    full = np.empty(NETWORKS)
    scales = setting(case)[0]
    room, change = np.empty((2, NETWORKS, WIDTHS[-1]))
    passes.conditioned_neurons(
        new_stream(block_stream(41, 0)), scales, case.step, labels, 5, room, change, full
    )
    for drawn, label in zip(draws(case), labels[full != 0], strict=True):
        network = literal_network(case, drawn, label)
        run = forward(network)
        if case.step:
            moved = [real_step(network, rate=case.step, label=label, layer=n) for n in layers]
            logs = [[2 * np.log(np.sqrt(np.mean(each**2)) / case.step) for each in moved]]
            last = moved[-1]
        else:
            moved = [linearised_update(network, layer=n) for n in layers]
            logs = [[np.log(np.mean(each**2)) for each in moved]]
            logs.append([each + 2 * np.log(abs(run.output)) for each in logs[0]])
            last = (label - run.output) * moved[-1]
        assert gradient(network, layer=1) @ run.pre_activations[0] == pytest.approx(run.output)
        columns.append((logs, run.pre_activations[-1], last, run.output))
    assert len(columns) == len(alive.outputs)
    logs, z, change, outputs = (np.array(column) for column in zip(*columns, strict=True))
    return results(logs.transpose(1, 0, 2), z, change, outputs)


def difference(case: Case, found: Results) -> float:
    """The largest difference from literal networks: of vectors over their lengths, of
    logarithms."""
    apart = []
    for one, other in zip(found[1:], expected(case)[1:], strict=True):
        if one.shape != other.shape:
            return math.inf  # other networks are dead
        length = np.sqrt(np.sum(other**2, axis=-1, keepdims=True)) if other.ndim > 1 else abs(other)
        apart.append(np.max(np.abs(one - other) / length))
    apart.append(np.max(np.abs(found.logs - expected(case).logs)))
    largest = float(np.max(apart))
    return math.inf if math.isnan(largest) else largest


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_compiled_they_give_what_literal_networks_with_the_same_products_give(case: Case) -> None:
    found = passed(case, passes.conditioned_updates, passes.conditioned_neurons)
    assert difference(case, found) < SAME
    assert len(found.outputs) > NETWORKS / 3


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_uncompiled_they_give_the_same(case: Case) -> None:
    assert difference(case, altered(case)) < SAME
