"""The passes of `Conditioned`, each network against a literal network with the same products.

From what the passes drew, plain NumPy builds weight matrices G = z x^T + g^ xi_^T + (1 - g^ g^T)
zeta y_^T (notation of `verify.samplers.conditioned.passes`), each of which has the products that
the lemma of docs/sampler-proofs.md claims.  The literal network with these weights, every
derivative of it formed explicitly, must have the same pre-activations and updates, to rounding.
Negative controls replace one expression in the source of the passes and run it uncompiled.
"""

import math
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.roads.literal_network import Network, forward, gradient, linearised_update, real_step
from tests.tools.uncompiled import uncompiled
from theory import MLP, LeakyReLU
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import block_stream
from verify.numerics.variates import new_stream
from verify.samplers.conditioned import passes
from verify.samplers.conditioned import state as state_module
from verify.samplers.problem import numeric_problem
from verify.samplers.vectors import Scales, vector_scales

SAME, OTHER = 1e-7, 1e-4
"""Relative differences that rounding explains, and that it does not."""
NETWORKS = 16
WIDTHS, RATES = (5, 3, 9, 2, 6), (2, 1, 0, 3, 1)
ONE_LANE: dict[str, Any] = {
    "LANES": 1,
    "no_lanes": lambda: 0.0,
    "sum_of_lanes": lambda lane: lane,
    "lanes_at": lambda vector, i: float(vector[i]),
    "fused_lanes": lambda a, b, c: a * b + c,
}
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
        state = state_module.new_state(scales, step)
        updates(stream, scales, state, step, labels, layers, logs)
        neurons(stream, scales, state, step, labels, len(WIDTHS), z, change, outputs)
    return results(logs, z, change, outputs)


def altered_passes(wrong: str = "", instead: str = "") -> dict[str, Any]:
    """The names of the passes with one expression replaced, to be run by Python."""
    return uncompiled((state_module, passes), wrong, instead, math=FREE, **ONE_LANE)


def altered(case: Case, wrong: str = "", instead: str = "") -> Results:
    """What the passes give with one expression replaced."""
    names = altered_passes(wrong, instead)
    return passed(case, names["conditioned_updates"], names["conditioned_neurons"])


def draws(case: Case) -> list[list[FloatArray]]:
    """z, xi and zeta of every layer of every network, each of shape ``(3, width)``."""
    scales, layers, labels = setting(case)
    stream, state = new_stream(block_stream(41, 0)), state_module.new_state(scales, case.step)
    found: list[list[FloatArray]] = []
    for k in range(NETWORKS):
        log_f, _ = passes.run(stream, k, scales, state, case.step, labels[k], len(WIDTHS))
        if log_f > -math.inf:
            found.append([np.concatenate(_blocks(stream, k, scales, state, n), 1) for n in layers])
    return found


inactive: Any = passes.inactive.py_func  # type: ignore[attr-defined]


def _blocks(stream: Any, k: int, scales: Scales, state: Any, layer: int) -> list[FloatArray]:
    (begin, middle), end = state.begin[layer], state.begin[layer + 1, 0]
    on = np.array([each[begin:middle] for each in (state.z, state.xi, state.zeta)], float)
    if state.blocks == 2:
        off = np.array([each[middle:end] for each in (state.z, state.xi, state.zeta)], float)
    else:
        others = inactive(stream, k, scales, state, layer)
        off = np.array([others[0], 7 + 0 * others[1], others[2]], float)
    return [on, off]


def unit(vector: FloatArray) -> FloatArray:
    length = np.linalg.norm(vector)
    return vector / length if length > 0 else vector


def literal_network(case: Case, drawn: list[FloatArray], label: float) -> Network:
    """A network that has all the products that were drawn."""
    scales, _, _ = setting(case)
    x, slope = [np.full(3, scales.input_norm / 3**0.5)], scales.slope
    g: list[FloatArray] = []
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
    state = state_module.new_state(scales, case.step)
    passes.conditioned_neurons(
        new_stream(block_stream(41, 0)), scales, state, case.step, labels, 5, room, change, full
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
    all_logs, z, change, outputs = (np.array(column) for column in zip(*columns, strict=True))
    return results(all_logs.transpose(1, 0, 2), z, change, outputs)


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


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_compiled_they_give_what_literal_networks_with_the_same_products_give(case: Case) -> None:
    found = passed(case, passes.conditioned_updates, passes.conditioned_neurons)
    assert difference(case, found) < SAME
    assert len(found.outputs) > NETWORKS / 3


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_uncompiled_they_give_the_same(case: Case) -> None:
    assert difference(case, altered(case)) < SAME


def test_some_layers_have_no_active_neuron_and_some_have_one() -> None:
    counts = {int(np.sum(z > 0)) for drawn in draws(LEAKY) for z, _, _ in drawn}
    assert {0, 1, 2, 3, 4} <= counts
    counts = {int(np.sum(z > 0)) for drawn in draws(RELU) for z, _, _ in drawn}
    assert {1, 2, 3, 4} <= counts


SQUARE_OF_H = "square_of_h += mask * mask * square"
CONTROLS = [
    ("|x| left out", LEAKY, "state.log_x[layer - 1] + length", "length"),
    (
        "scale of W left out forwards",
        RELU,
        "scales.weight_sd[layer - 1] * state.norm",
        "state.norm",
    ),
    ("|z|, not its square", RELU, "return dot(z, z)", "return float(np.sum(z))"),
    ("signs swapped", LEAKY, "signed(1.0 - 2.0 * block", "signed(2.0 * block - 1.0"),
    ("inactive z positive", RELU, "signed(-1.0, z)", "signed(1.0, z)"),
    ("x not masked", LEAKY, "norm2 += mask * mask", "norm2 += 1.0"),
    (
        "slope left out where all are inactive",
        LEAKY,
        "math.log(scales.slope) if bare",
        "0.0 if bare",
    ),
    ("f not the readout of x", RELU, "phi, signal = along", "phi, signal = -along"),
    ("f without the mask", LEAKY, "over(state.mask[layer, block] * ", "over("),
    ("g.z dropped", LEAKY, "over(phi - along, ", "over(-along, "),
    ("g.z of another z", RELU, "phi * over(state.norm[layer]", "phi * over(state.norm[1]"),
    ("xi not across x", LEAKY, "over(phi - along, ", "over(phi, "),
    ("gradient not masked", LEAKY, SQUARE_OF_H, "square_of_h += square"),
    (
        "gradient: x not masked",
        LEAKY,
        "square_of_sum(tilt * mask, z, xi)",
        "square_of_sum(tilt, z, xi)",
    ),
    (
        "gradient: |g| left out",
        RELU,
        "log_scale + math.log(state.length[layer])",
        "math.log(state.length[layer])",
    ),
    ("gradient: scale of W left out", RELU, "= state.log_g[layer] + math", "= 0 * math"),
    (
        "scale of W left out",
        LEAKY,
        "log_carried = below.log + math",
        "log_carried = below.log + 0 * math",
    ),
    (
        "x^.y dropped",
        RELU,
        "carried * below.along, carried * below.across",
        "0.0, carried * below.across",
    ),
    (
        "|y|, not |y_|",
        LEAKY,
        "carried * below.along, carried * below.across",
        "carried * below.along, carried",
    ),
    ("xi.y_ dropped", RELU, "pull += carried * below.xi_y - over", "pull += -over"),
    ("xi.y_ of other sign", LEAKY, "pull += carried * below.xi_y", "pull -= carried * below.xi_y"),
    ("fresh not across g", RELU, "- over(fresh * turned, state.length[layer])", ""),
    ("fresh across g of other sign", LEAKY, "- over(fresh * turned", "+ over(fresh * turned"),
    ("g.zeta not masked", LEAKY, "turned += mask * (", "turned += ("),
    ("g.zeta without z", LEAKY, "(state.tilt[layer] * mask * z_zeta + xi_zeta)", "xi_zeta"),
    ("g^ not of length 1", RELU, "= over(pull, state.length[layer])", "= pull"),
    ("update: g without z", LEAKY, "+ own * mask * state.tilt[layer]", ""),
    ("update: g not masked", LEAKY, "own = state.own[layer] * mask", "own = state.own[layer]"),
    ("y not masked", LEAKY, "x_y += mask * mask * (", "x_y += mask * ("),
    ("x^.y without zeta", LEAKY, "(product + of_zeta * state.z_zeta[layer, block])", "product"),
    ("x^.y without xi", LEAKY, "+ of_xi * state.z_xi[layer, block]", ""),
    ("y_ not across x", RELU, "factors = of_z - left", "factors = of_z"),
    ("|y_| not masked", LEAKY, "square_across + mask * mask * square", "square_across + square"),
    ("xi.y_ not masked", LEAKY, "xi_y + mask * product", "xi_y + product"),
    (
        "slope of y left out",
        LEAKY,
        "log_unit = state.log_u[layer] + state.log_mask[layer]",
        "log_unit = state.log_u[layer]",
    ),
    ("|y| left out", RELU, "log_unit + math.log(length)", "log_unit"),
    ("|y| left out of its parts", RELU, "along / length, across / length", "along, across"),
    (
        "own |x| of another layer",
        RELU,
        "log_x, own = state.log_x[layer - 1]",
        "log_x, own = state.log_x[layer]",
    ),
    (
        "own |g| of another layer",
        RELU,
        "2.0 * log_x + state.log_g[layer]",
        "2.0 * log_x + state.log_g[1]",
    ),
    (
        "multiplier of another layer",
        LEAKY,
        "factor * scales.rates[layer - 1]",
        "factor * scales.rates[layer - 2]",
    ),
    (
        "inactive left out",
        RELU,
        "square += square_and_dot(coefficients(state, layer, 1), others)[0]",
        "",
    ),
    ("width left out", RELU, "math.log(square / width)", "math.log(square)"),
    ("f not squared", RELU, "log_square + 2.0 * log_f", "log_square + log_f"),
    ("change: label left out", RELU, "labels[k] - outputs[k] if", "-outputs[k] if"),
    ("change: f left out", LEAKY, "labels[k] - outputs[k] if", "labels[k] if"),
    (
        "step: not activated",
        LEAKY_STEP,
        "activate_change(state.z[begin:end], ours",
        "(lambda *_: None)(state.z[begin:end], ours",
    ),
    ("step: z of another scale", STEP, "+ state.log_x[layer - 1]\n    unit", "\n    unit"),
    (
        "step: largest change left out",
        STEP,
        "log_unit = log_u + math.log(scaled(y))",
        "log_unit = log_u + 0 * scaled(y)",
    ),
    ("step: y_ not across x", STEP, "of_z = -state.mask[layer, block] * left", "of_z = 0.0"),
    ("step: x not masked", LEAKY_STEP, "of_z = -state.mask[layer, block] * left", "of_z = -left"),
    ("step: xi.y, not xi.y_", LEAKY_STEP, "xi_y += of_z * state.z_xi[layer, block]", "pass"),
    ("step: moved x left out", STEP, "own *= 1.0 + below.along", "own *= 1.0 + 0 * below.along"),
    ("step: moved x of other sign", STEP, "own *= 1.0 + below.along", "own *= 1.0 - below.along"),
    ("step: moved x of other scale", STEP, "math.exp(below.log - log_x)", "math.exp(below.log)"),
    ("step: linearised", LEAKY_STEP, "if step else masked", "if False else masked"),
    ("step: f left out", LEAKY_STEP, "(label - f)", "label"),
    ("step: label left out", LEAKY_STEP, "(label - f)", "(-f)"),
    ("step: upwards", LEAKY_STEP, "(label - f)", "(f - label)"),
    ("step: over the rate", STEP, "log_square - 2.0 * math.log(step)", "log_square"),
    ("draws used twice", RELU, "turn_to(stream, network, 1, 0)", "turn_to(stream, network, 0, 0)"),
]


@pytest.mark.wide
@pytest.mark.parametrize(
    ("case", "wrong", "instead"),
    [control[1:] for control in CONTROLS],
    ids=[control[0] for control in CONTROLS],
)
def test_an_altered_pass_gives_other_numbers(case: Case, wrong: str, instead: str) -> None:
    assert difference(case, altered(case, wrong, instead)) > OTHER
