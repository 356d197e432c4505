"""Negative controls: passes through residual blocks with one expression replaced are rejected.

Every control runs the source uncompiled beside literal networks.  A difference counts as caught at
a corrected p below ``FALSE_ALARM``; the test asks for p below ``CAUGHT``, so that another seed
would be caught too (the argument is in tests/verify/samplers/test_sampler_controls.py).
"""

from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.roads.literal_residual import literal_updates
from tests.tools.laws import smallest_p
from tests.tools.uncompiled import uncompiled
from tests.verify.samplers.test_conditioned_relu import FREE, ONE_LANE
from tests.verify.samplers.test_residual_laws import problem_of, without_ties
from theory import LeakyReLU
from theory.networks.residual import Residual
from theory.networks.roles import ByRole
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import block_stream
from verify.numerics.variates import new_stream
from verify.samplers.blocks import blocks_of
from verify.samplers.conditioned import passes, state
from verify.samplers.conditioned import residual_passes as conditioned
from verify.samplers.gram import residual_passes as gram
from verify.samplers.gram import residual_state

FALSE_ALARM, CAUGHT = 1e-4, 1e-10
RELU = Residual(4, 3, branch_width=3, multiplier2=2), None
LEAKY = Residual(3, 2, branch_width=4, activation=LeakyReLU("0.4"), multiplier2=2), None
CARRIED = Residual(5, 3, branch_width=4, multiplier2=3, skip2="1/4"), ByRole(1, 0, 0)
"""Only W_in is trained, so that later updates show how they are carried."""
Setting = tuple[Residual, Any]


@cache
def literal(setting: Setting, samples: int) -> FloatArray:
    blocks = blocks_of(problem_of(*setting))
    return without_ties(literal_updates(blocks, np.random.default_rng(32), samples))


def altered_gram(wrong: str, instead: str, setting: Setting) -> float:
    """p of Gram's passes over many lanes in NumPy, around compiled draws."""
    samples, problem = 16_384, problem_of(*setting)
    names = uncompiled(
        [residual_state, gram],
        wrong,
        instead,
        {
            "for j in range(lanes)": "for j in [slice(0, lanes)]",
            f"LANES = {residual_state.LANES}": "LANES = 8192",
        },
        math=SimpleNamespace(sqrt=np.sqrt, log=np.log, inf=np.inf),
        select=np.where,
        logarithm=np.log,
        exponential=np.exp,
    )
    out, stream = np.empty((2, samples, problem.layers.size)), new_stream(block_stream(31, 0))
    with np.errstate(all="ignore"):
        workspace = names["residual_workspace"](problem.network.layers)
        names["residual_updates"](stream, residual_state.residual_scales(problem), workspace, out)
    return smallest_p(literal(setting, samples), without_ties(out))


def altered_conditioned(wrong: str, instead: str, setting: Setting) -> float:
    """p of Conditioned's passes in Python."""
    samples, problem = 2_000, problem_of(*setting)
    modules: list[ModuleType] = [state, passes, conditioned]
    names = uncompiled(modules, wrong, instead, math=FREE, **ONE_LANE)
    out, stream = np.empty((2, samples, problem.layers.size)), new_stream(block_stream(31, 0))
    with np.errstate(all="ignore"):
        net = names["new_residuals"](blocks_of(problem), 0.0)
        names["residual_updates"](stream, net, 0.0, np.ones(samples), problem.layers, out)
    return smallest_p(literal(setting, 20_000), without_ties(out))


@pytest.mark.slow
@pytest.mark.parametrize("setting", [RELU, LEAKY, CARRIED], ids=repr)
def test_the_unaltered_passes_are_not_rejected(setting: Setting) -> None:
    assert altered_gram("", "", setting) > FALSE_ALARM
    assert altered_conditioned("", "", setting) > FALSE_ALARM


GRAM: list[tuple[str, Setting, str, str]] = [
    ("h: a dimension too many", CARRIED, "width - 1, lanes, here.q_2", "width, lanes, here.q_2"),
    ("h: W a not along h", RELU, "skip + fresh * here.q_1[j]", "skip + 0 * fresh"),
    ("h: length of a left out", RELU, "log_a + scales.log_down_sd", "scales.log_down_sd"),
    ("g always in the plane", RELU, "scale * across * scale * across + left * left", "0 * across"),
    (
        "W^T g knows nothing of W a",
        LEAKY,
        "room.products[j] = here.q_1[j] * room.u_2[j] + ",
        "room.products[j] = 0 * ",
    ),
    ("U^T delta knows nothing of U h", RELU, "scale * (d_on * here.z_on[j] +", "0 * (d_on +"),
    ("g: a dimension too many", LEAKY, "width - 3, lanes, here.x_4", "width - 2, lanes, here.x_4"),
    ("delta: mask left out", LEAKY, "factor * (phi * sin - xi * cos)", "(phi * sin - xi * cos)"),
    ("own share of U without delta", LEAKY, "+ here.log_d[j] + log_rate", "+ log_rate"),
    ("own share of W not squared", LEAKY, "2.0 * here.log_a[j]", "here.log_a[j]"),
    (
        "U u knows nothing of U^T delta",
        CARRIED,
        "pull = own + carried * room.products[j] - ",
        "pull = own - ",
    ),
    ("U u knows nothing of U h", CARRIED, "here.z_on[j] * along", "0.0 * along"),
    ("U u: fresh part along delta", CARRIED, "- across * fresh\n        w_on", "\n        w_on"),
    ("y not masked", CARRIED, "y_off, yq_off, yr_off = factor * y_off, ", "yq_off, yr_off = "),
    ("W y knows nothing of W a", CARRIED, "along * here.q_1[j]", "0 * along"),
    (
        "W y knows nothing of W^T g",
        CARRIED,
        "= own + carried * room.products[j]\n",
        "= own\n",
    ),
    ("what u leaves is not kept", CARRIED, "rest = math.sqrt(left * left + ", "rest = math.sqrt("),
    (
        "skip left out of u",
        RELU,
        "own, skip = both * own, both * skip",
        "own, skip = both * own, 0.0 * skip",
    ),
]
CONDITIONED: list[tuple[str, Setting, str, str]] = [
    ("W^T g knows nothing of W a", LEAKY, "dot(net.q[block], g) / net", "0.0 * net"),
    ("U^T delta knows nothing of U h", RELU, "fresh * (phi - net.h_x", "fresh * (0.0 - net.h_x"),
    ("U^T delta not across h", CARRIED, "(phi - net.h_x[block - 1] / length)", "phi"),
    ("own share of W not squared", RELU, "2.0 * log_a + net.log_g", "log_a + net.log_g"),
    ("U u knows nothing of U^T delta", CARRIED, "x_u - left * net.h_x[block - 1]", "0.0"),
    ("W y knows nothing of W a", CARRIED, "carried * change.along, q", "0.0, q"),
    ("W y knows nothing of W^T g", CARRIED, "pull + carried * change.xi_y", "pull"),
    ("skip left out of u", RELU, "over(math.exp(log_skip - unit), length)", "0.0"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("what", "setting", "wrong", "instead"), GRAM, ids=lambda v: str(v)[:40])
def test_an_altered_pass_of_gram_is_caught(
    what: str, setting: Setting, wrong: str, instead: str
) -> None:
    p = altered_gram(wrong, instead, setting)
    assert p < CAUGHT, f"{what}: p = {p}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "setting", "wrong", "instead"), CONDITIONED, ids=lambda v: str(v)[:40]
)
def test_an_altered_pass_of_conditioned_is_caught(
    what: str, setting: Setting, wrong: str, instead: str
) -> None:
    p = altered_conditioned(wrong, instead, setting)
    assert p < CAUGHT, f"{what}: p = {p}"
