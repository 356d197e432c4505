"""A `Problem` is a simulation in the numbers and arrays that samplers take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sympy import Rational

from theory.errors import InvalidArgument
from theory.networks.network import Network, checked_network, numeric_layers, numeric_rates
from theory.validation import brief, number_between
from theory.words.observables import Observable, checked_observable
from verify.numerics.arrays import FloatArray

__all__ = ["MOST_LAYERS", "WIDEST", "Problem", "numeric_problem"]

MOST_LAYERS, WIDEST = 10**6, 10**9
"""The deepest and widest networks that are drawn."""
_LEAST, _MOST = 1e-300, 1e300
"""Sizes of variances, norms and multipliers that are ordinary numbers of double precision."""


@dataclass(frozen=True, eq=False)
class Problem:
    """What to simulate: a network without symbols, the layers asked for, and the step.

    ``widths``: of layers 0 to L, shape ``(L + 1,)``.  ``weight_sd``, ``rates``: shape ``(L,)``.
    ``layers``: the layers asked for, 1-based.  ``step``: None for the linearised update, else the
    learning rate of a real gradient step.  ``observable``: what is measured in the place of the
    update, or None.
    """

    network: Network
    widths: npt.NDArray[np.int64]
    weight_sd: FloatArray
    readout_sd: float
    slope: float
    rates: FloatArray
    input_norm: float
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
        """Widths of the layers asked for."""
        return self.widths[self.layers].astype(float)


def numeric_problem(
    network: Network, *, layer: object, rates: object, step: object, observable: object = None
) -> Problem:
    """Check and convert the arguments of a simulation; `InvalidArgument` names what is wrong."""
    if observable is not None and step is not None:
        raise InvalidArgument(
            f"expected no step with an observable, which is of the network before it is trained, "
            f"got step={step!r}; leave step out"
        )
    checked_network(network, give="MLP(width=64, depth=4)")
    if network.free_symbols:
        names = ", ".join(sorted(str(symbol) for symbol in network.free_symbols))
        raise InvalidArgument(
            f"expected a network in numbers, got {network} with the symbols {names}; give "
            f"them values, as in MLP(width=64, depth=4)"
        )
    _check_size(network)
    _check_sites(network)
    widths = np.array(network.widths, dtype=np.int64)
    return Problem(
        network=network,
        widths=widths,
        weight_sd=np.sqrt(_number("weight_variance", network.c) / widths[:-1]),
        readout_sd=_number("readout_variance", network.s) ** 0.5 / int(widths[-1]),
        slope=_number("negative_slope", network.activation.slope),
        rates=_multipliers(network, rates),
        input_norm=_number("input_norm2", network.norm2) ** 0.5,
        layers=np.array(numeric_layers(network, layer), dtype=np.int64),
        step=None if step is None else _step(step),
        observable=None if observable is None else _observable(observable),
    )


def _check_size(network: Network) -> None:
    """Refuse what no sampler can draw, before anything is as long as the network is deep."""
    if network.layers > MOST_LAYERS:
        raise InvalidArgument(
            f"expected a depth of at most {MOST_LAYERS:,} for a simulation, got "
            f"depth={brief(network.layers)}; give a smaller depth"
        )
    widths = network.width if isinstance(network.width, tuple) else (network.width,)
    widest = max(int(width) for width in (network.first_fan_in, *widths))
    if widest > WIDEST:
        raise InvalidArgument(
            f"expected a width of at most {WIDEST:,} for a simulation, got "
            f"width={brief(widest)}; give a smaller width"
        )


def _check_sites(network: Network) -> None:
    """Refuse what no pass draws: a layer that reads others than the layer below."""
    for site, _ in network._sites(None):
        if len(site.edges) != 1 or site.activation != network.activation:
            raise InvalidArgument(
                f"expected layers that each read the layer below alone, with one activation, for a "
                f"simulation, got network={network}; no sampler draws others: ask theory"
            )


def _number(name: str, exact: Any) -> float:
    """An exact number in double precision; `InvalidArgument` near the ends of its range, where a
    positive number would become 0."""
    if exact == 0 or _LEAST <= exact <= _MOST:
        return float(exact)
    raise InvalidArgument(
        f"expected a number from 1e-300 to 1e+300 for {name}, the range of double precision, got "
        f"{name}={_beyond(exact)}; simulate a network of another scale, or ask theory, whose "
        f"values have no range"
    )


def _beyond(exact: Any) -> str:
    """A number in three digits, or as many more as show it beyond the range."""
    least, most = Rational("1e-300"), Rational("1e300")
    texts = (str(exact.evalf(digits)).replace("E", "e") for digits in (3, 6, 10, 20, 40))
    return next((text for text in texts if not least <= Rational(text) <= most), str(exact))


def _multipliers(network: Network, rates: object) -> FloatArray:
    """Of each layer; every different one is read once, since SymPy is slow at a million."""
    if rates is None:
        return np.ones(network.layers)
    exact = numeric_rates(network, rates)
    known = {each: _number("rates", each) for each in set(exact)}
    return np.array([known[each] for each in exact])


def _step(step: object) -> float:
    fix = "give a learning rate, or None, which simulates the linearised update"
    return number_between("step", step, fix)


def _observable(value: object) -> Observable:
    """An observable with coefficients in double precision."""
    observable = checked_observable(value)
    for _, coefficient in observable.terms:
        _number("observable", abs(Rational(coefficient.numerator, coefficient.denominator)))
    return observable
