"""`parameter_groups` makes a group for each layer, for `torch.optim.SGD`, at derived rates."""

from __future__ import annotations

from typing import Any

from torch import nn

from theory.coverage import answered
from theory.errors import InvalidArgument
from theory.networks.mlp import MLP
from theory.rates.learning_rate import real_step_call
from theory.validation import typed
from verify.pytorch.examples import Case, check_norm, checked_examples
from verify.pytorch.half_precision import precision_in_words
from verify.pytorch.learning_rates import EqualShares, RatePlan, Transferred, warn
from verify.pytorch.modules.model import read_model
from verify.pytorch.modules.probing import one_at_a_time
from verify.pytorch.optimisers import Watched, watch
from verify.pytorch.spread import changed_in_words, check_weights, spread_in_words

__all__ = ["parameter_groups"]


@one_at_a_time
@answered
def parameter_groups(
    model: nn.Module,
    plan: RatePlan = EqualShares(),
    *,
    input_norm2: object = None,
    inputs: object = None,
    labels: object = None,
) -> list[dict[str, Any]]:
    """One parameter group per linear layer of ``model``, for plain `torch.optim.SGD`.

    Each has ``params``, ``lr`` and a ``name``, ``"layer 1"`` to ``"readout"``.  ``plan``:
    `EqualShares`, `AllHidden` or `Transferred`.  ``input_norm2``: |x|^2 of the inputs; None is the
    mean over ``inputs``, shape ``(examples, ...)``, if given, else their width.  ``labels``: of
    ``inputs``.  The rates are for the loss (f - y)^2/2 at y = +-1, averaged over a batch; for
    ``nn.MSELoss`` halve them.  They bound a linearised step; real steps of deep models move less.

    Warns `OutsideValidity` where the model is too deep for its width, where the weights are not
    spread as `initialise` draws them, not independent and normal, or trained, where inputs or
    labels are of another size, where the model computes in half precision, as soon as the groups
    reach another optimiser, and before a step of any other on these weights at these rates.  A
    schedule with one rate for all groups, such as ``OneCycleLR(max_lr=0.1)``, replaces them all;
    the first step warns of this, and of weights that are drawn or loaded in between.  A step warns
    of a floor (``eta_min``) or a separate factor that raises the rate of one layer.  Copies of the
    weights, weights loaded later, steps written by hand, clipped gradients, ``autocast`` around the
    training, and schedules that multiply all rates by one number or keep some from falling stay
    unseen.  Raises `InvalidArgument` for a model that `network_of` refuses, for weights that are
    not finite, and for a frozen readout whose rate is not zero.

    >>> from torch import nn, optim
    >>> from verify.pytorch import AllHidden, initialise
    >>> layers = nn.Linear(64, 64, bias=False), nn.ReLU(), nn.Linear(64, 1, bias=False)
    >>> groups = parameter_groups(initialise(nn.Sequential(*layers), seed=1), AllHidden("0.5"))
    >>> for group in optim.SGD(groups).param_groups:
    ...     print(group["name"], round(group["lr"], 4))
    layer 1 0.7012
    readout 0.0
    """
    if not isinstance(plan, RatePlan):
        raise InvalidArgument(
            f"expected a plan of rates, got plan={typed(plan)}; give EqualShares(), "
            f"AllHidden(factor) or Transferred(source, hidden)"
        )
    read = read_model(model, input_norm2=input_norm2)
    examples = checked_examples(inputs, labels, read.hidden[0].in_features)
    network = read.network if input_norm2 is not None else Case(read.network, examples).network
    check_norm("input_norm2", network.norm2, read.hidden[0].in_features)
    rates = plan.rates(network)
    check_weights(read, rates[-1])
    for sentence in (
        None if isinstance(plan, Transferred) else _too_deep(network),
        spread_in_words(read),
        *Case(network, examples).in_words(),
        precision_in_words(read, network, rates),
    ):
        if sentence:
            warn(sentence)
    names = [*(f"layer {index + 1}" for index in range(len(read.hidden))), "readout"]
    known = {id(layer.weight): rate for layer, rate in zip(read.layers, rates, strict=True)}
    watch((layer.weight for layer in read.layers), known, changed_in_words(read))
    return Watched(
        [
            {"params": Watched([layer.weight], known), "lr": rate, "name": name}
            for layer, rate, name in zip(read.layers, rates, names, strict=True)
        ],
        known,
    )


def _too_deep(network: MLP) -> str | None:
    """A sentence where a typical network is not like the mean."""
    narrowest = min(int(width) for width in network.widths[1:])
    if 4 * network.layers <= narrowest:
        return None
    call = "verify.typical_learning_rate"
    if network.layers > narrowest:
        call = f"theory.{real_step_call(network)}"
    return (
        f"expected a depth of at most a quarter of the width, got depth {network.layers} at width "
        f"{narrowest}: there rare networks set the mean, and these rates are small for a typical "
        f"network; give a wider model, or compare with {call}"
    )
