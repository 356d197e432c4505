"""The layer and the multipliers that a caller asks for, checked against the network."""

from __future__ import annotations

from sympy import Expr, Symbol

from theory.errors import InvalidArgument
from theory.networks.mlp import MLP, numeric_layers, numeric_rates
from theory.networks.multipliers import ByGroup, Rates, TrainedLayers, multiplier_runs, open_ends
from theory.symbols import ell
from theory.validation import positive_int, shown

__all__ = ["asked_layer", "asked_rates"]

_DEEPEST = 10_000
"""The deepest layer whose formula, a polynomial of that degree, is written out."""


def asked_rates(network: MLP, rates: object) -> tuple[Expr, ...] | Rates:
    """One multiplier per layer, or `ByGroup` or `TrainedLayers`, or None for all 1."""
    depth = network.depth
    if isinstance(rates, ByGroup | TrainedLayers):
        if isinstance(depth, int) and not open_ends(rates):
            multiplier_runs(rates, depth)
        return rates
    if rates is None:
        return None
    if not isinstance(depth, int):
        raise InvalidArgument(
            f"expected ByGroup(...) or TrainedLayers(...) for rates where the depth is a symbol, "
            f"got rates={shown(rates)}; or give depth as a number, one multiplier for each layer"
        )
    return numeric_rates(network, rates)


def asked_layer(network: MLP, layer: object) -> int | Symbol:
    """The one layer asked for: the last for None, an int, or the symbol ell."""
    if layer is None:
        return network.depth
    if isinstance(layer, Symbol) and layer != ell:
        raise InvalidArgument(
            f"expected an int, None or the symbol theory.symbols.ell for layer, got "
            f"layer={shown(layer)}; None is the last hidden layer"
        )
    if isinstance(layer, tuple | list | range):
        raise InvalidArgument(
            f"expected one layer, got layer={shown(layer)}; ask for the layers one at a time"
        )
    if isinstance(layer, Symbol):
        return ell
    if isinstance(network.depth, int):
        return numeric_layers(network, layer)[0]
    number = positive_int("layer", layer)
    if number > _DEEPEST:
        raise InvalidArgument(
            f"expected a layer of at most {_DEEPEST:,} below a depth that is a symbol, got "
            f"layer={number}; give the depth as a number too"
        )
    return number
