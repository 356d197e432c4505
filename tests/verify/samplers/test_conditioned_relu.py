"""The passes of `Conditioned` for linearised ReLU networks: draw by draw those of the general ones.

The general passes, which tests/verify/samplers/test_conditioned_controls.py holds against literal networks, run
uncompiled on the very numbers that the ReLU passes drew; both must give the same neurons and
updates, to rounding.  Negative controls replace one expression in the source of the ReLU passes.
"""

import math
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import verify.samplers.conditioned.passes
import verify.samplers.conditioned.relu_passes
import verify.samplers.conditioned.relu_state
from theory import MLP
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import block_stream
from verify.numerics.variates import Stream, new_stream
from verify.samplers.conditioned.relu_passes import (
    _inactive,
    _run,
    conditioned_relu_neurons,
    conditioned_relu_updates,
)
from verify.samplers.conditioned.relu_state import new_state, of_active
from verify.samplers.conditioned.state import new_state as new_general_state
from verify.samplers.problem import numeric_problem
from verify.samplers.vectors import Scales, of_layer, vector_scales

SAME, OTHER = 1e-9, 1e-4
"""Relative differences that rounding explains, and that it does not."""
PASSES, STATE = (
    Path(str(module.__file__)).read_text(encoding="utf-8")
    for module in (verify.samplers.conditioned.relu_passes, verify.samplers.conditioned.relu_state)
)
NETWORKS = 24
NETWORK = MLP((5, 3, 9, 2, 6), input_width=3, weight_variance="1.5", readout_variance=3)
RATES = (2, 1, 0, 3, 1)
ONE_LANE = """
LANES, no_lanes, sum_of_lanes = 1, lambda: 0.0, lambda lane: lane
lanes_at = lambda vector, i: float(vector[i])
fused_lanes = lambda a, b, c: a * b + c
"""
"""`verify.numerics.lanes` with a single lane, for Python."""
FREE = SimpleNamespace(
    sqrt=np.sqrt, log=np.log, exp=np.exp, hypot=np.hypot, copysign=np.copysign, inf=np.inf
)
"""Mathematics that makes a logarithm of 0 minus infinity, as the compiled one does."""


class Results(NamedTuple):
    """Of living networks: logarithms of label and output part, ``(2, networks, layers)``; z and its
    change in the last layer, ``(networks, width)``; f."""

    logs: FloatArray
    z: FloatArray
    change: FloatArray
    outputs: FloatArray


def setting() -> tuple[Stream, Scales, Any, FloatArray]:
    layers = range(1, NETWORK.layers + 1)
    problem = numeric_problem(NETWORK, layer=layers, rates=RATES, step=None)
    labels = np.random.default_rng(3).choice([-1.0, 1.0], NETWORKS)
    return new_stream(block_stream(41, 0)), vector_scales(problem), problem.layers, labels


def uncompiled(module: Any, wrong: str = "", instead: str = "") -> dict[str, Any]:
    """A module's names, run by Python, with one expression replaced."""
    text = Path(module.__file__).read_text(encoding="utf-8").replace(wrong or "\0", instead)
    text = re.sub(r"(from verify\.jit import) .*", "kernel = part = formula = lambda f: f", text)
    text = re.sub(r"from verify\.lanes import .*", ONE_LANE, text)
    names: dict[str, Any] = {"__name__": "uncompiled"}
    exec(compile(text, module.__name__, "exec"), names)
    names["math"] = FREE
    return names


def living(results: Results) -> Results:
    logs, z, change, outputs = results
    alive = outputs != 0
    return Results(logs[:, alive], z[alive], change[alive], outputs[alive])


def filled(updates: Any, neurons: Any) -> Results:
    """What passes give, from functions of the streams, the network and the places to fill."""
    stream, scales, layers, labels = setting()
    width = NETWORK.widths[-1]
    logs, outputs = np.empty((2, NETWORKS, layers.size)), np.empty(NETWORKS)
    z, change = np.empty((NETWORKS, width)), np.empty((NETWORKS, width))
    with np.errstate(all="ignore"):
        updates(stream, scales, layers, logs)
        neurons(stream, scales, labels, NETWORK.layers, z, change, outputs)
    return living(Results(logs, z, change, outputs))


def altered(wrong: str = "", instead: str = "") -> Results:
    """What the ReLU passes give with one expression replaced; the neurons are not shuffled."""
    assert not wrong or (STATE + PASSES).count(wrong) == 1, f"not once in the source: {wrong!r}"
    names = uncompiled(verify.samplers.conditioned.relu_passes, wrong, instead)
    sweeps = uncompiled(verify.samplers.conditioned.relu_state, wrong, instead)
    names |= {name: sweeps[name] for name in verify.samplers.conditioned.relu_state.__all__}
    names["_shuffle"] = lambda stream, one, other: None
    return filled(names["conditioned_relu_updates"], names["conditioned_relu_neurons"])


def drawn(stream: Stream, scales: Scales, network: int) -> Iterator[FloatArray]:
    """What the ReLU passes drew for a network, in the order in which the general ones ask for it:
    z upwards, xi downwards, zeta upwards.  The xi of inactive neurons matters to nobody."""
    state, last = new_state(scales), scales.rows.size - 2
    _run(stream, network, scales, state, last)
    layers, off = range(1, last + 1), {}
    for layer in layers:
        _inactive(stream, network, scales, state, layer)
        width = scales.rows[layer + 1] - scales.rows[layer]
        off[layer] = state.inactive[:, : width - of_active(state, state.z, layer).size].copy()
    for layer in layers:
        yield np.concatenate((of_active(state, state.z, layer), off[layer][0]))
    for layer in reversed(layers):
        yield np.concatenate((of_active(state, state.xi, layer), 7 + 0 * off[layer][0]))
    for layer in layers[1:]:
        yield np.concatenate((of_active(state, state.zeta, layer), off[layer][1]))


@cache
def general() -> Results:
    """What the general passes make of the same draws."""
    names = uncompiled(verify.samplers.conditioned.passes)
    stream, scales, _, labels = setting()
    one, rows, width, last = new_general_state(scales), [], NETWORK.widths[-1], NETWORK.layers
    names |= {"held": held}
    for k in range(NETWORKS):
        numbers = drawn(stream, scales, k)
        names["fresh_normals"] = lambda stream, state, size, numbers=numbers: next(numbers)
        one.z[-width:] = 0.0
        with np.errstate(all="ignore"):
            log_f, f = names["_run"](stream, k, scales, one, 0.0, labels[k], last)
            squares = 2 * one.log_u[1:] - np.log(NETWORK.widths[1:])
            log_z = one.log_x[last - 1] + np.log(scales.weight_sd[last - 1])
            z = np.exp(log_z) * of_layer(scales, one.z, last)
        change = (labels[k] - f) * np.exp(one.log_u[last]) * held(scales, one.u, last)
        rows.append(([squares, squares + 2 * log_f], z, change, f))
    logs, z, change, outputs = (np.array(column) for column in zip(*rows, strict=True))
    return living(Results(logs.transpose(1, 0, 2), z, change, outputs))


def held(scales: Scales, vector: FloatArray, layer: int) -> FloatArray:
    start = layer % 2 * (vector.size // 2)
    return vector[start : start + scales.rows[layer + 1] - scales.rows[layer]]


def difference(results: Results) -> float:
    """The largest difference from the general passes: of vectors over their lengths, of
    logarithms."""
    expected, apart = general(), []
    for one, other in zip(results[1:], expected[1:], strict=True):
        if one.shape != other.shape:
            return math.inf  # other networks are dead
        length = np.sqrt(np.sum(other**2, axis=-1, keepdims=True)) if other.ndim > 1 else abs(other)
        apart.append(np.max(np.abs(one - other) / length))
    apart.append(np.max(np.abs(results.logs - expected.logs)))
    largest = float(np.max(apart))
    return math.inf if math.isnan(largest) else largest


def test_the_networks_meet_every_number_of_active_neurons() -> None:
    stream, scales, _, _ = setting()
    counts = set()
    for k in range(NETWORKS):
        state = new_state(scales)
        if _run(stream, k, scales, state, NETWORK.layers)[1] != 0:
            counts |= set(np.diff(state.begin[1:]).tolist())
    assert {1, 2, 3, 4} <= counts
    assert len(general().outputs) > NETWORKS / 3


def test_uncompiled_they_give_what_the_general_passes_give() -> None:
    assert difference(altered()) < SAME


def test_compiled_they_give_the_same_up_to_the_order_of_neurons() -> None:
    ours, expected = filled(conditioned_relu_updates, conditioned_relu_neurons), general()
    ways = [np.argsort(results.z, axis=1) for results in (ours, expected)]
    assert any((ways[0] != ways[1]).ravel())
    in_order = [
        results._replace(
            z=np.take_along_axis(results.z, way, 1),
            change=np.take_along_axis(results.change, way, 1),
        )
        for results, way in zip((ours, expected), ways, strict=True)
    ]
    for one, other in zip(*in_order, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-8)


CONTROLS = [
    ("|x| left out", "state.log_x[layer - 1] + length", "length"),
    ("scale of W left out forwards", "scales.weight_sd[layer - 1] * state.norm", "state.norm"),
    ("|z|, not its square", "return dot(z, z)", "return float(np.sum(z))"),
    ("z of any sign", "z[i] = abs(z[i])", "z[i] = z[i]"),
    ("inactive z positive", "z[i] = -abs(z[i])", "z[i] = abs(z[i])"),
    ("f not the readout of x", "state.phi[layer] = along", "state.phi[layer] = -along"),
    ("g.z of another z", "state.norm[layer + 1] * cosine", "state.norm[layer] * cosine"),
    ("g.z dropped", "state.norm[layer + 1] * cosine", "along"),
    ("xi not across x", "state.lean[layer] = along / state.norm[layer]", "pass"),
    ("xi across x by too much", "left = fused_lanes(-lean", "left = fused_lanes(-2 * lean"),
    ("one neuron has an e_2", "math.sqrt(square) if z.size > 1 else 0.0", "math.sqrt(square) + 1"),
    ("gradient: |g| left out", "log_scale + math.log(length)", "math.log(length)"),
    ("gradient: scale of W left out", "state.log_g[layer] + math", "state.log_g[layer] + 0 * math"),
    ("g^ of another layer", "cosine, sine = _direction(state, layer)", "cosine, sine = 1.0, 0.0"),
    ("x^.y of another coordinate", "theirs * y[0]", "theirs * y[1]"),
    ("x^.y dropped", "one += with_z * norm + known", "one += known"),
    ("|y|, not |y_|", "math.hypot(y[1], y[2])", "1.0"),
    ("|y_| without xi", "math.hypot(y[1], y[2])", "abs(y[2])"),
    ("|y_| without zeta", "math.hypot(y[1], y[2])", "abs(y[1])"),
    ("h of another layer", "state.across[layer - 1] * y[1]", "state.across[layer] * y[1]"),
    (
        "h.y, not h.y_",
        "state.across[layer - 1] * y[1]",
        "(state.across[layer - 1] * y[1] + state.phi[layer - 1] * y[0])",
    ),
    ("h.y dropped along z", "known * cosine", "0 * cosine"),
    ("h.y dropped across z", "known * sine", "0 * sine"),
    ("fresh not across g", "second * cosine - first * sine", "second * cosine"),
    (
        "fresh across g of other sign",
        "second * cosine - first * sine",
        "second * cosine + first * sine",
    ),
    ("fresh: other sign along z", "- turned * sine", "+ turned * sine"),
    ("fresh dropped across z", "+ turned * cosine", ""),
    ("fresh of another length", "three = with_zeta * third", "three = third"),
    ("own |x| of another layer", "2.0 * state.log_x[layer - 1]", "2.0 * state.log_x[layer]"),
    (
        "own |g| of another layer",
        "+ state.log_g[layer]\n        log_carried",
        "+ state.log_g[1]\n        log_carried",
    ),
    (
        "own multiplier of another",
        "own, log_own = scales.rates[layer - 1]",
        "own, log_own = scales.rates[layer - 2]",
    ),
    ("scale of W left out", "state.log_u[layer - 1] + math", "state.log_u[layer - 1] + 0 * math"),
    ("|u| left out", "unit + math.log(_through", "unit + 0 * math.log(_through"),
    (
        "inactive: z for zeta",
        "made_negative(z, state.with_z[layer]",
        "made_negative(z, state.with_zeta[layer]",
    ),
    ("inactive: units of W y", "over(with_z, length)", "with_z"),
    ("inactive: zeta in units of W y", "over(with_zeta, length)", "with_zeta"),
    ("inactive left out", "1.0 + _inactive(", "1.0 + 0 * _inactive("),
    ("width left out", "math.log(square / width)", "math.log(square)"),
    ("f not squared", "log_square + 2.0 * log_f", "log_square + log_f"),
    ("zeta: xi leans elsewhere", "turned = fused_lanes(-lean", "turned = fused_lanes(lean"),
    ("zeta: e_1 not of length 1", "one / norm, over(two, across)", "one, over(two, across)"),
    ("zeta: e_2 not of length 1", "one / norm, over(two, across)", "one / norm, two"),
    ("zeta: not across z", "fused_lanes(-of_z, ", "fused_lanes(-0 * of_z, "),
    ("zeta: not across xi", "fused_lanes(-of_xi, ", "fused_lanes(-0 * of_xi, "),
    ("zeta: across xi, not its part", "of_z = one / norm - of_xi * lean", "of_z = one / norm"),
    ("change: zeta not across z", "(u[0] - of_zeta * one) / norm", "u[0] / norm"),
    ("change: zeta not across xi", "u[1] - of_zeta * two", "u[1]"),
    ("change: xi not across z", "/ norm - of_xi * lean\n    combined", "/ norm\n    combined"),
    ("change: label left out", "labels[k] - outputs[k]", "-outputs[k]"),
    ("change: f left out", "labels[k] - outputs[k]", "labels[k]"),
    ("draws used twice", "turn_to(stream, network, 1, 0)", "turn_to(stream, network, 0, 0)"),
]


@pytest.mark.parametrize(
    ("wrong", "instead"),
    [control[1:] for control in CONTROLS],
    ids=[control[0] for control in CONTROLS],
)
def test_an_altered_pass_gives_other_numbers(wrong: str, instead: str) -> None:
    assert difference(altered(wrong, instead)) > OTHER
