"""Negative controls: `Conditioned` with one thing wrong must differ from literal networks.

Each control replaces one expression in the source of the compiled passes, or of the lemma they
call, and runs it uncompiled around the compiled draws.  Where the compiled code has a number of
one network, the altered code has an array with one entry for each of many networks: vectors have
shape ``(neurons, networks)``.  A difference counts as caught at a corrected p below
``FALSE_ALARM``; the test asks for p below ``CAUGHT``, so far beyond it that another seed would be
caught too with more than 99 % chance (the argument is in tests/test_sampler_controls.py).
"""

from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import verify.conditioned_kernels
import verify.gaussian_matrix
from theory import MLP, LeakyReLU
from verify import Dense
from verify.draws import new_stream, normals
from verify.problem import FloatArray, Problem, numeric_problem
from verify.streams import block_stream
from verify.vectors import vector_scales

from .laws import draws, smallest_p

FALSE_ALARM = 1e-4
CAUGHT = 1e-10
PASSES = Path(verify.conditioned_kernels.__file__).read_text(encoding="utf-8")
LEMMA = Path(verify.gaussian_matrix.__file__).read_text(encoding="utf-8")
MATHEMATICS = SimpleNamespace(
    sqrt=np.sqrt, log=np.log, exp=np.exp, copysign=np.copysign, inf=np.inf
)


class Case(NamedTuple):
    """A network, its multipliers, the rate of a real step, and how many samples to compare."""

    network: MLP
    rates: tuple[int, ...] | None = None
    step: float | None = None
    samples: int = 12_000


LEAKY = LeakyReLU("0.3")
WIDE = Case(MLP(4, 4, input_width=3))
NARROW = Case(MLP(2, 3))
SLOPED = Case(MLP((3, 5, 2, 4), activation=LEAKY))
CARRIED = Case(MLP(3, 3, input_width=4), rates=(1, 0, 0))
STEP = Case(MLP(4, 3), step=0.5)
DEEP_STEP = Case(MLP(8, 5, activation=LEAKY), step=0.5)
CASES = [WIDE, NARROW, SLOPED, CARRIED, STEP, DEEP_STEP]

BACKWARD = "product(above[:0], x"
UPDATE = "product(x, z"

AS_ARRAYS = [
    ("from verify.jit import kernel, part", "kernel = part = lambda function: function"),
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
    upper, lower = np.where(after > 0, after, slope * after), np.where(before > 0, before, slope * before)
    change[:] = np.where((before > 0) == (after > 0), kept, (upper - lower) * back)


def normalise(vector: FloatArray) -> FloatArray:
    length = np.sqrt(dot(vector, vector))
    vector /= np.where(length > 0, length, 1.0)
    return np.asarray(np.log(length))


def fresh(like: FloatArray) -> FloatArray:
    """Standard normals that nothing else is made of."""
    return np.random.default_rng(34).standard_normal(like.shape)


def lemma(wrong: str, instead: str, networks: int) -> Any:
    """`product` with one expression replaced."""
    assert LEMMA.count(wrong) == 1, f"the control no longer fits the source: {wrong!r}"
    source = LEMMA.replace(wrong, instead).replace(".size", ".shape[0]")
    source = source.replace("from verify.jit import kernel", "kernel = lambda function: function")
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
    names |= {"math": MATHEMATICS, "max": np.maximum, "_normalise": normalise, "fresh": fresh}
    names |= {"dot": dot, "mask": mask, "activate_change": activate_change}
    names["normals"] = lambda stream, out: normals(stream, out.reshape(-1))
    names["of_layer"] = lambda scales, flat, at: flat[scales.rows[at] : scales.rows[at + 1]]
    return names


def run(names: dict[str, Any], problem: Problem, samples: int) -> FloatArray:
    """Samples of the altered passes, logarithms of shape ``(parts, samples, layers)``."""
    scales, depth = vector_scales(problem), int(problem.layers[-1])
    vectors = np.zeros((5, scales.rows[-1], samples))
    state = names["_State"](*vectors, *np.full((3, depth + 1, samples), -np.inf))
    labels = np.random.default_rng(35).choice([-1.0, 1.0], samples)
    stream, step = new_stream(block_stream(31, 0)), problem.step or 0.0
    with np.errstate(all="ignore"):
        log_f, _ = names["_run"](stream, 0, scales, state, step, labels, depth)
        square = 2 * state.log_u[1:] - np.log(problem.widths[1:, None])
    parts = [square, square + 2 * log_f] if step == 0.0 else [square - 2 * np.log(step)]
    return np.where(np.isneginf(log_f), -np.inf, parts).transpose(0, 2, 1)


@cache
def literal(at: int) -> tuple[Problem, FloatArray]:
    network, rates, step, samples = CASES[at]
    layers = range(1, network.layers + 1)
    problem = numeric_problem(network, layer=layers, rates=rates, step=step)
    return problem, draws(Dense(), problem, 32, samples)
