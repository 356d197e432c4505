"""A site is one layer of neurons as derivations read it: its width, activation and edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sympy import Expr

from theory.networks.activations import Activation

__all__ = ["Edge", "Site"]


@dataclass(frozen=True)
class Edge:
    """Independent Gaussian weights from the site below.

    ``fan_in``: the width of their source; ``variance``: of one weight; ``rate``: multiplier of
    eta, which scales the share of these weights in the kernel.
    """

    fan_in: Any
    variance: Expr
    rate: Expr


@dataclass(frozen=True)
class Site:
    """x = sigma(the sum over ``edges`` of weights times their source), of ``width`` neurons."""

    width: Any
    activation: Activation
    edges: tuple[Edge, ...]
