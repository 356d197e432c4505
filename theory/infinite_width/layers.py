"""`Layers` holds the variances and moments of every layer of a network at infinite width."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from sympy import Expr, sympify

from theory.activations.moments import Moments, MomentTable, moment_table
from theory.activations.nonlinearity import FloatArray
from theory.errors import NotSolved
from theory.infinite_width.entrywise import Place, entrywise_part
from theory.networks.inputs import Inputs, fan_in_ratio
from theory.networks.mlp import MLP
from theory.networks.network import Network
from theory.networks.norms import LayerNorm, Norm
from theory.optimisers import OwnPart
from theory.public_names import cached_property

__all__ = ["Layers", "Wide", "scales_in_floats", "wide_network"]

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Wide:
    """A fully connected network as n -> infinity, in floats.

    ``fan_in``: n_0/n; ``square`` and ``size``: |x|^2 and |x|_1 of the input, over n_0;
    ``readout``: the readout variance times n^2.
    """

    moments: MomentTable
    weight_variance: float
    bias_variance: float
    norm: Norm | None
    fan_in: float
    square: float
    size: float
    readout: float

    def layers(self, depth: int) -> Layers:
        """The layers 1 to ``depth``; the last ones are kept."""
        return _layers(self, depth)

    def _made(self, depth: int) -> Layers:
        first = self.weight_variance * self.square + self.bias_variance
        if self.norm is None:
            return Layers(self, self._variances(first, depth))
        square = 1.0 if self.norm.before == "weights" else self.moments.q(1.0)
        variances = np.full(depth, self.weight_variance * square + self.bias_variance)
        variances[0] = first
        return Layers(self, variances)

    def _variances(self, variance: float, depth: int) -> FloatArray:
        """E z^2 of layer after layer; the rest at once where it repeats."""
        found: list[float] = []
        before, square = -1.0, self.moments.q
        while len(found) < depth:
            found.append(variance)
            after = self.weight_variance * square(variance) + self.bias_variance
            if after in (variance, before):
                found += [variance] * (depth - len(found))
            before, variance = variance, after
        return np.array(found)


@lru_cache(maxsize=2)
def _layers(wide: Wide, depth: int) -> Layers:
    return wide._made(depth)


def wide_network(network: MLP, inputs: Inputs) -> Wide:
    """``network`` with the input of ``inputs``, in floats; `NotSolved` where scales are symbols or
    widths differ."""
    scales = (network.c, network.bias_variance, fan_in_ratio(network), network.s)
    weight, bias, fan_in, readout = scales_in_floats(network, scales)
    square, size = float(inputs.square), float(inputs.size)
    known = moment_table(network.activation)
    return Wide(known, weight, bias, network.norm, fan_in, square, size, readout)


def scales_in_floats(network: Network, scales: Iterable[Expr]) -> tuple[float, ...]:
    """``scales`` of ``network``; `NotSolved` where one is a symbol."""
    listed = tuple(map(sympify, scales))
    if any(not each.is_number for each in listed):
        needs, fix = "scales in numbers", "give numbers, or leave them out"
        if network.activation.free_symbols:
            needs, fix = "a slope in numbers", "give it, as in LeakyReLU('1/2')"
        raise NotSolved(f"infinite width needs {needs}, got {network}: {fix}")
    return tuple(map(float, listed))


@dataclass(frozen=True)
class Layers:
    """E z^2 of every layer, ``variances`` of shape ``(layers,)``; and as an optimiser reads them
    (`theory.optimisers.Layer`), the moments of inputs and slopes, after the norm."""

    wide: Wide
    variances: FloatArray
    gradient: Any = 1.0
    """The standard deviation of h."""

    def __len__(self) -> int:
        return len(self.variances)

    @property
    def fan_in(self) -> FloatArray:
        """Fan-in over n."""
        return self._after(self.wide.fan_in, np.ones(len(self) - 1))

    @cached_property
    def square(self) -> FloatArray:
        """E x^2 of the input of every layer."""
        square = self.moments.q[:-1]
        return self._after(self.wide.square, square if self.divisor is None else square * 0 + 1)

    @cached_property
    def size(self) -> FloatArray:
        """E |x| of the input of every layer."""
        norm, size = self.wide.norm, self.moments.q1
        if isinstance(norm, LayerNorm) and norm.before == "weights":
            several, place = np.unique(self.variances, return_inverse=True)
            size = np.array([self.wide.moments.centred_size(float(q)) for q in several])[place]
        divided = size if self.divisor is None else size / self.divisor
        return self._after(self.wide.size, divided[:-1])

    def slope(self, power: int) -> FloatArray:
        """E |phi'|^power of every layer, for a slope that includes the norm."""
        moments = self.moments
        raw = (moments.alive, moments.m1, moments.m2, moments.m3, moments.m4)[power]
        return np.asarray(raw / self.slope_scales**power)

    @cached_property
    def slope_scales(self) -> FloatArray:
        """What the norm divides the slope of every layer by."""
        if self._before == "activation":
            return np.sqrt(self.variances)
        return np.ones(len(self)) if self.divisor is None else self.divisor

    @cached_property
    def gain(self) -> FloatArray:
        """chi: E|W^T g|^2 over E|g|^2 of the layer above, sigma_w^2 E phi'^2."""
        return self.wide.weight_variance * self.slope(2)

    @property
    def _before(self) -> str | None:
        return None if self.wide.norm is None else self.wide.norm.before

    @property
    def seen(self) -> FloatArray:
        """The variance that the activation sees."""
        return np.ones(len(self)) if self._before == "activation" else self.variances

    @cached_property
    def moments(self) -> Moments:
        """Moments of the activation in every layer."""
        return self.wide.moments.at(self.seen)

    @cached_property
    def divisor(self) -> FloatArray | None:
        """What a norm before the weights divides the layer's output by."""
        if self._before != "weights":
            return None
        return np.sqrt(self.moments.q - self._mean**2)

    @property
    def _mean(self) -> Any:
        """What the norm before the weights subtracts."""
        centred = isinstance(self.wide.norm, LayerNorm) and self._before == "weights"
        return self.moments.mean if centred else 0.0

    def _after(self, first: float, others: FloatArray) -> FloatArray:
        return np.concatenate([[first], others])

    def entrywise(self, entry: Callable[[Any], Any]) -> OwnPart:
        """The own part of a step whose weight (i, j) moves by ``entry(g_i x_j)``."""
        wide, ones = self.wide, np.ones(len(self))
        if abs(wide.size**2 / wide.square - 1) > _ROUNDING:
            raise NotSolved("an epsilon above 0 needs entries +-sqrt(q) of the input: omit norm1")
        divisor = ones if self.divisor is None else self.divisor
        columns = (self.seen, self.slope_scales, self.gradient * ones, self._mean * ones, divisor)
        places = [Place(*each) for each in zip(*(c.tolist() for c in columns), strict=True)]
        own = entrywise_part(entry, wide.moments.activation, wide.square**0.5, places)
        return OwnPart(
            self.fan_in**2 * own.square,
            self.fan_in * own.along,
            self.fan_in**2 * own.slope_square,
            self.fan_in * own.slope_along,
        )
