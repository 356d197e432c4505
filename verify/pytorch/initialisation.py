"""`initialise` draws the weights of a model as the theory assumes them."""

from __future__ import annotations

import torch
from torch import nn

from theory.coverage import answered
from verify.numerics.streams import checked_seed
from verify.pytorch.modules.computing import draw_weights
from verify.pytorch.modules.model import read_model
from verify.pytorch.modules.probing import one_at_a_time

__all__ = ["initialise"]


@one_at_a_time
@answered
def initialise(model: nn.Module, seed: int | torch.Generator | None = None) -> nn.Module:
    """Draw the weights of ``model`` in place: W_ij ~ N(0, c/fan_in), readout v_j ~ N(0, 1/n^2).

    c is critical: 2 for ReLU.  PyTorch's own draw has c = 1/3 and a readout of standard deviation
    1/sqrt(3 n).  ``seed``: a non-negative int, a ``torch.Generator``, or None for PyTorch's global
    one; the weights do not depend on the model's device.  Returns ``model``.  Raises
    `InvalidArgument`, with nothing drawn, for a model that `network_of` refuses.

    >>> from torch import nn
    >>> layers = nn.Linear(64, 512, bias=False), nn.ReLU(), nn.Linear(512, 1, bias=False)
    >>> model = initialise(nn.Sequential(*layers), seed=1)
    >>> [f"{weight.std().item():.4f}" for weight in model.parameters()]     # √(2/64), 1/512
    ['0.1773', '0.0020']
    """
    read = read_model(model)
    draw_weights(read.layers, read.network, _generator(seed))
    return model


def _generator(seed: int | torch.Generator | None) -> torch.Generator | None:
    if seed is None or isinstance(seed, torch.Generator):
        return seed
    return torch.Generator().manual_seed(checked_seed(seed) % 2**64)
