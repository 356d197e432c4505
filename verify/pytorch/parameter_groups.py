"""Parameter groups for `torch.optim.SGD`, one for each layer, with derived learning rates."""

from __future__ import annotations

from typing import Any

from torch import nn

from theory.network import InvalidArgument
from verify.pytorch.learning_rates import EqualShares, RatePlan
from verify.pytorch.model import read_model

__all__ = ["parameter_groups"]


def parameter_groups(
    model: nn.Module, plan: RatePlan = EqualShares(), *, input_norm2: object = None
) -> list[dict[str, Any]]:
    """One parameter group per linear layer of ``model``, for plain `torch.optim.SGD`.

    Each has ``params``, ``lr`` and a ``name``, ``"layer 1"`` to ``"readout"``.  ``plan``:
    `EqualShares`, `AllHidden` or `Transferred`.  ``input_norm2``: |x|^2 of the inputs; None is
    their width.  The rates are for the loss (f - y)^2/2, averaged over a batch; for
    ``nn.MSELoss`` halve them.  Raises `InvalidArgument` for a model that `network_of` refuses.

    >>> from torch import nn, optim
    >>> from verify.pytorch import AllHidden
    >>> layers = nn.Linear(64, 64, bias=False), nn.ReLU(), nn.Linear(64, 1, bias=False)
    >>> groups = parameter_groups(nn.Sequential(*layers), AllHidden("0.5"))
    >>> for group in optim.SGD(groups).param_groups:
    ...     print(group["name"], round(group["lr"], 4))
    layer 1 0.7012
    readout 0.0
    """
    if not isinstance(plan, RatePlan):
        raise InvalidArgument(
            f"expected a plan of rates, got plan={plan!r}; give EqualShares(), AllHidden(factor) "
            f"or Transferred(source, hidden)"
        )
    read = read_model(model, input_norm2=input_norm2)
    names = [*(f"layer {index + 1}" for index in range(len(read.hidden))), "readout"]
    rates = plan.rates(read.network)
    return [
        {"params": [layer.weight], "lr": rate, "name": name}
        for layer, rate, name in zip(read.layers, rates, names, strict=True)
    ]
