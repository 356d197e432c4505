"""Negative controls: `Conditioned` with other draws must differ from literal networks.

`test_conditioned_relu` shows that the passes make the right networks of the numbers that they draw.
Here the draws themselves are wrong: other numbers, or dependent ones.  A difference counts as
caught at a corrected p below ``FALSE_ALARM``; the test asks for p below ``CAUGHT``, so far
beyond it that another seed would be caught too with more than 99 % chance (the argument is in
tests/verify/samplers/test_sampler_controls.py).
"""

from functools import cache

import numpy as np
import pytest

from tests.tools.laws import draws, smallest_p
from tests.verify.samplers.test_conditioned_relu import altered_passes
from theory import MLP, LeakyReLU, Linear
from verify import Dense
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import block_stream
from verify.numerics.variates import new_stream
from verify.samplers.conditioned.state import new_state
from verify.samplers.problem import Problem, numeric_problem
from verify.samplers.vectors import vector_scales

FALSE_ALARM = 1e-4
CAUGHT = 1e-10
SAMPLES = 4000
RELU = MLP(4, 3, input_width=3)
LEAKY = MLP(3, 3, activation=LeakyReLU("0.4"))
CARRIED = MLP(3, 4, activation=Linear())
"""Its multipliers leave only the carried part of the update above layer 1, to see its draws."""
XI = "single_normals(stream, state.xi[: state.begin[last + 1, 0]])"
ZETA = "single_normals(stream, state.zeta[state.begin[2, 0] : state.begin[-1, 0]])"


@cache
def problem_of(network: MLP) -> Problem:
    rates = (1, 0, 0, 0) if network == CARRIED else None
    return numeric_problem(network, layer=(1, 2, 3), rates=rates, step=None)


@cache
def literal(network: MLP) -> FloatArray:
    return draws(Dense(), problem_of(network), 32, SAMPLES)


def against_literal(network: MLP, wrong: str = "", instead: str = "") -> float:
    problem, names = problem_of(network), altered_passes(wrong, instead)
    out, stream = np.empty((2, SAMPLES, 3)), new_stream(block_stream(31, 0))
    labels, scales = np.ones(SAMPLES), vector_scales(problem)
    state = new_state(scales, 0.0)
    with np.errstate(all="ignore"):
        names["conditioned_updates"](stream, scales, state, 0.0, labels, problem.layers, out)
    return smallest_p(literal(network), out)


@pytest.mark.slow
@pytest.mark.parametrize("network", [RELU, LEAKY, CARRIED], ids=repr)
def test_the_unaltered_draws_are_not_rejected(network: MLP) -> None:
    assert against_literal(network) > FALSE_ALARM


CONTROLS: list[tuple[str, MLP, str, str]] = [
    ("an active neuron too few", RELU, "heads(stream, width)", "max(heads(stream, width) - 1, 0)"),
    (
        "an active neuron too many",
        LEAKY,
        "heads(stream, width)",
        "min(heads(stream, width) + 1, width)",
    ),
    ("xi as large as z", LEAKY, XI, "state.xi[:] = abs(state.z)"),
    ("xi is z", RELU, XI, "state.xi[:] = state.z"),
    ("zeta is xi", CARRIED, ZETA, "state.zeta[:] = state.xi"),
    ("zeta too large", CARRIED, ZETA, f"{ZETA}; state.zeta[:] *= 1.5"),
    (
        "inactive zeta twice as large",
        RELU,
        "single_normals(stream, zeta)",
        "zeta[:] = 2 * zeta + 1",
    ),
    (
        "networks are the same by forties",
        RELU,
        "turn_to(stream, network, 0, 0)",
        "turn_to(stream, network // 40, 0, 0)",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "wrong", "instead"),
    [control[1:] for control in CONTROLS],
    ids=[control[0] for control in CONTROLS],
)
def test_other_draws_are_caught(network: MLP, wrong: str, instead: str) -> None:
    p = against_literal(network, wrong, instead)
    assert p < CAUGHT, f"p = {p}"
