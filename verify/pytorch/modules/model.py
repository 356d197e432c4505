"""`network_of` reads a PyTorch module as the theory's network, and refuses any other module.

The linear layers are those that the module registers, in that order; what the module computes, and
one backward pass, are then compared with those of x -> v . sigma(W_L ... sigma(W_1 x)) at weights
drawn anew, so that a module with its own forward may be read too, and no module is read wrongly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from theory.coverage import answered
from theory.errors import InvalidArgument
from theory.networks.mlp import MLP
from theory.validation import typed
from verify.pytorch.modules.agreement import Computing, activation_and_precision
from verify.pytorch.modules.computing import draw_probe
from verify.pytorch.modules.hooks import check_hooks
from verify.pytorch.modules.layers import linear_layers
from verify.pytorch.modules.probing import bare, one_at_a_time

__all__ = ["ReadModel", "already_read", "network_of", "read_model"]


@dataclass(frozen=True, eq=False)
class ReadModel:
    """A module taken apart.

    ``module``: without wrappers.  ``named``: its linear layers by name, the readout last.
    ``network``: the theory's network of the same sizes, activation and input norm.  ``steps``: the
    precision in which steps can be measured: double where the module runs in it.  ``computes``: the
    lowest precision in which it computes with its own weights.
    """

    module: nn.Module
    named: dict[str, nn.Linear]
    network: MLP
    steps: torch.dtype
    computes: torch.dtype

    @property
    def layers(self) -> tuple[nn.Linear, ...]:
        """All linear layers, the readout last."""
        return tuple(self.named.values())

    @property
    def hidden(self) -> tuple[nn.Linear, ...]:
        """The linear layers 1 to L."""
        return self.layers[:-1]

    @property
    def readout(self) -> nn.Linear:
        """The linear layer above the hidden ones."""
        return self.layers[-1]


@one_at_a_time
@answered
def network_of(model: nn.Module, *, input_norm2: object = None) -> MLP:
    """The network of `theory` with the sizes and the activation of ``model``.

    ``model``: a module of bias-free ``Linear`` layers, the last with one output, with ``ReLU`` (or
    ``LeakyReLU``) between them.  ``input_norm2``: |x|^2 of its inputs; None is the input width.
    Raises `InvalidArgument` for a module that is, or computes, anything else, in its gradients too;
    biases are refused, since the theory has none.  A finite number of calls shows no change of a
    forward or of a hook that begins after 64 calls, in batches beyond 1024, under autocast or on
    another device, no hook on a node of autograd, and nothing that a training loop does outside
    ``forward``.

    >>> from torch import nn
    >>> layers = nn.Linear(5, 8, bias=False), nn.ReLU(), nn.Linear(8, 1, bias=False)
    >>> network_of(nn.Sequential(*layers))
    MLP(width=8, depth=1, input_width=5)
    """
    return read_model(model, input_norm2=input_norm2).network


_ALREADY: ContextVar[ReadModel | None] = ContextVar("_ALREADY", default=None)


@contextmanager
def already_read(read: ReadModel) -> Iterator[None]:
    """Within it the module of ``read`` is not read anew each time that its weights are drawn."""
    token = _ALREADY.set(read)
    try:
        yield
    finally:
        _ALREADY.reset(token)


def read_model(model: nn.Module, *, input_norm2: object = None) -> ReadModel:
    """``model`` taken apart; the result shares its parameters and has no copies."""
    if not isinstance(model, nn.Module):
        raise InvalidArgument(
            f"expected a torch.nn.Module for model, got model={typed(model)}; give one, such as "
            f"nn.Sequential(...)"
        )
    module, known = bare(model), _ALREADY.get()
    if known is not None and known.module is module and input_norm2 is None:
        return known
    named = linear_layers(module)
    *hidden, _ = named.values()
    scale: Any = input_norm2
    if isinstance(input_norm2, torch.Tensor) and input_norm2.ndim == 0:
        scale = input_norm2.item()
    widths = [layer.out_features for layer in hidden]
    network = MLP(
        width=widths[0] if len(set(widths)) == 1 else tuple(widths),
        depth=len(widths),
        input_width=hidden[0].in_features,
        input_norm2=scale,
    )
    probe = draw_probe(network)
    activation, steps = activation_and_precision(module, named, probe)
    network = replace(network, activation=activation)
    computes = Computing(module, named, network, probe, steps).check()
    check_hooks(model, named, probe, steps)
    return ReadModel(module, named, network, steps, computes)
