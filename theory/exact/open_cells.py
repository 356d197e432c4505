"""This module gives cells whose sizes are symbols, in which the layer map is printed."""

from __future__ import annotations

from collections.abc import Iterable

from sympy import Symbol

from theory.algebra.fields import field_of
from theory.networks.network import Network
from theory.symbols import L, c, n_in, n_out, r
from theory.words.coefficients import StepParameters
from theory.words.shapes import cell_parameters

__all__ = ["general_layer", "open_layer"]


def open_layer(network: Network) -> tuple[StepParameters, ...]:
    """The cell of ``network`` that repeats, with multiplier 1: a layer with both fans open, over
    Q(n_in, n_out), or a block with its own sizes and scales."""
    symbols = (network.free_symbols - {L}) | {n_in, n_out}
    domain = field_of(symbols if network._is_chain else network._field_symbols(None))
    return cell_parameters(domain, network._kinds()[-1])


def general_layer(powers: Iterable[int]) -> tuple[StepParameters, ...]:
    """A layer of any weight variance c/n_in and multiplier r, with mask moments m_p for the
    ``powers`` p, all symbols."""
    highest = max(powers, default=0)
    moments = [Symbol(f"m_{p}", positive=True) for p in range(1, highest + 1)]
    domain = field_of(frozenset({n_in, n_out, c, r, *moments}))
    layer = StepParameters(
        domain=domain,
        widths={1: domain.from_sympy(n_out)},
        mask_moments={1: lambda power: domain.from_sympy(moments[power - 1])},
        variances={0: domain.from_sympy(c / n_in)},
        rates={0: domain.from_sympy(r)},
        links={},
    )
    return (layer,)
