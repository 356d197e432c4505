"""`WideBlockUpdate` is E[(Delta h)^2] of one step in a residual network as n -> infinity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import inf, log2
from typing import Any

from sympy import Expr, Float, Integer, Rational

from theory.activations.nonlinearity import FloatArray
from theory.errors import InvalidArgument, NotSolved
from theory.infinite_width.laws import DepthLaw
from theory.infinite_width.streams.blocks import Movement, moved_in_blocks
from theory.infinite_width.streams.limit import BlockLimit, limit_of_blocks
from theory.infinite_width.wide_update import WideUpdate, wide_chain
from theory.networks.inputs import Inputs, asked_inputs
from theory.networks.network import asked_layer, asked_rates, checked_network
from theory.networks.residual import Residual
from theory.networks.roles import ActivatedThenWeights, Branch, ByRole, block_of
from theory.optimisers import GradientDescent, Optimiser, checked_optimiser
from theory.optimisers.sign_descent import refuse_lost_signs
from theory.symbols import B, b
from theory.validation import exact_number, positive_value, typed
from theory.waiting import announced

__all__ = ["WideBlockUpdate", "power_of_blocks", "wide_update"]

_DEEP, _DEEP_IN_PAIRS = 512, 128
"""The first of four numbers of blocks, each twice the one before, from which a law is read."""
_QUICK_BLOCKS, _QUICK_PAIRS = 10**4, 256
"""Blocks whose recursion takes some tenths of a second."""
_NEAR, _SMALL = 2e-3, 1e-4
"""How near an exponent must be to a multiple of 1/2, and how small the error of a constant."""
_LARGEST = 50
"""Exponents beyond which the values are exponential."""


@dataclass(frozen=True, repr=False)
class WideBlockUpdate(WideUpdate):
    """E[(Delta h_i)^2] of the stream of a `Residual`, or E[(Delta z_i)^2] in a branch, as
    n -> infinity, for the first linearised step of ``optimiser`` at eta = 1.  Made by
    `squared_update`.

    >>> from theory import Residual, Tanh, squared_update
    >>> squared_update(Residual(blocks=16, activation=Tanh(), multiplier2="1/16"))
    WideBlockUpdate after block 16 of Residual(blocks=16, activation=Tanh(), multiplier2='1/16'): \
11.1464 at n = ∞; linearised step of GradientDescent()
    """

    network: Residual  # type: ignore[assignment]
    layer: Any
    rates: Any
    _to_open = "blocks"

    @property
    def depth_law(self) -> DepthLaw:
        """The law in the number of blocks B, of the last stream or branch: a closed form, or a
        number with an error, from the limit of many blocks at the squared multiplier c/B; with
        other multipliers, read off four deep networks.  `NotSolved` where it is no power of B.

        >>> from theory import Residual, Tanh, squared_update
        >>> squared_update(Residual(activation=Tanh())).depth_law.exponent
        0
        """
        inside = isinstance(self.layer, Branch)
        if self.rates is not None or self.layer not in (B, Branch(B)):
            raise NotSolved(
                "the law in the number of blocks is solved at the last stream and branch of "
                "networks of any number of blocks, all weights at one rate: leave layer, rates and "
                "blocks out"
            )
        known = limit_of_blocks(self.network, self.inputs, self.optimiser) or self._read_off()
        return DepthLaw(
            known.branch if inside else known.stream,
            Integer(known.exponent),
            Integer(1),
            self._width_power,
            known.square * B**known.grown,
            known.error,
            f"n -> infinity, then the number of blocks B, last {'branch' if inside else 'stream'}",
            size=B,
        )

    def _read_off(self) -> BlockLimit:
        """A power that four deep networks follow."""
        first = _DEEP_IN_PAIRS if self._in_pairs else _DEEP
        sizes = [first * 2**k for k in range(4)]
        found, power, error = power_of_blocks(sizes, [self._one(size) for size in sizes])
        squares = [float(self._movement(size).squares[-1]) for size in sizes]
        last, grown, _ = power_of_blocks(sizes, squares)
        return BlockLimit(Float(found), Float(found), power, Float(last), grown, error)

    @property
    def _factor(self) -> float:
        raise NotSolved(
            "real steps are solved for an MLP as n goes to infinity: leave step "
            "or linearised out, or measure it with monte_carlo(network, step=0.1, "
            "sampler=Conditioned(), samples=100, seed=1)"
        )

    def _refuse_unsolved(self) -> None:
        if self.step is not None:
            self._factor  # noqa: B018
        place, block = self.layer, block_of(self.layer)
        if block == b:
            raise InvalidArgument(
                f"expected a block in numbers or None for layer as n goes to infinity, got "
                f"layer={typed(place)}; leave it out for the last block"
            )
        if isinstance(place, Branch) and self._in_pairs:
            raise InvalidArgument(
                f"expected a block for layer, since no weights are before the activation in "
                f"W sigma(h), got layer={typed(place)}; leave it out for the last stream"
            )
        known, least = self.network.blocks, max(2, block) if isinstance(block, int) else 2
        self._one(known if isinstance(known, int) else least)

    def _every_layer(self, depth: int) -> FloatArray:
        """Of the stream after blocks 0 to B, or of the branches 1 to B."""
        found = self._movement(depth)
        return found.branch if isinstance(self.layer, Branch) else found.stream

    @property
    def _quick_depth(self) -> int:
        return _QUICK_PAIRS if self._in_pairs else _QUICK_BLOCKS

    @property
    def _in_pairs(self) -> bool:
        """Whether the recursion takes each pair of blocks."""
        return isinstance(self.network.branch, ActivatedThenWeights)

    def _said_law(self) -> str:
        if self._in_pairs:
            return "call leading() for its law, or infinite_width(blocks) for its value at n = ∞"
        return super()._said_law()

    @announced("recursion")
    def _movement(self, blocks: int) -> Movement:
        rates = self.rates if isinstance(self.rates, tuple) else (self.rates,) * blocks
        return _moved(self.network._with(blocks=blocks), self.inputs, self.optimiser, rates)

    @property
    def _one_pass(self) -> bool:
        return False

    _instead = "give fewer blocks"

    def _moves(self, depth: int) -> bool:
        """False, as blocks below the trained ones have the value 0."""
        return False

    @property
    def _lowest(self) -> int:
        return int(isinstance(self.layer, Branch))


@lru_cache(maxsize=64)
def _moved(
    network: Residual, inputs: Inputs, optimiser: Optimiser, rates: tuple[ByRole | None, ...]
) -> Movement:
    filled = {each: network._numbered_rates(each) for each in set(rates)}
    return moved_in_blocks(network, inputs, optimiser, tuple(filled[each] for each in rates))


def power_of_blocks(sizes: list[int], values: list[float]) -> tuple[float, Expr, float]:
    """Constant, exponent and the constant's relative error of a power that four sizes, each twice
    the one before, follow up to powers of 1/size."""
    slopes = [log2(one / other) for one, other in zip(values[1:], values, strict=False)]
    slope = 2 * slopes[2] - slopes[1]
    exponent, error = Rational(round(2 * slope), 2), inf
    if abs(slope - float(exponent)) <= _NEAR and abs(exponent) <= _LARGEST:
        scaled = [v / s ** float(exponent) for v, s in zip(values, sizes, strict=True)]
        once = [2 * one - other for one, other in zip(scaled[1:], scaled, strict=False)]
        twice = [(4 * one - other) / 3 for one, other in zip(once[1:], once, strict=False)]
        error = abs(twice[1] - twice[0]) / abs(twice[1])
    if error > _SMALL:
        raise NotSolved(
            f"the values at {sizes[0]} to {sizes[-1]} blocks are no power of B to leading order, "
            f"slopes {', '.join(f'{each:.4f}' for each in slopes)}: take infinite_width(blocks)"
        )
    return twice[1], exponent, max(error, 1e-12)


def wide_update(
    network: object,
    layer: object = None,
    rates: object = None,
    *,
    inputs: object = None,
    optimiser: object = None,
    step: object = None,
) -> Any:
    """The `WideUpdate` or `WideBlockUpdate` of arguments as those of `squared_update`."""
    known = checked_network(network)
    kind = WideBlockUpdate if isinstance(known, Residual) else WideUpdate
    if kind is WideUpdate:
        wide_chain(known)
    update = kind(
        known,  # type: ignore[arg-type]
        asked_layer(known, layer),
        asked_rates(known, rates),
        asked_inputs(known, inputs),
        GradientDescent() if optimiser is None else checked_optimiser(optimiser),
        None if step is None else _real_step(step),
    )
    update._refuse_unsolved()
    refuse_lost_signs(update.optimiser, known)
    return update


def _real_step(step: object) -> Expr:
    """The rate of a real step, without symbols."""
    exact_number("step", step)
    return positive_value("step", step)
