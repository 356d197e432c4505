"""Negative controls: `Gram` with one thing wrong must differ from literal networks.

Each control replaces one expression in the source of the compiled passes and runs it uncompiled,
around the compiled draws, with whole arrays of networks where the compiled code has a loop.
A difference counts as caught at a corrected p below ``FALSE_ALARM``; the test asks for p below
``CAUGHT``, so far beyond it that another seed would be caught too with more than 99 % chance: the
Kolmogorov-Smirnov statistic times sqrt(samples/2) is 3.44 or more where 2.23 is needed, and its
standard deviation is at most 1/2.
"""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import verify.gram_kernels
import verify.gram_state
from theory import MLP, LeakyReLU
from verify import Dense
from verify.draws import new_stream
from verify.gram_state import GramScales, gram_scales
from verify.problem import FloatArray, Problem, numeric_problem
from verify.streams import block_stream

from .laws import draws, smallest_p

FALSE_ALARM = 1e-4
CAUGHT = 1e-10
SAMPLES = 12_000
CARRIED_SAMPLES = 50_000
SOURCE = Path(verify.gram_kernels.__file__).read_text(encoding="utf-8")
FIELDS = Path(verify.gram_state.__file__).read_text(encoding="utf-8")

RELU = MLP(4, 4, input_width=3)
LEAKY = MLP(3, 3, activation=LeakyReLU("0.4"))
RELU_CARRIED = MLP(5, 3, input_width=3)
LEAKY_CARRIED = MLP(6, 3, activation=LeakyReLU("0.4"))
FIRST_ONLY = (1, 0, 0)
"""Multipliers that leave only the carried part of the update above layer 1, to see its draws."""

CONTROLS = [
    ("z active, degree + 1", RELU, "_ACTIVE, 0, lanes", "_ACTIVE, -1, lanes"),
    ("z active, degree - 1", RELU, "_ACTIVE, 0, lanes", "_ACTIVE, 1, lanes"),
    ("z inactive, degree + 1", LEAKY, "0, lanes, there[at.Z_OFF", "-1, lanes, there[at.Z_OFF"),
    ("z inactive, degree - 1", LEAKY, "0, lanes, there[at.Z_OFF", "1, lanes, there[at.Z_OFF"),
    ("blocks swapped in z", LEAKY, "_ACTIVE, 0, lanes", "width, 0, lanes"),
    ("gradient active, degree + 1", RELU, "_ACTIVE, 1, lanes", "_ACTIVE, 0, lanes"),
    ("gradient active, degree - 1", RELU, "_ACTIVE, 1, lanes", "_ACTIVE, 2, lanes"),
    ("gradient inactive, degree + 1", LEAKY, "width, 1, lanes", "width, 0, lanes"),
    ("gradient inactive, degree - 1", LEAKY, "width, 1, lanes", "width, 2, lanes"),
    ("update active, degree + 1", RELU_CARRIED, "_ACTIVE, 2, lanes", "_ACTIVE, 1, lanes"),
    ("update active, degree - 1", RELU_CARRIED, "_ACTIVE, 2, lanes", "_ACTIVE, 3, lanes"),
    ("update inactive, degree + 1", RELU_CARRIED, "2 if leaky else 1", "1 if leaky else 0"),
    ("update inactive, degree - 1", RELU_CARRIED, "2 if leaky else 1", "3 if leaky else 2"),
    ("leaky inactive, degree + 1", LEAKY_CARRIED, "2 if leaky else 1", "1 if leaky else 0"),
    ("leaky inactive, degree - 1", LEAKY_CARRIED, "2 if leaky else 1", "3 if leaky else 2"),
    ("projection across g dropped", RELU_CARRIED, "met - across * fresh", "met"),
    ("known gradient product dropped", RELU, "own + met", "own"),
    ("known forward product dropped", RELU, "here[at.Z_ON + j] * along", "0.0"),
    ("part along x not taken off", LEAKY, "turned * turned", "1.0"),
    (
        "g.z = f dropped",
        RELU,
        "room[at.PHI + j] = g_on",
        "room[at.PHI + j] = normals_instead(g_on) #",
    ),
    (
        "blocks swapped in x",
        LEAKY,
        "under[at.COS + j], under[at.SIN",
        "under[at.SIN + j], 0 * under[at.SIN",
    ),
    ("blocks swapped in y", LEAKY, "turned = cos * y_on + sin * y_off", "turned = sin * y_on"),
    ("gradient not across x", LEAKY, "gq_on = phi * cos + xi", "gq_on = phi * cos - xi"),
    ("own share of another layer", RELU, "2.0 * below[at.LOG_X", "2.0 * here[at.LOG_X"),
]


class EveryLane:
    """An index that, added to where a field begins, is the whole field."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes

    def __radd__(self, begin: int) -> slice:
        return slice(begin, begin + self.lanes)


def uncompiled(wrong: str, instead: str) -> dict[str, Any]:
    """The module's names with one expression replaced, as plain NumPy over many lanes around
    compiled draws."""
    assert SOURCE.count(wrong) == 1, f"the control no longer fits the source: {wrong!r}"
    source = SOURCE.replace(wrong, instead)
    source = source.replace("for j in range(lanes)", "for j in [EveryLane(lanes)]")
    fields: dict[str, Any] = {"__name__": "fields"}
    exec(compile(FIELDS.replace("LANES = 128", "LANES = 4096"), "fields", "exec"), fields)
    names: dict[str, Any] = {"__name__": "control"}
    source = source.replace(
        "from verify.jit import kernel, part", "kernel = part = lambda function: function"
    )
    exec(compile(source, "control", "exec"), names)
    mathematics = SimpleNamespace(sqrt=np.sqrt, log=np.log, inf=np.inf)
    names |= {"at": SimpleNamespace(**fields), "EveryLane": EveryLane, "math": mathematics}
    names |= {"select": np.where, "logarithm": np.log, "exponential": np.exp}
    generator = np.random.default_rng(33)
    names["normals_instead"] = lambda like: generator.standard_normal(like.shape)
    return names


def run(names: dict[str, Any], problem: Problem, scales: GramScales, samples: int) -> FloatArray:
    """Samples of the altered passes, logarithms of shape ``(parts, samples, layers)``."""
    out = np.empty((2, samples, problem.layers.size))
    with np.errstate(all="ignore"):
        room = names["at"].workspace(problem.widths.size, problem.slope > 0)
        names["gram_updates"](new_stream(block_stream(31, 0)), scales, *room, problem.layers, out)
    return out


def problem_of(network: MLP) -> tuple[Problem, int]:
    carried = network in (RELU_CARRIED, LEAKY_CARRIED)
    samples, rates = (CARRIED_SAMPLES, FIRST_ONLY) if carried else (SAMPLES, None)
    layers = range(1, network.layers + 1)
    return numeric_problem(network, layer=layers, rates=rates, step=None), samples


def against_literal(network: MLP, wrong: str, instead: str) -> float:
    problem, samples = problem_of(network)
    literal = draws(Dense(), problem, 32, samples)
    found = run(uncompiled(wrong, instead), problem, gram_scales(problem), samples)
    return smallest_p(literal, found)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_coin_too_few_or_too_many_is_caught(change: int) -> None:
    problem, samples = problem_of(RELU)
    other = gram_scales(replace(problem, widths=problem.widths + change))
    coins = {name: getattr(other, name) for name in ("tables", "lowest", "keep", "other")}
    scales = gram_scales(problem)._replace(**coins)
    found = run(uncompiled("_ACTIVE = 0", "_ACTIVE = 0"), problem, scales, samples)
    assert smallest_p(draws(Dense(), problem, 32, samples), found) < CAUGHT


@pytest.mark.parametrize("network", [RELU, LEAKY, RELU_CARRIED, LEAKY_CARRIED], ids=repr)
def test_the_unaltered_passes_are_not_rejected(network: MLP) -> None:
    assert against_literal(network, "_ACTIVE = 0", "_ACTIVE = 0") > FALSE_ALARM


@pytest.mark.parametrize(
    ("what", "network", "wrong", "instead"), CONTROLS, ids=lambda value: str(value)[:40]
)
def test_an_altered_pass_is_caught(what: str, network: MLP, wrong: str, instead: str) -> None:
    p = against_literal(network, wrong, instead)
    assert p < CAUGHT, f"{what}: p = {p}"
