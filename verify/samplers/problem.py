"""A `Problem` is a simulation in the numbers and arrays that samplers take."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from sympy import Rational

from theory.activations.nonlinearity import is_flat_somewhere
from theory.errors import InvalidArgument
from theory.networks.convolution import Convolution
from theory.networks.inputs import asked_inputs
from theory.networks.mlp import MLP
from theory.networks.network import Network, checked_network
from theory.networks.residual import Residual
from theory.optimisers import GradientDescent, Optimiser, checked_optimiser
from theory.optimisers.sign_descent import refuse_lost_signs
from theory.validation import brief, number_between
from theory.words.observables import Observable, checked_observable
from verify.numerics.arrays import FloatArray
from verify.samplers.places import places_of
from verify.samplers.sites import WIDEST, Sites, ordinary_number

__all__ = ["MOST_LAYERS", "WIDEST", "Problem", "numeric_problem"]

MOST_LAYERS = 10**6
"""The deepest networks that are drawn, in layers, blocks, vertices or edges of positions."""
_LEAST_WIDTH = 16
"""From this width on, fewer than 3 of 10,000 ReLU layers have at most one active neuron."""
_SMALLEST_STEP = 1e-10
"""The least rate of a real step whose movement double precision resolves to six digits."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A simulation: a network without symbols, the requested layers, and the step.

    ``layers``: the numbers of the requested sites; in a chain of layers, 1-based layers.
    ``step``: None for the linearised update, else the learning rate of a real gradient step.
    ``observable``: the quantity measured in place of the update, or None.

    Where ``sites.is_chain``, ``widths`` are the widths of layers 0 to L, ``weight_sd`` and
    ``rates`` have the shape ``(L,)``, and ``readout_sd``, ``slope`` and ``input_norm`` are numbers.
    """

    network: Network
    sites: Sites
    layers: npt.NDArray[np.int64]
    step: float | None
    observable: Observable | None = None
    optimiser: Optimiser = field(default_factory=GradientDescent)
    norm1: float | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the step is gradient descent's, on a network of piecewise linear activations
        without biases and norms."""
        return self.network._is_exact and self.optimiser == GradientDescent()

    @property
    def is_layerwise(self) -> bool:
        """Whether the network is drawn block by block, as `verify.samplers.layerwise` does."""
        return isinstance(self.network, MLP | Residual) and not self.is_plain

    @property
    def input_vector(self) -> FloatArray:
        """An input of the requested |x| and |x|_1, whose entries are +-|x|/sqrt(n_0) by default,
        shape ``(n_0,)``; for another |x|_1 up to half of its entries are larger than the others."""
        size = int(self.widths[0])
        mean, square = self.norm1, self.input_norm**2 / size
        if mean is None or size == 1:
            return np.full(size, square**0.5)
        large = min(size // 2, int(size * mean**2 / square))
        apart, odds = max(square - mean**2, 0.0) ** 0.5, (large / (size - large)) ** 0.5
        few, others = (
            np.full(large, mean + apart / odds),
            np.full(size - large, mean - apart * odds),
        )
        return np.concatenate((few, others))

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that a sample measures: label and output apart, or the total of a real step, of
        an observable, and of an optimiser whose step is not proportional to f - y."""
        linear = self.optimiser.unscaled == GradientDescent() and not self.optimiser.weight_decay
        whole = self.step is not None or self.observable is not None or not linear
        return ("total",) if whole else ("label", "output")

    @property
    def widths_asked(self) -> FloatArray:
        """Widths of the requested layers."""
        return self.sites.widths[self.layers].astype(float)

    @property
    def widths(self) -> npt.NDArray[np.int64]:
        """The widths of the input and the hidden layers of a chain."""
        return self.sites.widths[:-1]

    @property
    def weight_sd(self) -> FloatArray:
        """The standard deviations of a weight in the hidden layers of a chain."""
        return self.sites.sd[:-1]

    @property
    def rates(self) -> FloatArray:
        """The multipliers of eta in the hidden layers of a chain."""
        return self.sites.rates[:-1]

    @property
    def readout_sd(self) -> float:
        """The standard deviation of a readout weight of a chain."""
        return float(self.sites.sd[-1])

    @property
    def slope(self) -> float:
        """The slope of the activation of a chain's layers on negative numbers."""
        return float(self.sites.slopes[1])

    @property
    def input_norm(self) -> float:
        """The norm of the input of a chain."""
        return float(self.sites.inputs[0, 0])


def numeric_problem(
    network: Network,
    *,
    layer: object,
    rates: object,
    step: object,
    observable: object = None,
    optimiser: object = GradientDescent(),
    inputs: object = None,
) -> Problem:
    """Check and convert the arguments of a simulation; `InvalidArgument` names the wrong
    argument."""
    if observable is not None and step is not None:
        raise InvalidArgument(
            f"expected no step with an observable, which is of the network before it is trained, "
            f"got step={step!r}; leave step out"
        )
    checked_network(checked_network(network, give="MLP(width=64, depth=4)"))
    if network.free_symbols:
        names = ", ".join(sorted(str(symbol) for symbol in network.free_symbols))
        given = "MLP(width=64, depth=4)" if isinstance(network, MLP) else "width=64"
        raise InvalidArgument(
            f"expected a network in numbers, got {network} with the symbols {names}; give "
            f"them values, as in {given}"
        )
    if observable is not None and not isinstance(network, MLP):
        raise InvalidArgument(
            f"expected an MLP with an observable, since samplers form K, D, z and g of chains of "
            f"layers alone, got network={brief(network)}; leave observable out to measure the "
            f"update, or take the exact mean of a Residual from derive(observable, network)"
        )
    _check_size(network)
    rule = checked_optimiser(optimiser)
    if rule != GradientDescent() and not isinstance(network, MLP | Residual):
        raise InvalidArgument(
            f"expected an MLP or a Residual for an optimiser, got network={brief(network)}; leave "
            f"optimiser out for gradient descent"
        )
    if isinstance(network, MLP | Residual):
        refuse_lost_signs(rule, network)
        _refuse_rounded(rule, network)
    if observable is not None and not network._is_exact:
        raise InvalidArgument(
            f"expected a network of piecewise linear activations without biases and norms with an "
            f"observable, got network={brief(network)}; leave observable out to measure the update"
        )
    norm1 = None
    if inputs is not None:
        network, norm1 = _with_inputs(network, inputs)
    places = places_of(network)
    return Problem(
        network=network,
        optimiser=rule,
        norm1=norm1,
        sites=places.sites(places.rates(rates)),
        layers=np.array([places.site(each) for each in places.asked(layer)], dtype=np.int64),
        step=None if step is None else _step(step, network),
        observable=None if observable is None else _observable(observable),
    )


def _with_inputs(network: Network, inputs: object) -> tuple[Network, float | None]:
    """The network with the |x|^2 of ``inputs``, and their |x|_1 over the input width."""
    if not isinstance(network, MLP | Residual):
        raise InvalidArgument(
            f"expected an MLP or a Residual for inputs, got network={brief(network)}; give it "
            f"input_norm2"
        )
    asked, size = asked_inputs(network, inputs), int(network.first_fan_in)
    norm1 = None if asked.norm1 is None else float(asked.norm1)
    if norm1 is not None and size * norm1**2 < asked.square:
        raise InvalidArgument(
            f"expected |x|_1 of at least |x|, got norm1={norm1!r} of {size} entries; give a "
            f"larger norm1"
        )
    return network._with(input_norm2=asked.square * size), norm1


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


def _refuse_rounded(rule: Optimiser, network: Network) -> None:
    """`InvalidArgument` where a step of the size of its rate would follow a gradient that is 0 but
    for rounding: a norm makes the gradient of a lone active neuron 0."""
    scales = rule.unscaled.degree == 0 and rule.unscaled.is_homogeneous
    if network.norm is None or not scales or not isinstance(network, MLP):
        return
    width = min(map(int, network.widths[1:]))
    if width < _LEAST_WIDTH and (width < 3 or is_flat_somewhere(network.activation)):
        raise InvalidArgument(
            f"expected widths of at least {_LEAST_WIDTH} for {rule} with a norm, got "
            f"network={brief(network)}, where some gradients are 0 but for rounding; give "
            f"width={_LEAST_WIDTH}"
        )


def _step(step: object, network: Network) -> float:
    """A checked rate: where a network is not piecewise linear, a movement far below z is lost in
    the rounding of the new activations."""
    fix = "give a learning rate, or leave step out for the linearised update"
    rate = number_between("step", step, fix)
    if rate < _SMALLEST_STEP and not network._is_exact:
        raise InvalidArgument(
            f"expected a step of at least {_SMALLEST_STEP:g} for {brief(network)}, got "
            f"step={step!r}, whose movement is lost in rounding; leave step out for the linearised "
            f"update"
        )
    return rate


def _observable(value: object) -> Observable:
    """An observable with coefficients in double precision."""
    observable = checked_observable(value)
    for _, coefficient in observable.terms:
        ordinary_number("observable", abs(Rational(coefficient.numerator, coefficient.denominator)))
    return observable
