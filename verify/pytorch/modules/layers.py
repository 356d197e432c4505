"""This module finds the linear layers of a module, or refuses the module for its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

import torch
from torch import nn

from theory.errors import InvalidArgument
from theory.validation import brief
from verify.pytorch.modules.held import unregistered

__all__ = ["PRECISIONS", "alone", "linear_layers", "placed", "whole"]

_SILENT = nn.Flatten | nn.Identity | nn.Sequential | nn.ModuleList | nn.ModuleDict
_KNOWN = nn.Linear | nn.ReLU | nn.LeakyReLU | _SILENT
_JUDGED = ("torch.nn.modules.dropout", "torch.nn.modules.loss")
"""Modules that may go unused, or do nothing, as Dropout(0.0) does: what the model computes says."""
PRECISIONS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def linear_layers(model: nn.Module) -> dict[str, nn.Linear]:
    """The linear layers of ``model`` by name, checked to be a chain to one output and all that it
    learns.

    >>> list(linear_layers(nn.Sequential(nn.Linear(2, 3, bias=False), nn.Linear(3, 1, bias=False))))
    ['0', '1']
    """
    named = dict(nn.Module.named_modules(model))
    for name, module in named.items():
        _check_kind(model, name, module)
    if type(model).forward is nn.Module.forward and "forward" not in vars(model) and alone(model):
        raise InvalidArgument(
            f"expected a model with its own forward, got {type(model).__name__} without one; "
            + alone(model)
        )
    for name, parameter in nn.Module.named_parameters(model):
        _check_present(name, parameter)
    for name, buffer in nn.Module.named_buffers(model):
        if isinstance(buffer, nn.parameter.UninitializedBuffer):
            raise InvalidArgument(
                f"expected buffers whose shapes are known, got {name!r} of a lazy module not yet "
                f"run; run the model once on an example first"
            )
    layers = {name: module for name, module in named.items() if isinstance(module, nn.Linear)}
    if len(layers) < 2 and (hidden := unregistered(model)):
        raise InvalidArgument(
            f"expected linear layers that the model registers, got {hidden[0]} in a plain list or "
            f"another object; keep them in attributes, nn.ModuleList or nn.Sequential"
        )
    _check_chain(layers)
    _check_parameters(model, list(layers.values()))
    _check_apart({f"{name}.weight": layer.weight for name, layer in layers.items()})
    return layers


def whole(weight: torch.Tensor) -> torch.Tensor:
    """``weight`` on the processor, and in one piece where PyTorch holds it in shards."""
    if not _is_in_shards(weight):
        return weight.detach().cpu()
    shards: Any = weight
    full: torch.Tensor = shards.full_tensor().detach().cpu()
    return full


def placed(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """``values`` in shards where ``weight`` is, those of the first process for all."""
    if not _is_in_shards(weight):
        return values
    from torch.distributed.tensor import distribute_tensor

    held: Any = weight.data
    sharded: torch.Tensor = distribute_tensor(
        values.to(weight.dtype), held.device_mesh, held.placements
    )
    return sharded


def _is_in_shards(weight: torch.Tensor) -> bool:
    return type(weight.data).__name__ == "DTensor"


def _check_kind(model: nn.Module, name: str, module: nn.Module) -> None:
    """Other modules of PyTorch are refused; modules of users are judged by their outputs."""
    if isinstance(module, torch.jit.ScriptModule):
        raise InvalidArgument(
            f"expected a module of Python, got {module.original_name} of TorchScript at {name!r}; "
            f"pass the module before it was scripted"
        )
    if type(module).__name__ == "FullyShardedDataParallel":
        raise InvalidArgument(
            f"expected a module with its weights in place, got FullyShardedDataParallel at "
            f"{name!r}, which keeps them elsewhere; pass the module before it was "
            f"wrapped, or use fully_shard"
        )
    kind = type(module)
    ready_made = kind.__module__.startswith("torch.nn.")
    if kind.__module__.startswith("torch.ao."):
        raise InvalidArgument(
            f"expected layers that compute with their own weights, got {kind.__name__} of "
            f"{kind.__module__} at {name!r}; pass the module before it was prepared for "
            f"quantisation or quantised"
        )
    foreign = ready_made and not isinstance(module, _KNOWN)
    if foreign and kind.__module__ not in _JUDGED and not any(module.children()):
        raise InvalidArgument(
            f"expected a model of Linear and ReLU, got {_named(module)} at {name!r}; "
            + (
                alone(model)
                or "the theory at finite width covers no other layers, so remove it, used or not"
            )
        )


def _named(module: nn.Module) -> str:
    """As it prints itself, where that is one line, else its class."""
    printed = repr(module)
    return type(module).__name__ if "\n" in printed else printed


def alone(model: nn.Module) -> str:
    """Which part of ``model`` is the network, where one part is."""
    parts = [
        name
        for name, child in model.named_children()
        if sum(isinstance(module, nn.Linear) for module in child.modules()) > 1
        and not isinstance(child, nn.ModuleList | nn.ModuleDict)
    ]
    total = sum(isinstance(module, nn.Linear) for module in model.modules())
    if len(parts) != 1 or isinstance(model, nn.Sequential):
        return ""
    inner = model.get_submodule(parts[0])
    if sum(isinstance(module, nn.Linear) for module in inner.modules()) < total:
        return ""
    return f"pass the network alone: parameter_groups(self.{parts[0]})"


def _check_present(name: str, parameter: nn.Parameter) -> None:
    """Raise `InvalidArgument` for weights whose shape or values are not there, or not numbers."""
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
    if parameter.dtype not in PRECISIONS or parameter.layout is not torch.strided:
        raise InvalidArgument(
            f"expected real weights of 16, 32 or 64 bits in full matrices, got {name!r} of "
            f"{parameter.dtype} and {parameter.layout}; the theory's network has real weights"
        )
    if type(parameter.data) is not torch.Tensor and not _is_in_shards(parameter):
        raise InvalidArgument(
            f"expected weights that are plain tensors, got {name!r} of type "
            f"{type(parameter.data).__name__}, which may compute something else; give it the "
            f"plain values, such as nn.Parameter(weight.as_subclass(torch.Tensor))"
        )
    if parameter.is_inference():
        raise InvalidArgument(
            f"expected weights that can be trained, got {name!r} made in torch.inference_mode(); "
            f"make the model outside of it"
        )


def _ends(named: Mapping[str, nn.Linear]) -> list[str]:
    """The layers with as many outputs as no layer has inputs."""
    taken = {layer.in_features for layer in named.values()}
    return [name for name, layer in named.items() if layer.out_features not in taken]


def _check_chain(named: Mapping[str, nn.Linear]) -> None:
    layers = list(named.values())
    if len(layers) < 2:
        raise InvalidArgument(
            f"expected a model with a hidden layer and a readout, got {len(layers)} "
            f"layer(s) of class torch.nn.Linear; give two or more"
        )
    if any(a.out_features != b.in_features for a, b in pairwise(layers)):
        if len(ends := _ends(named)) > 1:
            listed = ", ".join(map(repr, ends))
            raise InvalidArgument(
                f"expected linear layers that form one chain to one readout, got {len(ends)} with "
                f"as many outputs as no layer has inputs: {listed}; leave out second heads, gates "
                f"and other networks, or pass one network alone"
            )
        raise InvalidArgument(
            f"expected linear layers that form one chain, got the weights' shapes "
            f"{[tuple(layer.weight.shape) for layer in layers]}; register the layers in the order "
            f"in which they are used, and leave out branches and concatenations"
        )
    if layers[-1].out_features != 1:
        raise InvalidArgument(
            f"expected one output, got {layers[-1].out_features}; the theory is that of a scalar "
            f"output, so give the last Linear out_features=1, and register it last"
        )


def _check_parameters(model: nn.Module, layers: Sequence[nn.Linear]) -> None:
    weights = {id(layer.weight) for layer in layers}
    if len(weights) < len(layers):
        raise InvalidArgument(
            f"expected weights that are independent, got {len(layers)} linear layers with "
            f"{len(weights)} weight matrices; use each matrix once"
        )
    for name, parameter in nn.Module.named_parameters(model):
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
        if not parameter.requires_grad and parameter is not layers[-1].weight:
            raise InvalidArgument(
                f"expected weights that are trained, got {name!r} with requires_grad=False; leave "
                f"it trainable and give it a learning rate of 0"
            )
    for layer in layers:
        if not isinstance(layer._parameters.get("weight"), nn.Parameter):
            raise InvalidArgument(
                f"expected linear layers with a weight each, got {brief(layer, 80, repr)} whose "
                f"weight is computed from something else; leave out parametrisations, pruning and "
                f"the like"
            )


def _check_apart(weights: dict[str, torch.Tensor]) -> None:
    """Raise `InvalidArgument` for weights that share memory, with each other or inside."""
    spans = {}
    for name, weight in weights.items():
        if _is_in_shards(weight):
            continue
        if any(
            stride == 0 < size - 1
            for size, stride in zip(weight.shape, weight.stride(), strict=True)
        ):
            raise InvalidArgument(
                f"expected weights that are independent, got {name!r} whose entries share memory; "
                f"give it a copy, such as weight.data.clone()"
            )
        last = sum((n - 1) * s for n, s in zip(weight.shape, weight.stride(), strict=True))
        start = weight.data_ptr()
        spans[name] = (start, start + (last + 1) * weight.element_size(), weight.device)
    for one, two in combinations(spans, 2):
        (low, high, device), (start, end, other) = spans[one], spans[two]
        if device == other and low < end and start < high:
            raise InvalidArgument(
                f"expected weights that are independent, got {one!r} and {two!r} in the same "
                f"memory; give each a copy, such as weight.data.clone()"
            )
