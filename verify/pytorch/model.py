"""A PyTorch module read as the theory's network, and refused where it is not one.

The linear layers are those that the module registers, in that order; what the module computes is
then compared with x -> v . sigma(W_L ... sigma(W_1 x)) on a copy with weights drawn anew, so that
a module with a forward of its own may be read too, and none is read wrongly.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from theory.network import MLP, InvalidArgument, LeakyReLU, ReLU
from verify.pytorch.differences import what_differs

__all__ = ["ReadModel", "draw_weights", "network_of", "read_model"]

_SILENT = nn.Flatten | nn.Identity
_INPUTS = 4
_AGREES = 1e-9


@dataclass(frozen=True, eq=False)
class ReadModel:
    """``hidden``: the linear layers 1 to L of a module; ``readout``: the one above them;
    ``network``: the theory's network of the same sizes, activation and input norm."""

    hidden: tuple[nn.Linear, ...]
    readout: nn.Linear
    network: MLP

    @property
    def layers(self) -> tuple[nn.Linear, ...]:
        """All linear layers, the readout last."""
        return (*self.hidden, self.readout)


def network_of(model: nn.Module, *, input_norm2: object = None) -> MLP:
    """The network of `theory` with the sizes and the activation of ``model``.

    ``model``: a module of bias-free ``Linear`` layers, the last with one output, with ``ReLU`` (or
    ``LeakyReLU``) between them.  ``input_norm2``: |x|^2 of its inputs; None is the input width.
    Raises `InvalidArgument` for a module that is, or computes, anything else; biases are refused,
    since the theory has none.

    >>> from torch import nn
    >>> layers = nn.Linear(5, 8, bias=False), nn.ReLU(), nn.Linear(8, 1, bias=False)
    >>> network_of(nn.Sequential(*layers))
    MLP(width=8, depth=1, input_width=5)
    """
    return read_model(model, input_norm2=input_norm2).network


def read_model(model: nn.Module, *, input_norm2: object = None) -> ReadModel:
    """``model`` taken apart; its parameters are those of the result, not copies."""
    if not isinstance(model, nn.Module):
        raise InvalidArgument(
            f"expected a torch.nn.Module for model, got model={model!r}; give one, such as "
            f"nn.Sequential(...)"
        )
    layers = _linear_layers(model)
    _check_parameters(model, layers)
    scale: Any = input_norm2
    widths = [layer.out_features for layer in layers[:-1]]
    network = MLP(
        width=widths[0] if len(set(widths)) == 1 else tuple(widths),
        depth=len(widths),
        input_width=layers[0].in_features,
        activation=_activation(model),
        input_norm2=scale,
    )
    _check_computes(model, network)
    return ReadModel(layers[:-1], layers[-1], network)


def _linear_layers(model: nn.Module) -> tuple[nn.Linear, ...]:
    """The linear layers in the order of registration, checked to be a chain to one output."""
    named = list(model.named_modules())
    for name, module in named:
        known = nn.Linear | nn.ReLU | nn.LeakyReLU | _SILENT
        if not any(module.children()) and not isinstance(module, known):
            raise InvalidArgument(
                f"expected a model of Linear and ReLU, got {module!r} at {name!r}; the theory "
                f"covers no other layer"
            )
    for name, parameter in model.named_parameters():
        _check_present(name, parameter)
    layers = tuple(module for _, module in named if isinstance(module, nn.Linear))
    if len(layers) < 2:
        raise InvalidArgument(
            f"expected a model with a hidden layer and a readout, got {len(layers)} linear "
            f"layer(s); give two or more"
        )
    if any(a.out_features != b.in_features for a, b in pairwise(layers)):
        raise InvalidArgument(
            f"expected linear layers in the order in which they are used, got the shapes "
            f"{[tuple(layer.weight.shape) for layer in layers]}; register them in that order"
        )
    if layers[-1].out_features != 1:
        raise InvalidArgument(
            f"expected one output, got {layers[-1].out_features}; the theory is that of a scalar "
            f"output, so give the last Linear out_features=1, and register it last"
        )
    return layers


def _check_present(name: str, parameter: nn.Parameter) -> None:
    """Raise `InvalidArgument` for weights whose shape or values are not there yet."""
    if isinstance(parameter, nn.parameter.UninitializedParameter):
        raise InvalidArgument(
            f"expected layers whose shapes are known, got {name!r} of a lazy layer not yet run; "
            f"run the model once on an example first"
        )
    if parameter.is_meta:
        raise InvalidArgument(
            f"expected a model with weights, got {name!r} on the meta device; give it some with "
            f"model.to_empty(device='cpu')"
        )


def _check_parameters(model: nn.Module, layers: Sequence[nn.Linear]) -> None:
    weights = {id(layer.weight) for layer in layers}
    if len(weights) < len(layers):
        raise InvalidArgument(
            f"expected weights that are independent, got {len(layers)} linear layers with "
            f"{len(weights)} weight matrices; use each matrix once"
        )
    for name, parameter in model.named_parameters():
        if any(parameter is layer.bias for layer in layers):
            raise InvalidArgument(
                f"expected linear layers without biases, got {name!r}; the theory has none, so "
                f"give Linear(..., bias=False)"
            )
        if id(parameter) not in weights:
            raise InvalidArgument(
                f"expected no parameters but the weights of linear layers, got {name!r}; the "
                f"theory covers no others"
            )
        if not parameter.requires_grad:
            raise InvalidArgument(
                f"expected weights that are trained, got {name!r} with requires_grad=False; leave "
                f"it trainable, a learning rate of 0 holds it"
            )


def _activation(model: nn.Module) -> ReLU | LeakyReLU:
    """ReLU, unless every activation that ``model`` registers is leaky, with one slope."""
    kinds = [m for m in model.modules() if isinstance(m, nn.ReLU | nn.LeakyReLU)]
    slopes = {getattr(module, "negative_slope", 0.0) for module in kinds}
    if len(slopes) > 1:
        raise InvalidArgument(
            f"expected one activation in all layers, got negative slopes {sorted(slopes)}; give "
            f"one of them everywhere"
        )
    slope: Any = slopes.pop() if slopes else 0.0
    return LeakyReLU(slope) if slope else ReLU()


def _check_computes(model: nn.Module, network: MLP) -> None:
    """Raise `InvalidArgument` unless a copy of ``model`` with new weights computes the network."""
    copy = deepcopy(model).to("cpu", torch.float64)
    layers = tuple(module for module in copy.modules() if isinstance(module, nn.Linear))
    generator = torch.Generator().manual_seed(0)
    draw_weights(layers, network, generator)
    x = torch.randn(_INPUTS, layers[0].in_features, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        expected = _literal(layers, x, float(network.activation.slope))
        try:
            found = copy(x)
        except (RuntimeError, TypeError, ValueError, AttributeError) as error:
            raise InvalidArgument(
                f"expected a model that takes inputs of shape (batch, {layers[0].in_features}) to "
                f"one output each, got {type(error).__name__}: {error}"
            ) from error
    if not isinstance(found, torch.Tensor):
        raise InvalidArgument(
            f"expected a model whose output is a tensor, got one of type {type(found).__name__}; "
            f"return the outputs of the readout alone"
        )
    wrong = found.numel() != _INPUTS or _differs(found.reshape(-1), expected)
    if not wrong and not _is_homogeneous(copy, x, found):
        raise InvalidArgument(
            "expected a model whose outputs grow with its inputs, got one that bounds or shifts "
            "its activations; give ReLU or LeakyReLU alone"
        )
    if wrong:
        names = [name for name, module in copy.named_modules() if isinstance(module, nn.Linear)]
        got, fix = what_differs(copy, names, x, float(network.activation.slope))
        raise InvalidArgument(
            f"expected a model that computes v . s(W_L ... s(W_1 x)), s its activation, with the "
            f"linear layers in the order of their registration, got {got}; {fix}"
        )


def _is_homogeneous(model: nn.Module, x: torch.Tensor, outputs: torch.Tensor) -> bool:
    """Whether outputs are those of ``x`` times a factor, at small and large ones."""
    with torch.no_grad():
        factors = (2.0**-40, 2.0**40)
        return not any(_differs(model(s * x).reshape(-1) / s, outputs.reshape(-1)) for s in factors)


def _differs(found: torch.Tensor, expected: torch.Tensor) -> bool:
    return bool((found - expected).abs().max() > _AGREES * expected.std())


def _literal(layers: Sequence[nn.Linear], x: torch.Tensor, slope: float) -> torch.Tensor:
    """The outputs of the network, shape ``(batch,)``, written out."""
    for layer in layers[:-1]:
        z = x @ layer.weight.T
        x = torch.where(z > 0, z, slope * z)
    return (x @ layers[-1].weight.T).reshape(-1)


def draw_weights(
    layers: Sequence[nn.Linear], network: MLP, generator: torch.Generator | None
) -> None:
    """Draw the weights of ``layers``, the readout last, at ``network``'s mean-field scales.

    In double precision and on the generator's device, so that the weights do not depend on those
    of the model but for rounding.  ``generator``: None is PyTorch's own.
    """
    variances = [float(network.c) / layer.in_features for layer in layers[:-1]]
    variances.append(float(network.s) / layers[-1].in_features ** 2)
    device = "cpu" if generator is None else generator.device
    with torch.no_grad():
        for layer, variance in zip(layers, variances, strict=True):
            drawn = torch.empty(layer.weight.shape, dtype=torch.float64, device=device)
            layer.weight.copy_(drawn.normal_(0.0, variance**0.5, generator=generator))
