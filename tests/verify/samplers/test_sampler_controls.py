"""Negative controls: `Gram` with one thing wrong must differ from literal networks.

Each control replaces one expression in the source of the compiled passes and runs it uncompiled,
around the compiled draws, with whole arrays of networks where the compiled code has a loop.
A difference counts as caught at a corrected p below ``FALSE_ALARM``; the test asks for p below
``CAUGHT``, so far beyond it that another seed would be caught too with more than 99 % chance: the
Kolmogorov-Smirnov statistic times sqrt(samples/2) is 3.44 or more where 2.23 is needed, and its
standard deviation is at most 1/2.
"""

from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.tools.laws import draws, smallest_p
from tests.tools.uncompiled import uncompiled
from theory import MLP, LeakyReLU
from verify import Dense
from verify.numerics.arrays import FloatArray
from verify.numerics.coins import coin_tables
from verify.numerics.streams import block_stream
from verify.numerics.variates import new_stream
from verify.samplers.gram import leaky_passes, relu_passes
from verify.samplers.problem import Problem, numeric_problem

FALSE_ALARM = 1e-4
CAUGHT = 1e-10
SAMPLES = 12_000
CARRIED_SAMPLES = 50_000

RELU = MLP(4, 4, input_width=3)
LEAKY = MLP(3, 3, activation=LeakyReLU("0.4"))
RELU_CARRIED = MLP(5, 3, input_width=3)
LEAKY_CARRIED = MLP(6, 3, activation=LeakyReLU("0.4"))
FIRST_ONLY = (1, 0, 0)
"""Multipliers that leave only the carried part of the update above layer 1, to see its draws."""

CONTROLS = [
    (
        "z, degree + 1",
        RELU,
        "on, 0.0, first",
        "on, -1.0, first",
    ),
    (
        "z, degree - 1",
        RELU,
        "on, 0.0, first",
        "on, 1.0, first",
    ),
    ("gradient, degree + 1", RELU, "on, 1.0, second", "on, 0.0, second"),
    ("gradient, degree - 1", RELU, "on, 1.0, second", "on, 2.0, second"),
    ("update, degree + 1", RELU_CARRIED, "on, 2.0, third", "on, 1.0, third"),
    ("update, degree - 1", RELU_CARRIED, "on, 2.0, third", "on, 3.0, third"),
    ("update inactive, degree + 1", RELU_CARRIED, "off, 0.0, first", "off, -1.0, first"),
    ("update inactive, degree - 1", RELU_CARRIED, "off, 0.0, first", "off, 1.0, first"),
    (
        "inactive: x not carried",
        RELU_CARRIED,
        "room.along[j] + room.across[j]\n        per",
        "0.0 + room.across[j]\n        per",
    ),
    ("projection across g dropped", RELU_CARRIED, "(pull - slope * turned)", "pull"),
    (
        "known gradient product dropped",
        RELU,
        "per_square + inverse * room.xi_y[j]",
        "per_square",
    ),
    ("known forward product dropped", RELU, "= along + (pull", "= (pull"),
    ("carried part not turned by g", RELU_CARRIED, "slope * pull + turned", "turned"),
    (
        "g.z = f dropped",
        RELU,
        "room.steep[j] = secant * inverse",
        "room.steep[j] = 1 / normals_instead(inverse)",
    ),
    (
        "own share of another layer",
        RELU,
        "rate * room.own[j] * per_square",
        "rate * room.own[j] * 0.5",
    ),
    ("z inactive, degree + 1", LEAKY, "0, lanes, here.z_off", "-1, lanes, here.z_off"),
    ("z inactive, degree - 1", LEAKY, "0, lanes, here.z_off", "1, lanes, here.z_off"),
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
    ("projection across g dropped", LEAKY_CARRIED, "xi_y - across * fresh", "xi_y"),
    ("known gradient product dropped", LEAKY, "own + xi_y", "own"),
    ("known forward product dropped", LEAKY, "here.z_on[j] * along", "0.0"),
    ("part along x not taken off", LEAKY, "turned * turned", "1.0"),
    (
        "g.z = f dropped",
        LEAKY,
        "room.phi[j] = g_on",
        "room.phi[j] = normals_instead(g_on) #",
    ),
    (
        "blocks swapped in x",
        LEAKY,
        "below.cos[j], below.sin",
        "below.sin[j], 0 * below.sin",
    ),
    ("blocks swapped in y", LEAKY, "turned = cos * y_on + sin * y_off", "turned = sin * y_on"),
    ("gradient not across x", LEAKY, "gq_on = phi * cos + xi", "gq_on = phi * cos - xi"),
    ("own share of another layer", LEAKY, "2.0 * below.log_x", "2.0 * here.log_x"),
]


def altered_passes(code: ModuleType, wrong: str = "", instead: str = "") -> dict[str, Any]:
    """The names of the passes with one expression replaced, as plain NumPy over many lanes around
    compiled draws."""
    generator = np.random.default_rng(33)
    return uncompiled(
        [code],
        wrong,
        instead,
        {
            "for j in range(lanes)": "for j in [slice(0, lanes)]",
            f"LANES = {code.LANES}": "LANES = 4096",
        },
        math=SimpleNamespace(sqrt=np.sqrt, log=np.log, inf=np.inf),
        select=np.where,
        logarithm=np.log,
        exponential=np.exp,
        exponent=lambda x: np.frexp(x)[1] - 1.0,
        power_of_two=np.exp2,
        normals_instead=lambda like: generator.standard_normal(like.shape),
    )


def run(names: dict[str, Any], problem: Problem, samples: int, **others: Any) -> FloatArray:
    """Samples of the altered passes, logarithms of shape ``(parts, samples, layers)``; ``others``:
    scales to use instead."""
    out = np.empty((2, samples, problem.layers.size))
    stream, depth = new_stream(block_stream(31, 0)), problem.rates.size
    with np.errstate(all="ignore"):
        if problem.slope > 0:
            scales, room = leaky_passes.leaky_scales(problem), names["leaky_workspace"](depth)
            leaky = scales._replace(**others)
            names["leaky_updates"](stream, leaky, room, out)
        else:
            relu, room = relu_passes.relu_scales(problem), names["relu_workspace"](depth)
            relu = relu._replace(most=names["LANES"], **others)
            names["relu_updates"](stream, relu, room, out)
    return out


@cache
def problem_of(network: MLP) -> tuple[Problem, int]:
    carried = network in (RELU_CARRIED, LEAKY_CARRIED)
    samples, rates = (CARRIED_SAMPLES, FIRST_ONLY) if carried else (SAMPLES, None)
    layers = range(1, network.layers + 1)
    return numeric_problem(network, layer=layers, rates=rates, step=None), samples


@cache
def literal(network: MLP) -> FloatArray:
    problem, samples = problem_of(network)
    return draws(Dense(), problem, 32, samples)


def against_literal(network: MLP, wrong: str = "", instead: str = "", change: int = 0) -> float:
    """``change``: of the number of coins."""
    problem, samples = problem_of(network)
    code = leaky_passes if problem.slope > 0 else relu_passes
    coins = {"coins": coin_tables(problem.widths + change)} if change else {}
    found = run(altered_passes(code, wrong, instead), problem, samples, **coins)
    return smallest_p(literal(network), found)


@pytest.mark.slow
@pytest.mark.parametrize("network", [RELU, LEAKY], ids=repr)
@pytest.mark.parametrize("change", [-1, 1])
def test_a_coin_too_few_or_too_many_is_caught(network: MLP, change: int) -> None:
    assert against_literal(network, change=change) < CAUGHT


@pytest.mark.slow
@pytest.mark.parametrize("network", [RELU, LEAKY, RELU_CARRIED, LEAKY_CARRIED], ids=repr)
def test_the_unaltered_passes_are_not_rejected(network: MLP) -> None:
    assert against_literal(network) > FALSE_ALARM


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "network", "wrong", "instead"), CONTROLS, ids=lambda value: str(value)[:40]
)
def test_an_altered_pass_is_caught(what: str, network: MLP, wrong: str, instead: str) -> None:
    p = against_literal(network, wrong, instead)
    assert p < CAUGHT, f"{what}: p = {p}"
