"""A `Problem` is a simulation in the numbers and arrays that samplers take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sympy import Rational

from theory.errors import InvalidArgument
from theory.networks.convolution import Convolution
from theory.networks.mlp import MLP
from theory.networks.network import Network, checked_network
from theory.validation import brief, number_between
from theory.words.observables import Observable, checked_observable
from verify.numerics.arrays import FloatArray
from verify.samplers.places import places_of
from verify.samplers.sites import WIDEST, Sites, ordinary_number

__all__ = ["MOST_LAYERS", "WIDEST", "Problem", "numeric_problem"]

MOST_LAYERS = 10**6
"""The deepest networks that are drawn, in layers, blocks, vertices or edges of positions."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A simulation: a network without symbols, the requested layers, and the step.

    ``layers``: the numbers of the requested sites; in a chain of layers, 1-based layers.
    ``step``: None for the linearised update, else the learning rate of a real gradient step.
    ``observable``: measured in place of the update, or None.

    Where ``sites.is_chain``, ``widths`` are those of layers 0 to L, ``weight_sd`` and ``rates``
    have the shape ``(L,)``, and ``readout_sd``, ``slope`` and ``input_norm`` are numbers.
    """

    network: Network
    sites: Sites
    layers: npt.NDArray[np.int64]
    step: float | None
    observable: Observable | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """What a sample measures: label and output apart, or the total of a real step or of an
        observable."""
        whole = self.step is not None or self.observable is not None
        return ("total",) if whole else ("label", "output")

    @property
    def widths_asked(self) -> FloatArray:
        """Widths of the requested layers."""
        return self.sites.widths[self.layers].astype(float)

    @property
    def widths(self) -> npt.NDArray[np.int64]:
        """Of the input and the hidden layers of a chain."""
        return self.sites.widths[:-1]

    @property
    def weight_sd(self) -> FloatArray:
        """Of the hidden layers of a chain."""
        return self.sites.sd[:-1]

    @property
    def rates(self) -> FloatArray:
        """Of the hidden layers of a chain."""
        return self.sites.rates[:-1]

    @property
    def readout_sd(self) -> float:
        """Of the weights from the last layer of a chain."""
        return float(self.sites.sd[-1])

    @property
    def slope(self) -> float:
        """Of the activation of a chain's layers."""
        return float(self.sites.slopes[1])

    @property
    def input_norm(self) -> float:
        """Of the one input of a chain."""
        return float(self.sites.inputs[0, 0])


def numeric_problem(
    network: Network, *, layer: object, rates: object, step: object, observable: object = None
) -> Problem:
    """Check and convert the arguments of a simulation; `InvalidArgument` names the wrong
    argument."""
    if observable is not None and step is not None:
        raise InvalidArgument(
            f"expected no step with an observable, which is of the network before it is trained, "
            f"got step={step!r}; leave step out"
        )
    checked_network(network, give="MLP(width=64, depth=4)")
    if network.free_symbols:
        names = ", ".join(sorted(str(symbol) for symbol in network.free_symbols))
        given = "MLP(width=64, depth=4)" if isinstance(network, MLP) else "width=64"
        raise InvalidArgument(
            f"expected a network in numbers, got {network} with the symbols {names}; give "
            f"them values, as in {given}"
        )
    if observable is not None and not isinstance(network, MLP):
        raise InvalidArgument(
            f"expected an MLP with an observable, got network={brief(network)}; leave observable "
            f"out to measure the update"
        )
    _check_size(network)
    places = places_of(network)
    return Problem(
        network=network,
        sites=places.sites(places.rates(rates)),
        layers=np.array([places.site(each) for each in places.asked(layer)], dtype=np.int64),
        step=None if step is None else _step(step),
        observable=None if observable is None else _observable(observable),
    )


def _check_size(network: Network) -> None:
    """Refuse networks that no sampler can draw, before anything is as long as the network is
    deep."""
    if network.layers > MOST_LAYERS:
        raise InvalidArgument(
            f"expected a depth of at most {MOST_LAYERS:,} for a simulation, got "
            f"depth={brief(network.layers)}; give a smaller depth"
        )
    if isinstance(network, Convolution):
        edges = network.positions**2 * network.kernel * network.layers
        if edges > MOST_LAYERS:
            raise InvalidArgument(
                f"expected positions^2 kernel depth of at most {MOST_LAYERS:,} for a simulation, "
                f"got {brief(edges)}; give fewer positions or a smaller depth"
            )


def _step(step: object) -> float:
    fix = "give a learning rate, or None, which simulates the linearised update"
    return number_between("step", step, fix)


def _observable(value: object) -> Observable:
    """An observable with coefficients in double precision."""
    observable = checked_observable(value)
    for _, coefficient in observable.terms:
        ordinary_number("observable", abs(Rational(coefficient.numerator, coefficient.denominator)))
    return observable
