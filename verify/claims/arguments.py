"""The arguments of `check`, one by one: what is not of the documented kind is refused."""

from __future__ import annotations

from typing import Any

from theory.claims.target import Claim, Target
from theory.errors import InvalidArgument
from theory.formulas.formula import Formula
from theory.networks.mlp import MLP
from theory.symbols import L, a, ell, n, n_0
from theory.validation import shown

__all__ = [
    "check_limit",
    "check_rate_arguments",
    "checked_network",
    "member",
]

_OPEN = frozenset({n, L, n_0, a})


def checked_network(network: object) -> MLP:
    """A network whose open sizes are those of formulas, n, L, n_0 and a."""
    if not isinstance(network, MLP):
        raise InvalidArgument(
            f"expected an MLP for network, got network={shown(network)}; give MLP() or MLP(64, 4)"
        )
    foreign = network.free_symbols - _OPEN
    if foreign:
        raise InvalidArgument(
            f"expected a network in n, L, n_0 and a, got one with "
            f"{', '.join(sorted(map(str, foreign)))}; give numbers for the others"
        )
    return network


def check_rate_arguments(layer: object, part: object) -> None:
    """Raise `InvalidArgument` for a layer or a part with a rate."""
    given = [f"layer={shown(layer)}"] if layer is not None else []
    given += [f"part={shown(part)}"] if part != "total" else []
    if given:
        raise InvalidArgument(
            f"expected neither layer nor part with quantity='rate', got {' and '.join(given)}; "
            f"the criterion says what is bounded"
        )


def check_limit(target: Target, claim: Claim, formula: Formula) -> None:
    """Raise `InvalidArgument` where the claimed limit does not exist for network and formula."""
    network = target.network
    if claim is Claim.JOINT and target.layer is None and ell in formula.symbols:
        raise InvalidArgument(
            "expected a formula without ell with claim='joint', got one with ell; the joint limit "
            "is solved at the last hidden layer: write L"
        )
    if claim is not Claim.EXACT and isinstance(target.layer, int) and L in network.free_symbols:
        raise InvalidArgument(
            f"expected no number for layer with claim={claim.value!r}, got layer={target.layer}; "
            f"the limit takes the layer to infinity too: leave layer out, and write ell for it"
        )
    needed = {Claim.EXACT: [], Claim.LEADING: [n], Claim.JOINT: [n, L]}[claim]
    if any(symbol not in network.free_symbols for symbol in needed):
        raise InvalidArgument(
            f"expected a network with {' and '.join(map(str, needed))} open for "
            f"claim={claim.value!r}, got {network}; leave them out"
        )


def member(kind: Any, name: str, value: object) -> Any:
    """The member of an enumeration that text names."""
    values = [each.value for each in kind]
    if isinstance(value, kind) or value in values:
        return kind(value)
    listed = " or ".join(map(repr, values))
    raise InvalidArgument(
        f"expected {listed} for {name}, got {name}={shown(value)}; give one of them as text"
    )
