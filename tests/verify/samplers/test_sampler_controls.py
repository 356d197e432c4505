"""Negative controls: `Gram` with one thing wrong must differ from literal networks.

Each control replaces one expression in the source of the compiled passes and runs it uncompiled,
around the compiled draws, with whole arrays of networks where the compiled code has a loop.
A difference counts as caught at a corrected p below ``FALSE_ALARM``; the test asks for p below
``CAUGHT``, so far beyond it that another seed would be caught too with more than 99 % chance: the
Kolmogorov-Smirnov statistic times sqrt(samples/2) is 3.44 or more where 2.23 is needed, and its
standard deviation is at most 1/2.
"""

import re
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import verify.samplers.gram.leaky_passes
import verify.samplers.gram.leaky_state
import verify.samplers.gram.relu_passes
import verify.samplers.gram.relu_state
from tests.tools.laws import draws, smallest_p
from theory import MLP, LeakyReLU
from verify import Dense
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import block_stream
from verify.numerics.variates import new_stream
from verify.samplers.gram.coin_pieces import coin_pieces
from verify.samplers.gram.leaky_state import gram_scales
from verify.samplers.gram.relu_state import relu_scales
from verify.samplers.problem import Problem, numeric_problem

FALSE_ALARM = 1e-4
CAUGHT = 1e-10
SAMPLES = 12_000
CARRIED_SAMPLES = 50_000
LEAKY_CODE = (verify.samplers.gram.leaky_passes, verify.samplers.gram.leaky_state)
RELU_CODE = (verify.samplers.gram.relu_passes, verify.samplers.gram.relu_state)

RELU = MLP(4, 4, input_width=3)
LEAKY = MLP(3, 3, activation=LeakyReLU("0.4"))
RELU_CARRIED = MLP(5, 3, input_width=3)
LEAKY_CARRIED = MLP(6, 3, activation=LeakyReLU("0.4"))
FIRST_ONLY = (1, 0, 0)
"""Multipliers that leave only the carried part of the update above layer 1, to see its draws."""

CONTROLS = [
    ("z, degree + 1", RELU, "on, 0.0, first, chance_1, here", "on, -1.0, first, chance_1, here"),
    ("z, degree - 1", RELU, "on, 0.0, first, chance_1, here", "on, 1.0, first, chance_1, here"),
    ("gradient, degree + 1", RELU, "on, 1.0, second", "on, 0.0, second"),
    ("gradient, degree - 1", RELU, "on, 1.0, second", "on, 2.0, second"),
    ("update, degree + 1", RELU_CARRIED, "on, 2.0, third", "on, 1.0, third"),
    ("update, degree - 1", RELU_CARRIED, "on, 2.0, third", "on, 3.0, third"),
    ("update inactive, degree + 1", RELU_CARRIED, "off, 0.0, first", "off, -1.0, first"),
    ("update inactive, degree - 1", RELU_CARRIED, "off, 0.0, first", "off, 1.0, first"),
    (
        "inactive: x not carried",
        RELU_CARRIED,
        "room[at.ALONG + j] + room[at.ACROSS + j]\n        per",
        "0.0 + room[at.ACROSS + j]\n        per",
    ),
    ("projection across g dropped", RELU_CARRIED, "(pull - slope * turned)", "pull"),
    (
        "known gradient product dropped",
        RELU,
        "per_square + inverse * room[at.MET + j]",
        "per_square",
    ),
    ("known forward product dropped", RELU, "= along + (pull", "= (pull"),
    ("carried part not turned by g", RELU_CARRIED, "slope * pull + turned", "turned"),
    (
        "g.z = f dropped",
        RELU,
        "room[at.STEEP + j] = secant * inverse",
        "room[at.STEEP + j] = 1 / normals_instead(inverse)",
    ),
    (
        "own share of another layer",
        RELU,
        "rate * room[at.OWN + j] * per_square",
        "rate * room[at.OWN + j] * 0.5",
    ),
    ("z inactive, degree + 1", LEAKY, "0, lanes, there[at.Z_OFF", "-1, lanes, there[at.Z_OFF"),
    ("z inactive, degree - 1", LEAKY, "0, lanes, there[at.Z_OFF", "1, lanes, there[at.Z_OFF"),
    ("z active, degree + 1", LEAKY, "_ACTIVE, 0, lanes", "_ACTIVE, -1, lanes"),
    ("z active, degree - 1", LEAKY, "_ACTIVE, 0, lanes", "_ACTIVE, 1, lanes"),
    ("blocks swapped in z", LEAKY, "_ACTIVE, 0, lanes", "width, 0, lanes"),
    ("gradient active, degree + 1", LEAKY, "_ACTIVE, 1, lanes", "_ACTIVE, 0, lanes"),
    ("gradient active, degree - 1", LEAKY, "_ACTIVE, 1, lanes", "_ACTIVE, 2, lanes"),
    ("gradient inactive, degree + 1", LEAKY, "width, 1, lanes", "width, 0, lanes"),
    ("gradient inactive, degree - 1", LEAKY, "width, 1, lanes", "width, 2, lanes"),
    ("update active, degree + 1", LEAKY_CARRIED, "_ACTIVE, 2, lanes", "_ACTIVE, 1, lanes"),
    ("update active, degree - 1", LEAKY_CARRIED, "_ACTIVE, 2, lanes", "_ACTIVE, 3, lanes"),
    ("update inactive, degree + 1", LEAKY_CARRIED, "width, 2, lanes", "width, 1, lanes"),
    ("update inactive, degree - 1", LEAKY_CARRIED, "width, 2, lanes", "width, 3, lanes"),
    ("projection across g dropped", LEAKY_CARRIED, "met - across * fresh", "met"),
    ("known gradient product dropped", LEAKY, "own + met", "own"),
    ("known forward product dropped", LEAKY, "here[at.Z_ON + j] * along", "0.0"),
    ("part along x not taken off", LEAKY, "turned * turned", "1.0"),
    (
        "g.z = f dropped",
        LEAKY,
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
    ("own share of another layer", LEAKY, "2.0 * below[at.LOG_X", "2.0 * here[at.LOG_X"),
]


class EveryLane:
    """An index that, added to where a field begins, is the whole field."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes

    def __radd__(self, begin: int) -> slice:
        return slice(begin, begin + self.lanes)


def uncompiled(code: tuple[ModuleType, ModuleType], wrong: str, instead: str) -> dict[str, Any]:
    """The names of the passes with one expression replaced, as plain NumPy over many lanes around
    compiled draws."""
    source, fields_source = (Path(str(module.__file__)).read_text("utf-8") for module in code)
    assert source.count(wrong) == 1, f"the control no longer fits the source: {wrong!r}"
    source = source.replace(wrong, instead)
    source = source.replace("for j in range(lanes)", "for j in [EveryLane(lanes)]")
    many = re.sub(r"^LANES = \d+$", "LANES = 4096", fields_source, flags=re.MULTILINE)
    assert many != fields_source
    fields: dict[str, Any] = {"__name__": "fields"}
    exec(compile(many, "fields", "exec"), fields)
    names: dict[str, Any] = {"__name__": "control"}
    source = source.replace(
        "from verify.numerics.compiled import kernel, part",
        "kernel = part = lambda function: function",
    )
    exec(compile(source, "control", "exec"), names)
    mathematics = SimpleNamespace(sqrt=np.sqrt, log=np.log, inf=np.inf)
    names |= {"at": SimpleNamespace(**fields), "EveryLane": EveryLane, "math": mathematics}
    names |= {"select": np.where, "logarithm": np.log, "exponential": np.exp}
    names |= {"exponent": lambda x: np.frexp(x)[1] - 1.0, "power_of_two": np.exp2}
    generator = np.random.default_rng(33)
    names["normals_instead"] = lambda like: generator.standard_normal(like.shape)
    return names


def run(names: dict[str, Any], problem: Problem, samples: int, **others: Any) -> FloatArray:
    """Samples of the altered passes, logarithms of shape ``(parts, samples, layers)``; ``others``:
    scales to use instead."""
    out, fields = np.empty((2, samples, problem.layers.size)), names["at"]
    stream, depth = new_stream(block_stream(31, 0)), problem.rates.size
    with np.errstate(all="ignore"):
        if problem.slope > 0:
            scales, room = gram_scales(problem), fields.workspace(depth + 1)
            names["gram_updates"](stream, scales._replace(**others), *room, problem.layers, out)
        else:
            relu, room = relu_scales(problem)._replace(**others), fields.relu_workspace(depth)
            names["relu_updates"](stream, relu, room, fields.LANES, problem.layers, out)
    return out


def problem_of(network: MLP) -> tuple[Problem, int]:
    carried = network in (RELU_CARRIED, LEAKY_CARRIED)
    samples, rates = (CARRIED_SAMPLES, FIRST_ONLY) if carried else (SAMPLES, None)
    layers = range(1, network.layers + 1)
    return numeric_problem(network, layer=layers, rates=rates, step=None), samples


def against_literal(network: MLP, wrong: str, instead: str) -> float:
    problem, samples = problem_of(network)
    literal = draws(Dense(), problem, 32, samples)
    code = LEAKY_CODE if problem.slope > 0 else RELU_CODE
    return smallest_p(literal, run(uncompiled(code, wrong, instead), problem, samples))


NOTHING = "from __future__ import annotations"


@pytest.mark.parametrize("network", [RELU, LEAKY], ids=repr)
@pytest.mark.parametrize("change", [-1, 1])
def test_a_coin_too_few_or_too_many_is_caught(network: MLP, change: int) -> None:
    problem, samples = problem_of(network)
    code = LEAKY_CODE if problem.slope > 0 else RELU_CODE
    coins = coin_pieces(problem.widths + change)
    found = run(uncompiled(code, NOTHING, NOTHING), problem, samples, coins=coins)
    assert smallest_p(draws(Dense(), problem, 32, samples), found) < CAUGHT


@pytest.mark.parametrize("network", [RELU, LEAKY, RELU_CARRIED, LEAKY_CARRIED], ids=repr)
def test_the_unaltered_passes_are_not_rejected(network: MLP) -> None:
    assert against_literal(network, NOTHING, NOTHING) > FALSE_ALARM


@pytest.mark.parametrize(
    ("what", "network", "wrong", "instead"), CONTROLS, ids=lambda value: str(value)[:40]
)
def test_an_altered_pass_is_caught(what: str, network: MLP, wrong: str, instead: str) -> None:
    p = against_literal(network, wrong, instead)
    assert p < CAUGHT, f"{what}: p = {p}"
