"""Laws that are easily taken for the one that is claimed: of another part, depth, input or network.

Each is derived by theory, not assembled from the right law, so that a formula that equals one of
them is that law and no other.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sympy import Integer

from theory.claims.target import Quantity, Target
from theory.laws.criteria import EveryHiddenLayer, LastLayer, MeanOverLayers
from theory.networks.activations import Activation, Linear, ReLU
from theory.networks.mlp import MLP
from theory.networks.multipliers import ByGroup

__all__ = ["Kind", "Variant", "variants"]


class Kind(enum.Enum):
    """What can be off in a formula."""

    FACTOR = "a constant factor"
    POWER = "a power of a size"
    WIDTH_TERM = "a term in 1/n"
    LAYER = "a layer shift"
    PART = "a part"
    INPUT = "the input"
    ACTIVATION = "the activation"
    VARIANCE = "a variance of the weights"
    TRAINED = "the layers that are trained"
    CRITERION = "the criterion of the rate"
    LIMIT = "a limit"
    ROOT = "a square or a square root"
    TERM = "a term"


@dataclass(frozen=True)
class Variant:
    """A law that may have been written instead: how to get its target, None where there is none."""

    kind: Kind
    sentence: str
    of: Callable[[Target], Target | None]


def variants(target: Target) -> Iterator[Variant]:
    """The laws that may have been written for ``target``, the likeliest first."""
    yield from _parts(target)
    for step in (1, -1):
        sign = f"{step:+d}"[0] + " 1"
        yield Variant(Kind.LAYER, f"it is the law at depth L {sign}", _deeper(step))
        if target.layer is not None:
            yield Variant(Kind.LAYER, f"it is the law at layer ell {sign}", _higher(step))
            both = _then(_deeper(step), _higher(step))
            sentence = f"it is the law at layer ell {sign} and depth L {sign}"
            yield Variant(Kind.LAYER, sentence, both)
    yield from _inputs(target.network)
    yield from _activations(target.network)
    yield from _variances()
    yield from _trained(target)
    yield from _criteria(target)


_PART_SENTENCES = {
    ("total", "label"): "it is the label part alone: the output part is missing",
    ("total", "output"): "it is the output part alone: the label part is missing",
    ("label", "total"): "it is the total: the output part does not belong to the label part",
    ("output", "total"): "it is the total: the label part does not belong to the output part",
    ("label", "output"): "it is the output part, not the label part",
    ("output", "label"): "it is the label part, not the output part",
}


def _parts(target: Target) -> Iterator[Variant]:
    for (own, other), sentence in _PART_SENTENCES.items():
        if own == target.part:
            yield Variant(Kind.PART, sentence, _with_part(other))


def _with_part(part: str) -> Callable[[Target], Target | None]:
    def of(target: Target) -> Target:
        return replace(target, part=part, quantity=Quantity.UPDATE)

    return of


def _deeper(step: int) -> Callable[[Target], Target | None]:
    def of(target: Target) -> Target | None:
        network = target.network
        if not isinstance(network.depth, int) or isinstance(network.width, tuple):
            return None
        depth = network.depth + step
        layer = target.layer
        if depth < 1 or (isinstance(layer, int) and layer > max(depth, network.depth)):
            return None
        return replace(target, network=replace(network, depth=depth))

    return of


def _higher(step: int) -> Callable[[Target], Target | None]:
    def of(target: Target) -> Target | None:
        layer, depth = target.layer, target.network.depth
        if not isinstance(layer, int) or not isinstance(depth, int):
            return None
        return replace(target, layer=layer + step) if 1 <= layer + step <= depth else None

    return of


def _then(
    first: Callable[[Target], Target | None], second: Callable[[Target], Target | None]
) -> Callable[[Target], Target | None]:
    def of(target: Target) -> Target | None:
        between = first(target)
        return None if between is None else second(between)

    return of


def _network(change: Callable[[MLP], MLP]) -> Callable[[Target], Target | None]:
    def of(target: Target) -> Target:
        return replace(target, network=change(target.network))

    return of


def _inputs(network: MLP) -> Iterator[Variant]:
    if network.input_width is not None:
        yield Variant(
            Kind.INPUT,
            "it is the law for an input as wide as the hidden layers, n_0 = n",
            _network(lambda net: replace(net, input_width=None)),
        )
        yield Variant(
            Kind.INPUT,
            "it is the law with |x|^2 = n in place of n_0",
            _network(lambda net: replace(net, input_norm2=_width(net))),
        )
        yield Variant(
            Kind.INPUT,
            "it is the law with fan-in n in place of n_0 in the first layer",
            _network(lambda net: replace(net, input_width=None, input_norm2=net.norm2)),
        )
    yield Variant(
        Kind.INPUT,
        "it is the law with |x|^2 = 1",
        _network(lambda net: replace(net, input_norm2=Integer(1))),
    )


def _width(network: MLP) -> object:
    return network.width[0] if isinstance(network.width, tuple) else network.width


def _activations(network: MLP) -> Iterator[Variant]:
    for other in (ReLU(), Linear()):
        if other.slope != network.activation.slope:
            sentence = f"it is the law of {other!r}, not of {network.activation!r}"
            yield Variant(Kind.ACTIVATION, sentence, _network(_with_activation(other)))


def _with_activation(activation: Activation) -> Callable[[MLP], MLP]:
    def change(network: MLP) -> MLP:
        return replace(network, activation=activation)

    return change


def _variances() -> Iterator[Variant]:
    for value in (1, 2):
        yield Variant(
            Kind.VARIANCE,
            f"it is the law for weights of variance {value}/fan-in",
            _network(_with_variance(value)),
        )
    yield Variant(
        Kind.VARIANCE,
        "it is the law for a readout of variance 1/n in place of 1/n^2",
        _network(lambda net: replace(net, readout_variance=_width(net))),
    )


def _with_variance(value: int) -> Callable[[MLP], MLP]:
    def change(network: MLP) -> MLP:
        return replace(network, weight_variance=Integer(value))

    return change


def _trained(target: Target) -> Iterator[Variant]:
    if target.rates is not None:
        sentence = "it is the law with every multiplier 1"
        yield Variant(Kind.TRAINED, sentence, lambda each: replace(each, rates=None))
        return
    for name, rates in (("first", ByGroup(first=0)), ("last", ByGroup(last=0))):
        sentence = f"it is the law with the {name} layer untrained"
        yield Variant(Kind.TRAINED, sentence, _with_rates(rates))


def _with_rates(rates: ByGroup) -> Callable[[Target], Target | None]:
    def of(target: Target) -> Target:
        return replace(target, rates=rates)

    return of


def _criteria(target: Target) -> Iterator[Variant]:
    if target.quantity is Quantity.RATE:
        own = type(target.criterion or EveryHiddenLayer())
        for other in (LastLayer, MeanOverLayers, EveryHiddenLayer):
            if other is not own:
                sentence = f"it is the rate of the criterion {other.__name__}"
                yield Variant(Kind.CRITERION, sentence, _with_criterion(other))


def _with_criterion(criterion: type) -> Callable[[Target], Target | None]:
    def of(target: Target) -> Target:
        return replace(target, criterion=criterion(target.bound))

    return of
