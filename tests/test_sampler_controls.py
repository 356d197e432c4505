"""Negative controls: `Gram` with one thing wrong must differ from literal networks.

Each control replaces one expression in the source of the compiled passes and runs it uncompiled.
A difference counts as caught at a corrected p below ``FALSE_ALARM``; the test asks for p below
``CAUGHT``, so far beyond it that another seed would be caught too with more than 99 % chance: the
Kolmogorov-Smirnov statistic times sqrt(samples/2) is 3.44 or more where 2.23 is needed, and its
standard deviation is at most 1/2.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import verify.gram_kernels
from theory import MLP, LeakyReLU
from verify import Dense
from verify.problem import FloatArray, Problem, numeric_problem
from verify.streams import block_stream

from .laws import draws, smallest_p

FALSE_ALARM = 1e-4
CAUGHT = 1e-10
SAMPLES = 12_000
CARRIED_SAMPLES = 50_000
SOURCE = Path(verify.gram_kernels.__file__).read_text(encoding="utf-8")

RELU = MLP(4, 4, input_width=3)
LEAKY = MLP(3, 3, activation=LeakyReLU("0.4"))
RELU_CARRIED = MLP(5, 3, input_width=3)
LEAKY_CARRIED = MLP(6, 3, activation=LeakyReLU("0.4"))
FIRST_ONLY = (1, 0, 0)
"""Multipliers that leave only the carried part of the update above layer 1, to see its draws."""

COMPILED_MATH = SimpleNamespace(inf=np.inf, log=np.log, exp=np.exp, sqrt=np.sqrt, hypot=np.hypot)
"""As in compiled code, where the logarithm of zero is minus infinity."""

CONTROLS = [
    ("one coin too few", RELU, "stream.binomial(width, 0.5)", "stream.binomial(width - 1, 0.5)"),
    ("z active, degree + 1", RELU, "= _length(stream, on)", "= _length(stream, on + 1)"),
    ("z active, degree - 1", RELU, "= _length(stream, on)", "= _length(stream, on - 1)"),
    ("z inactive, degree + 1", LEAKY, "stream, width - on)", "stream, width - on + 1)"),
    ("z inactive, degree - 1", LEAKY, "stream, width - on)", "stream, width - on - 1)"),
    ("gradient active, degree + 1", RELU, "stream, on - 1)", "stream, on)"),
    ("gradient active, degree - 1", RELU, "stream, on - 1)", "stream, on - 2)"),
    ("gradient inactive, degree + 1", LEAKY, "stream, off - 1)", "stream, off)"),
    ("gradient inactive, degree - 1", LEAKY, "stream, off - 1)", "stream, off - 2)"),
    ("update active, degree + 1", RELU_CARRIED, "stream, on - 2)", "stream, on - 1)"),
    ("update active, degree - 1", RELU_CARRIED, "stream, on - 2)", "stream, on - 3)"),
    ("update inactive, degree + 1", RELU_CARRIED, "(2 if leaky else 1)", "(1 if leaky else 0)"),
    ("update inactive, degree - 1", RELU_CARRIED, "(2 if leaky else 1)", "(3 if leaky else 2)"),
    (
        "leaky update inactive, degree + 1",
        LEAKY_CARRIED,
        "(2 if leaky else 1)",
        "(1 if leaky else 0)",
    ),
    (
        "leaky update inactive, degree - 1",
        LEAKY_CARRIED,
        "(2 if leaky else 1)",
        "(3 if leaky else 2)",
    ),
    ("projection across g dropped", RELU_CARRIED, "met - across * fresh", "met"),
    ("known gradient product dropped", RELU, "own + met", "own"),
    ("known forward product dropped", RELU, "layers.z_on[layer] * along", "0.0"),
    ("part along x not taken off", LEAKY, "across = math.sqrt(turned**2", "across = math.sqrt(1"),
    ("g.z = f dropped", RELU, "phi = layers.g_on[layer]", "phi = stream.standard_normal()  #"),
    ("blocks swapped in x", LEAKY, "layers.cos[below], layers.sin[below]", "layers.sin[below], 0"),
    ("blocks swapped in y", LEAKY, "along = cos * u_on + sin * y_off", "along = sin * u_on"),
    ("gradient not across x", LEAKY, "g_on, g_off = phi * cos +", "g_on, g_off = phi * cos -"),
    ("own share of another layer", RELU, "2.0 * layers.log_x[below]", "2.0 * layers.log_x[layer]"),
]


def uncompiled(wrong: str, instead: str) -> dict[str, Any]:
    """The module's names with one expression replaced, as plain Python."""
    assert SOURCE.count(wrong) == 1, f"the control no longer fits the source: {wrong!r}"
    source = SOURCE.replace(wrong, instead).replace(
        "from verify.jit import kernel", "kernel = lambda function: function"
    )
    names: dict[str, Any] = {"__name__": "control"}
    exec(compile(source, "control", "exec"), names)
    names["math"] = COMPILED_MATH
    return names


def run(names: dict[str, Any], problem: Problem, samples: int) -> FloatArray:
    """Samples of the altered passes, logarithms of shape ``(parts, samples, layers)``."""
    out = np.empty((2, samples, problem.layers.size))
    fields = ("widths", "weight_sd", "readout_sd", "slope", "rates", "input_norm")
    scales = names["GramScales"](*(getattr(problem, field) for field in fields))
    with np.errstate(all="ignore"):
        names["gram_updates"](block_stream(31, 0), scales, problem.layers, out)
    return out


def against_literal(network: MLP, wrong: str, instead: str) -> float:
    carried = network in (RELU_CARRIED, LEAKY_CARRIED)
    samples, rates = (CARRIED_SAMPLES, FIRST_ONLY) if carried else (SAMPLES, None)
    problem = numeric_problem(network, layer=range(1, network.layers + 1), rates=rates, step=None)
    literal = draws(Dense(), problem, 32, samples)
    return smallest_p(literal, run(uncompiled(wrong, instead), problem, samples))


@pytest.mark.parametrize("network", [RELU, LEAKY, RELU_CARRIED, LEAKY_CARRIED], ids=repr)
def test_the_unaltered_passes_are_not_rejected(network: MLP) -> None:
    assert against_literal(network, "def _workspace(", "def _workspace(") > FALSE_ALARM


@pytest.mark.parametrize(
    ("what", "network", "wrong", "instead"), CONTROLS, ids=lambda value: str(value)[:40]
)
def test_an_altered_pass_is_caught(what: str, network: MLP, wrong: str, instead: str) -> None:
    p = against_literal(network, wrong, instead)
    assert p < CAUGHT, f"{what}: p = {p}"
