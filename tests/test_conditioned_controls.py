"""Negative controls: `Conditioned` with one thing wrong must differ from literal networks.

Each control replaces one expression in the source of the compiled passes, or of the lemma they
call, and runs it uncompiled around the compiled draws.  Where the compiled code has a number of
one network, the altered code has an array with one entry for each of many networks: vectors have
shape ``(neurons, networks)``.  (What ReLU networks have of their own is held against these passes
in tests/test_conditioned_relu.py.)  A difference counts as
caught at a corrected p below ``FALSE_ALARM``; the test asks for p below ``CAUGHT``, so far beyond
it that another seed would be caught too with more than 99 % chance (the argument is in
tests/test_sampler_controls.py).
"""

from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import verify.samplers.conditioned.gaussian_matrix

import verify.samplers.conditioned.passes
from theory import MLP, LeakyReLU, Linear
from verify import Dense
from verify.numerics.arrays import FloatArray
from verify.numerics.single_normals import single_normals
from verify.numerics.streams import block_stream
from verify.numerics.variates import new_stream
from verify.samplers.conditioned.state import State
from verify.samplers.problem import Problem, numeric_problem
from verify.samplers.vectors import Scales, vector_scales

from .laws import draws, smallest_p

FALSE_ALARM = 1e-4
CAUGHT = 1e-10
PASSES = Path(verify.samplers.conditioned.passes.__file__).read_text(encoding="utf-8")
LEMMA = Path(verify.samplers.conditioned.gaussian_matrix.__file__).read_text(encoding="utf-8")
MATHEMATICS = SimpleNamespace(
    sqrt=np.sqrt, log=np.log, exp=np.exp, copysign=np.copysign, inf=np.inf
)


class Case(NamedTuple):
    """A network, its multipliers, the rate of a real step, and how many samples to compare."""

    network: MLP
    rates: tuple[int, ...] | None = None
    step: float | None = None
    samples: int = 12_000


RELU = Case(MLP(4, 4, input_width=3))
NARROW = Case(MLP(2, 3))
LEAKY = Case(MLP((3, 5, 2, 4), activation=LeakyReLU("0.3")), rates=(2, 1, 3, 1))
CARRIED = Case(MLP(2, 4, activation=LeakyReLU("0.8")), rates=(1, 0, 0, 0), samples=20_000)
"""Multipliers that leave only the carried part of the update above layer 1, to see its draws."""
STEP = Case(MLP(4, 4), rates=(1, 2, 1, 3), step=2.0)
LEAKY_STEP = Case(MLP(8, 5, activation=LeakyReLU("0.3")), step=0.5)
LINEAR_STEP = Case(MLP(8, 5, activation=Linear()), step=2.0)
LINEAR = Case(MLP(3, 5, activation=Linear()), samples=40_000)
CASES = [RELU, NARROW, LEAKY, CARRIED, STEP, LEAKY_STEP, LINEAR_STEP, LINEAR]

BACKWARD = "product(above[:0], x[:0], x, z_above, above, fresh, h)"
UPDATE = "product(x, z, g, h, y, fresh_normals(stream, state, u.size), u)"
UNIT_X = "return _unit(scales, state, layer, z, held(scales, state.x, layer))"
UNIT_G = "return _unit(scales, state, layer, h, held(scales, state.g, layer))"
SCALES, UNMASKED = "_unit(scales", "_unit(scales._replace(slope=1.0)"
STATE, OPPOSITE = "state, layer, ", "state._replace(z=-state.z), layer, "
MASK_Y = "mask(of_layer(scales, state.z, layer - 1), scales.slope, y)"
TANGENT_OWN = "log_own = 2.0 * state.log_x[layer - 1] + state.log_g[layer]"
STEP_OWN = "2.0 * log_x + state.log_g[layer])"
ACTIVATE = "activate_change(z, ours, y, theirs, back, scales.slope)"
FRESH = "known - dot(unit, out)"
KNOWN = "dot(e[j * columns : (j + 1) * columns], y)"
WHOLE_Y = "y + sum(along[i] * q[i * columns : (i + 1) * columns] for i in range(len(along)))"

IN_THE_PASSES = [
    ("z: |x| left out", LEAKY, "state.log_x[layer - 1] + length", "length"),
    ("x not masked", LEAKY, UNIT_X, UNIT_X.replace(SCALES, UNMASKED)),
    ("x: slope where z > 0", LEAKY, UNIT_X, UNIT_X.replace(STATE, OPPOSITE)),
    ("f not the readout of x", RELU, "signal = dot(x, h)", "signal = dot(x, another(h))"),
    ("g.z = f dropped", RELU, BACKWARD, "h[:] = fresh"),
    ("g.z of another z", RELU, BACKWARD, BACKWARD.replace("z_above", "another(z_above)")),
    ("gradient: |g| left out", RELU, "= state.log_g[layer] + math", "= math"),
    ("gradient not masked", RELU, UNIT_G, UNIT_G.replace(SCALES, UNMASKED)),
    ("gradient: slope where z > 0", LEAKY, UNIT_G, UNIT_G.replace(STATE, OPPOSITE)),
    ("update independent", RELU, UPDATE, "u[:] = fresh_normals(stream, state, u.size)"),
    ("z not used", LINEAR_STEP, UPDATE, UPDATE.replace("x, z", "x[:0], z[:0]")),
    ("h not used", RELU, UPDATE, UPDATE.replace("g, h", "g[:0], h[:0]")),
    ("another h", RELU, UPDATE, UPDATE.replace("h", "another(h)", 1)),
    ("scale of W left out", LEAKY, "state.log_u[below] + math", "state.log_u[below] + 0 * math"),
    ("y not masked", RELU, MASK_Y, "pass"),
    ("y: slope where z > 0", LEAKY, MASK_Y, MASK_Y.replace("of_", "-of_")),
    ("own |x| of another layer", RELU, TANGENT_OWN, TANGENT_OWN.replace("layer - 1", "layer")),
    ("own |g| of another layer", RELU, TANGENT_OWN, TANGENT_OWN.replace("g[layer]", "g[1]")),
    ("own multiplier of another", LEAKY, "rates[layer - 1], log_own", "rates[layer - 2], log_own"),
    ("draws used twice", LINEAR, "turn_to(stream, network, 1", "turn_to(stream, network, 0"),
    ("step: linearised", LEAKY_STEP, ACTIVATE, "mask(z, scales.slope, y)"),
    ("step: not activated", LEAKY_STEP, ACTIVATE, "pass"),
    ("step: z of another scale", STEP, "+ state.log_x[layer - 2]", ""),
    ("step: moved x left out", STEP, "overlap += met", "overlap += 0 * met"),
    ("step: moved x of other sign", STEP, "overlap += met", "overlap -= met"),
    ("step: own |x| of another", STEP, STEP_OWN, "2.0 * state.log_x[layer] + state.log_g[layer])"),
    ("step: own |g| of another", STEP, STEP_OWN, "2.0 * log_x + state.log_g[1])"),
    ("step: multiplier of another", STEP, "[layer - 1] * overlap", "[layer - 2] * overlap"),
    ("step: f left out", LEAKY_STEP, "(f - label)", "(-label)"),
    ("step: label left out", LEAKY_STEP, "(f - label)", "f"),
    ("step: upwards", LEAKY_STEP, "(f - label)", "(label - f)"),
]
IN_THE_LEMMA = [
    ("backward: fresh not across x", RELU, BACKWARD, FRESH, "known"),
    ("backward: g.z dropped", RELU, BACKWARD, FRESH, "-dot(unit, out)"),
    ("backward: g.z of other sign", RELU, BACKWARD, FRESH, "-" + FRESH),
    ("y not across x", RELU, UPDATE, "_add(-along[i], q", "_add(0 * along[i], q"),
    ("|y|, not |y_|", RELU, UPDATE, "dot(y, y)", "dot(y, y) + dot(along, along)"),
    ("h.y, not h.y_", RELU, UPDATE, KNOWN, KNOWN.replace("y)", f"{WHOLE_Y})")),
    ("product along x dropped", RELU, UPDATE, "_add(along[i], p", "_add(0 * along[i], p"),
    ("along x of other sign", RELU, UPDATE, "_add(along[i], p", "_add(-along[i], p"),
    ("h.y dropped", RELU, UPDATE, FRESH, "-dot(unit, out)"),
    ("h.y of other sign", RELU, UPDATE, FRESH, "-" + FRESH),
    ("fresh not across g", CARRIED, UPDATE, FRESH, "known"),
    ("fresh of another length", RELU, UPDATE, "across * fresh[k]", "fresh[k]"),
]

AS_ARRAYS = [
    (
        "from verify.numerics.compiled import kernel, part",
        "kernel = part = lambda function: function",
    ),
    (".size", ".shape[0]"),
    ("if length == -math.inf:", "if np.all(length == -math.inf):"),
    ("if top == -math.inf:", "if np.all(top == -math.inf):"),
    ("if own == 0.0:", "if np.all(own == 0.0):"),
    ("if log_carried > -math.inf:", "if np.any(log_carried > -math.inf):"),
    ("state.log_u[layer - 1] > -math.inf:", "np.any(state.log_u[layer - 1] > -math.inf):"),
]
"""What in the passes supposes that a number is one network's, and the same for arrays."""


def dot(left: FloatArray, right: FloatArray) -> FloatArray:
    return np.einsum("ij,ij->j", left, right)


def mask(z: FloatArray, slope: float, vector: FloatArray) -> None:
    vector *= np.where(z > 0, 1.0, slope)


def activate_change(
    z: FloatArray, ours: Any, change: FloatArray, theirs: Any, back: Any, slope: float
) -> None:
    before, after = ours * z, ours * z + theirs * change
    kept = change * np.where(before > 0, 1.0, slope)
    moved = after * np.where(after > 0, 1.0, slope) - before * np.where(before > 0, 1.0, slope)
    change[:] = np.where((before > 0) == (after > 0), kept, moved * back)


def of_layer(scales: Scales, vector: FloatArray, layer: int) -> FloatArray:
    return vector[scales.rows[layer] : scales.rows[layer + 1]]


def held(scales: Scales, vector: FloatArray, layer: int) -> FloatArray:
    start = layer % 2 * (len(vector) // 2)
    return vector[start : start + scales.rows[layer + 1] - scales.rows[layer]]


def copy(vector: FloatArray, out: FloatArray) -> None:
    out[:] = vector


def fresh(stream: Any, state: Any, size: int) -> FloatArray:
    out = np.empty(size * state.log_x.shape[1], np.float32)
    single_normals(stream, out)
    return out.reshape(size, -1).astype(np.float64)


def normalise(vector: FloatArray) -> FloatArray:
    length = np.sqrt(dot(vector, vector))
    vector /= np.where(length > 0, length, 1.0)
    return np.asarray(np.log(length))


def lemma(wrong: str, instead: str, networks: int) -> Any:
    """`product` with one expression replaced."""
    assert LEMMA.count(wrong) == 1, f"the control no longer fits the source: {wrong!r}"
    source = LEMMA.replace(wrong, instead).replace(".size", ".shape[0]")
    source = source.replace(
        "from verify.numerics.compiled import kernel", "kernel = lambda function: function"
    )
    names: dict[str, Any] = {"__name__": "lemma"}
    exec(compile(source, "lemma", "exec"), names)
    names |= {"dot": dot, "math": MATHEMATICS}
    names["np"] = SimpleNamespace(empty=lambda known: np.empty((known, networks)))
    return names["product"]


def passes(wrong: str, instead: str) -> dict[str, Any]:
    """The passes' names with one expression replaced, as plain NumPy over many networks."""
    assert PASSES.count(wrong) == 1, f"the control no longer fits the source: {wrong!r}"
    source = PASSES.replace(wrong, instead)
    for numbers, arrays in AS_ARRAYS:
        assert numbers in PASSES, f"the passes have changed: {numbers!r}"
        source = source.replace(numbers, arrays)
    names: dict[str, Any] = {"__name__": "control"}
    exec(compile(source, "control", "exec"), names)
    generator = np.random.default_rng(34)
    names["another"] = lambda like: generator.standard_normal(like.shape)
    names |= {"math": MATHEMATICS, "max": np.maximum, "normalise": normalise}
    names |= {"dot": dot, "mask": mask, "activate_change": activate_change}
    names |= {"fresh_normals": fresh, "of_layer": of_layer, "held": held, "copy": copy}
    return names


def run(names: dict[str, Any], problem: Problem, samples: int) -> FloatArray:
    """Samples of the altered passes, logarithms of shape ``(parts, samples, layers)``."""
    scales, depth = vector_scales(problem), int(problem.layers[-1])
    size, room = int(scales.rows[-1]), 2 * int(problem.widths.max())
    vectors = [np.zeros((rows, samples)) for rows in (size, size, room, room, room, 0)]
    state = State(*vectors, *np.full((3, depth + 1, samples), -np.inf))
    labels = np.random.default_rng(35).choice([-1.0, 1.0], samples)
    stream, step = new_stream(block_stream(31, 0)), problem.step or 0.0
    with np.errstate(all="ignore"):
        log_f, _ = names["_run"](stream, 0, scales, state, step, labels, depth)
        square = 2 * state.log_u[1:] - np.log(problem.widths[1:, None])
    parts = [square, square + 2 * log_f] if step == 0.0 else [square - 2 * np.log(step)]
    return np.where(np.isneginf(log_f), -np.inf, parts).transpose(0, 2, 1)


@cache
def literal(case: Case) -> tuple[Problem, FloatArray]:
    layers = range(1, case.network.layers + 1)
    problem = numeric_problem(case.network, layer=layers, rates=case.rates, step=case.step)
    return problem, draws(Dense(), problem, 32, case.samples)


def against_literal(case: Case, names: dict[str, Any]) -> float:
    problem, samples = literal(case)
    names["product"] = lemma("return across", "return across", case.samples)
    return smallest_p(samples, run(names, problem, case.samples))


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_the_unaltered_passes_are_not_rejected(case: Case) -> None:
    assert against_literal(case, passes("return signal", "return signal")) > FALSE_ALARM


@pytest.mark.parametrize(
    ("case", "wrong", "instead"),
    [control[1:] for control in IN_THE_PASSES],
    ids=[control[0] for control in IN_THE_PASSES],
)
def test_an_altered_pass_is_caught(case: Case, wrong: str, instead: str) -> None:
    p = against_literal(case, passes(wrong, instead))
    assert p < CAUGHT, f"p = {p}"


@pytest.mark.parametrize(
    ("case", "call", "wrong", "instead"),
    [control[1:] for control in IN_THE_LEMMA],
    ids=[control[0] for control in IN_THE_LEMMA],
)
def test_an_altered_lemma_is_caught(case: Case, call: str, wrong: str, instead: str) -> None:
    names = passes(call, call.replace("product", "altered"))
    names["altered"] = lemma(wrong, instead, case.samples)
    p = against_literal(case, names)
    assert p < CAUGHT, f"p = {p}"
