"""`coordinate_check`: real gradient steps of a PyTorch model against the exact law, layer by layer.

What is tested is all that stands between a formula and a training script: the model's layers and
their order, its initialisation, its loss, PyTorch's gradient and its optimiser.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log

import numpy as np
import torch
from torch import nn

from theory.network import MLP
from verify.estimate import merge, sum_block
from verify.exact_values import LARGEST_SPREAD, STEP_ALLOWANCE, exact_law, follows_law, known_spread
from verify.inference_evidence import evidence_of
from verify.inference_networks import NetworkMean
from verify.problem import FloatArray
from verify.pytorch.check_result import CoordinateCheck, LayerCheck
from verify.pytorch.learning_rates import checked_step
from verify.pytorch.model import network_of
from verify.pytorch.real_steps import RealStep, half_square
from verify.streams import checked_samples, checked_seed
from verify.verdict import Score

__all__ = ["coordinate_check", "planned_samples"]

_FEWEST, _MOST = 1000, 20_000


def coordinate_check(
    model: nn.Module,
    *,
    samples: int | None = None,
    seed: int,
    step: object = None,
    initialise: Callable[[nn.Module], object] | None = None,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = half_square,
) -> CoordinateCheck:
    """Measure E[(Delta z)^2]/eta^2 by layer over real steps of ``model``, and judge it.

    ``samples``: initialisations, each with one example of |x|^2 = n_0, a label y = +-1 and one step
    of `torch.optim.SGD` on the hidden weights; None for as many as a verdict needs, from 1000 to
    20,000.  ``step``: its rate, at most the maximal one over 100 and over 10 L for L hidden layers;
    None for that, rounded down.  ``initialise``: draws the weights of a model in place
    from PyTorch's global generator; None for `verify.pytorch.initialise`.  ``loss``: of outputs and
    labels.  The model itself is left as it is.

    Judged at a family-wise 1 % over the layers, whose exact variance is known, less 2 % by which a
    real step may differ from the law (width at least 16, depth at most a quarter of it).  Raises
    `InvalidArgument` for a larger step and for a model that `network_of` refuses.

    >>> from torch import nn
    >>> layers = nn.Linear(32, 32, bias=False), nn.ReLU(), nn.Linear(32, 1, bias=False)
    >>> check = coordinate_check(nn.Sequential(*layers), samples=500, seed=1)
    >>> check.verdict.outcome.name
    'CONSISTENT'
    >>> twice = coordinate_check(nn.Sequential(*layers), samples=500, seed=1, loss=nn.MSELoss())
    >>> twice.verdict.outcome.name
    'REJECTED'
    """
    network = network_of(model)
    root, rate = checked_seed(seed), checked_step(network, step)
    count = planned_samples(network, rate) if samples is None else checked_samples(samples)
    values = RealStep(rate, initialise, loss).squared_updates(model, count, root)
    checks = [_layer_check(network, k + 1, rate, values[:, k]) for k in range(network.layers)]
    return CoordinateCheck(network, rate, count, root, tuple(checks))


def planned_samples(network: MLP, step: float) -> int:
    """The least number with which every layer that may decide notices a factor 1.5, within limits.

    >>> planned_samples(MLP(64, 2), 1e-3), planned_samples(MLP(64, 8), 1e-4)
    (1000, 2664)
    """
    spreads = [known_spread(network, k + 1, step) for k in range(network.layers)]
    scores = [
        Score(NetworkMean(1, 1.0, spread, np.zeros(1)), 1.0, STEP_ALLOWANCE, True)
        for spread in spreads
        if spread <= LARGEST_SPREAD
    ]
    wanted = [score.wanted(network.layers) or 0 for score in scores]
    return min(max(_FEWEST, *wanted), _MOST)


def _layer_check(network: MLP, layer: int, step: float, values: FloatArray) -> LayerCheck:
    """``values``: (Delta z/rate)^2, shape ``(samples,)``."""
    exact, spread = float(exact_law(network, layer)), known_spread(network, layer, step)
    with np.errstate(divide="ignore"):
        logs = np.log(values)[None, :, None]
    total = merge([sum_block(logs, keep=True)], ("total",), scalar=True)["total"]
    decides = spread <= LARGEST_SPREAD and follows_law(network, step)
    score = Score(evidence_of(total, log(exact), spread), 1.0, STEP_ALLOWANCE, decides)
    return LayerCheck(layer, exact, score)
