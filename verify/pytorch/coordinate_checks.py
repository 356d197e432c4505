"""`coordinate_check` compares real gradient steps of a PyTorch model with exact values by layer.

The steps test all parts of a training script on which a formula depends: the layers and their
sequence, the initialisation, the loss, PyTorch's gradient and the optimiser.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log, sqrt

import numpy as np
import torch
from torch import nn

from theory.coverage import answered
from theory.errors import InvalidArgument
from theory.networks.mlp import MLP
from verify.comparison.exact_values import (
    LARGEST_SPREAD,
    STEP_ALLOWANCE,
    follows_law,
    known_spread,
    largest_step,
)
from verify.inference.estimate import merge, sum_block
from verify.inference.evidence_kinds import evidence_of
from verify.inference.sample_means import NetworkMean
from verify.inference.verdict import Score
from verify.numerics.arrays import FloatArray
from verify.numerics.streams import KEPT_SAMPLES, checked_samples, checked_seed
from verify.pytorch.check_result import CoordinateCheck, LayerCheck
from verify.pytorch.examples import Case, checked_examples
from verify.pytorch.learning_rates import checked_step
from verify.pytorch.modules.model import ReadModel, read_model
from verify.pytorch.modules.probing import one_at_a_time
from verify.pytorch.real_steps import RealStep, half_square

__all__ = ["coordinate_check", "planned_samples"]

_FEWEST, _MOST, _NO_VERDICT = 1000, 20_000, 100
_LEAST = 1e5
"""Units in the last place, of which a step at least is one in units of the largest: its changes of
pre-activations are then known to a thousandth."""


@one_at_a_time
@answered
def coordinate_check(
    model: nn.Module,
    *,
    samples: int | None = None,
    seed: int,
    step: object = None,
    initialise: Callable[[nn.Module], object] | None = None,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = half_square,
    inputs: object = None,
    labels: object = None,
) -> CoordinateCheck:
    """Measure E[(Delta z)^2]/eta^2 by layer over real steps of ``model``, and judge it.

    ``samples``: initialisations, each with one example of |x|^2 = n_0, a label y = +-1 and one step
    of `torch.optim.SGD` on the hidden weights; None for as many as a verdict needs, from 1000 to
    20,000, and 100 where no layer can decide; at most 2^22/L for L hidden layers.  ``step``: its
    rate, at most the maximal one over 100 and over 10 L; None for that, rounded down.
    ``initialise``: draws the weights of a model in place from PyTorch's global generator; None for
    `verify.pytorch.initialise`.  ``loss``: of outputs and labels.  ``inputs``: your own,
    shape ``(examples, ...)``, one of which each step takes; the law is then that at their |x|^2.
    ``labels``: theirs, where the loss needs others than +-1, of a shape that the loss does not
    broadcast.  The model itself is left as it is.

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
    read, root = read_model(model), checked_seed(seed)
    examples = checked_examples(inputs, labels, read.hidden[0].in_features)
    case = Case(read.network, examples)
    usual = largest_step(read.network) * float(read.network.norm2 / case.network.norm2) ** 0.5
    rate = checked_step(case.largest, step, _LEAST * torch.finfo(read.steps).eps * usual)
    count = _planned(case, rate) if samples is None else _checked(samples, read)
    real = RealStep(rate, initialise, loss, examples)
    values, noted = real.squared_updates(model, count, root)
    checks = [
        _layer_check(case, k + 1, rate, values[:, k], root) for k in range(read.network.layers)
    ]
    return CoordinateCheck(
        case.network,
        rate,
        count,
        root,
        tuple(checks),
        drawn_by="initialise" if initialise is None else _name(initialise),
        causes=noted.causes(),
        notes=(*noted.batch, *_notes(read, case)),
    )


def _planned(case: Case, rate: float) -> int:
    return planned_samples(case.heaviest, rate) if follows_law(case.read, rate) else _NO_VERDICT


def _checked(samples: object, read: ReadModel) -> int:
    """``samples``, as many as are kept at most."""
    count, most = checked_samples(samples), KEPT_SAMPLES // read.network.layers
    if count > most:
        raise InvalidArgument(
            f"expected at most {most:,} samples in a check of {read.network.layers} hidden layers, "
            f"got samples={count}; leave samples out for as many as a verdict needs"
        )
    return count


def _name(function: object) -> str:
    return getattr(function, "__name__", None) or type(function).__name__


def _notes(read: ReadModel, case: Case) -> tuple[str, ...]:
    """Sentences on cases that the verdict does not cover."""
    notes = []
    if case.network.norm2 != case.read.norm2:
        notes.append(
            f"The inputs have a mean |x|² of {float(case.network.norm2):,.6g}, not "
            f"{case.read.norm2}: give parameter_groups the same inputs."
        )
    if case.examples is not None and (labels := case.examples.other_labels()):
        notes.append(
            f"parameter_groups gives rates for labels of root mean square 1, not {labels[0]}: "
            f"{labels[1]}."
        )
    if varied := case.varied():
        notes.append(f"parameter_groups gives rates for similar |x|², not {'; '.join(varied)}.")
    if read.computes not in (torch.float32, torch.float64):
        notes.append(
            f"The steps are taken in {read.steps}: in {read.computes} steps this small are lost to "
            f"rounding; parameter_groups describes a step at its rates in that precision."
        )
    return tuple(notes)


def planned_samples(network: MLP, step: float) -> int:
    """The least number with which every layer that may decide notices a factor 1.5, within limits;
    few where none may.

    >>> planned_samples(MLP(64, 2), 1e-3), planned_samples(MLP(64, 8), 1e-4)
    (1000, 2664)
    >>> planned_samples(MLP(32, 24), 1e-4)
    100
    """
    spreads = [known_spread(network, k + 1, step) for k in range(network.layers)]
    scores = [
        Score(NetworkMean(1, 1.0, spread, np.zeros(1)), 1.0, STEP_ALLOWANCE, True)
        for spread in spreads
        if spread <= LARGEST_SPREAD
    ]
    wanted = [score.wanted(network.layers) or 0 for score in scores]
    return min(max(_FEWEST, *wanted), _MOST) if wanted else _NO_VERDICT


def _layer_check(case: Case, layer: int, step: float, values: FloatArray, seed: int) -> LayerCheck:
    """``values``: (Delta z/rate)^2, shape ``(samples,)``."""
    exact, shares = case.exact(layer, len(values), seed)
    spread = known_spread(case.heaviest, layer, step)
    decides = spread <= LARGEST_SPREAD and follows_law(case.read, step)
    with np.errstate(divide="ignore"):
        logs = np.log(values / shares)[None, :, None]
    if np.isneginf(logs).all():
        none = NetworkMean(len(values), 0.0, spread / sqrt(len(values)), logs.ravel())
        return LayerCheck(layer, exact, Score(none, 1.0, STEP_ALLOWANCE, decides))
    total = merge([sum_block(logs, keep=True)], ("total",), scalar=True)["total"]
    score = Score(evidence_of(total, log(exact), spread), 1.0, STEP_ALLOWANCE, decides)
    return LayerCheck(layer, exact, score)
