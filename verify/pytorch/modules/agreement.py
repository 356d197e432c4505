"""This module refuses a module whose outputs or gradients differ from the theory's network.

In double precision, where every difference counts, and in the module's own, where more than
rounding does; in training mode, and in the mode in which the module is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar, cast

import torch
from torch import nn

from theory.activations import LeakyReLU, ReLU
from theory.errors import InvalidArgument
from theory.networks.mlp import MLP
from verify.pytorch.modules.chance import (
    draws_again,
    global_numbers,
    held_numbers,
    sets_seeds,
)
from verify.pytorch.modules.computing import (
    Probe,
    Run,
    later_calls,
    literal_layers,
    literal_outputs,
)
from verify.pytorch.modules.differences import (
    RANDOM,
    Calls,
    Multiples,
    Precisions,
    distance,
    recorded,
    what_differs,
    where_gradients_differ,
)
from verify.pytorch.modules.layers import whole
from verify.pytorch.modules.probing import probing

__all__ = ["Computing", "activation_and_precision"]

_SCALES = (1.0, 2.0**-40, 2.0**40)
_NO_DOUBLE = ("mps",)
"""Devices without double precision."""
_EXACT, _SINGLE = 1e-9, 1e-6
_ROUNDING = {torch.float64: 1e-9, torch.float32: 1e-4, torch.bfloat16: 0.1, torch.float16: 0.1}
"""A relative difference below it is rounding, from the network written out in double precision or
in this one; so is four times that between the two, up to `_MOST_ROUNDING`."""
_MOST_ROUNDING = 0.5
_OUTPUTS = "other outputs"
_SEED = (
    "expected a model whose forward leaves the generators of random numbers as they are, got a "
    "forward that sets a seed; leave out torch.manual_seed() and the like within forward"
)
_CHANCE = (
    "expected a model with a deterministic forward, got a forward that draws random numbers, with "
    "or without an effect; leave out random depth, dropout and noise"
)
_DIGITS = {torch.float64: 10, torch.float32: 5, torch.bfloat16: 2, torch.float16: 2}

Layers = Mapping[str, nn.Linear]
R = TypeVar("R")


def activation_and_precision(
    model: nn.Module, layers: Layers, probe: Probe
) -> tuple[ReLU | LeakyReLU, torch.dtype]:
    """The activation between the layers of ``model``, by its values, and the precision in which
    steps can be measured: double where the model computes in it, else that of its weights.

    ReLU too where there is something else; `Computing.check` says so.  Where the model calls no
    layer, the activation modules that it registers say.
    """
    linear = tuple(layers.values())
    own = linear[0].weight.dtype
    dtype = own if linear[0].weight.device.type in _NO_DOUBLE else torch.float64
    while True:
        with probing(model, dtype):
            probe.load(linear)
            calls, output = recorded(model, linear, probe.inputs(linear))
            if dtype is torch.float64 and not calls and output is not None:
                _refuse_rounding(model, linear, probe, own)
        activation = _activation(model, calls, dtype)
        if dtype is own or _is_double(calls, output, probe, float(activation.slope)):
            return activation, dtype
        dtype = own


def _refuse_rounding(
    model: nn.Module, linear: Sequence[nn.Linear], probe: Probe, own: torch.dtype
) -> None:
    """Refuse 16 bits in a model that calls no layer: rounding hides its use of the weights."""
    with Precisions() as seen:
        recorded(model, linear, probe.inputs(linear))
    for half in (torch.bfloat16, torch.float16):
        if half in seen.found and half is not own:
            raise InvalidArgument(
                f"expected a model that calls its layers, or takes their weights in their own "
                f"precision, got a forward that calls no layer and rounds to {half}; call the "
                f"layers, within autocast where they are to run in {half}"
            )


def _is_double(calls: Calls, output: object, probe: Probe, slope: float) -> bool:
    """Whether a run in double precision was one throughout."""
    if not isinstance(output, torch.Tensor):
        return False
    if _lowest(torch.float64, calls, output) is not torch.float64:
        return False
    expected = literal_outputs(probe.weights, probe.x, slope)
    if output.numel() != len(expected):
        return True
    return not _EXACT < distance(output.reshape(-1).cpu(), expected) < _SINGLE


def _lowest(dtype: torch.dtype, calls: Calls, output: object) -> torch.dtype:
    """The lowest precision among those of the layers' outputs, of the model's, and ``dtype``."""
    seen = [dtype, *(out.dtype for _, _, out in calls)]
    seen += [output.dtype] if isinstance(output, torch.Tensor) else []
    floating = [each for each in seen if each in _ROUNDING]
    return max(floating, key=lambda each: torch.finfo(each).eps)


def _activation(model: nn.Module, calls: Calls, dtype: torch.dtype) -> ReLU | LeakyReLU:
    kinds = [m for m in model.modules() if isinstance(m, nn.ReLU | nn.LeakyReLU)]
    registered = {float(getattr(module, "negative_slope", 0.0)) for module in kinds}
    slopes = [_slope(out, into) for (_, _, out), (_, into, _) in pairwise(calls)]
    found = {_named(slope, registered, dtype) for slope in slopes if slope is not None}
    found = found if calls else registered
    if len(found) > 1:
        raise InvalidArgument(
            f"expected one activation in all layers, got negative slopes {sorted(found)}; give "
            f"one of them everywhere"
        )
    slope = found.pop() if found else 0.0
    return LeakyReLU(slope) if slope else ReLU()


def _slope(out: torch.Tensor, into: torch.Tensor) -> float | None:
    """The slope below zero of the leaky ReLU that takes ``out`` to ``into``, if one does."""
    below = out < 0
    if out.shape != into.shape or not below.any():
        return None
    slope = float((into[below] / out[below]).median())
    literal = torch.where(below, slope * out, out).to(into)
    alike = torch.allclose(into, literal, rtol=100 * torch.finfo(out.dtype).eps, atol=0.0)
    return slope if alike and 0 <= slope < 1 else None


def _named(slope: float, registered: set[float], dtype: torch.dtype) -> float:
    """The registered slope where it is one, else rounded to the digits of ``dtype``."""
    tolerance = 10.0 ** -_DIGITS[dtype]
    near = [each for each in registered if abs(each - slope) <= tolerance * slope]
    return near[0] if near else float(f"{slope:.{_DIGITS[dtype]}g}")


@dataclass(frozen=True, eq=False)
class Computing:
    """``model`` beside ``network``, at a probe.  ``steps``: by `activation_and_precision`."""

    model: nn.Module
    layers: Layers
    network: MLP
    probe: Probe
    steps: torch.dtype

    @property
    def linear(self) -> tuple[nn.Linear, ...]:
        """The layers without their names."""
        return tuple(self.layers.values())

    @property
    def slope(self) -> float:
        """The slope of the network's activation below zero."""
        return float(self.network.activation.slope)

    @property
    def _inputs(self) -> torch.Tensor:
        return self.probe.inputs(self.linear)

    def check(self) -> torch.dtype:
        """Raise `InvalidArgument` unless the model is the network, and its gradients too; returns
        the lowest precision in which it computes with weights in its own precision."""
        if self.steps is torch.float64:
            as_it_is = all(module.training for module in self.model.modules())
            for train in (True,) if as_it_is else (True, False):
                self._without_draws(self.steps, train, self._check_exactly)
        return self._without_draws(None, True, self._check_roughly)

    def _without_draws(self, dtype: torch.dtype | None, train: bool, check: Callable[[], R]) -> R:
        """``check`` within `probing`; raises `InvalidArgument` for draws, which may act at other
        times, in place of another cause: dropout of few neurons is a scale at most calls."""
        found, other = None, None
        with probing(self.model, dtype, train=train) as new:
            before, held = global_numbers(), held_numbers(new)
            self.probe.load(self.linear)
            try:
                found = check()
            except InvalidArgument as error:
                other = error
            own = held_numbers(new) != held
            draws = own or global_numbers() != before
            if draws and sets_seeds(lambda: recorded(self.model, self.linear, self._inputs)):
                raise InvalidArgument(_SEED)

        def again() -> None:
            with probing(self.model, dtype, train=train):
                self.probe.load(self.linear)
                check()

        named = other is not None and RANDOM in str(other)
        if draws and not named and (own or draws_again(again)):
            raise InvalidArgument(_CHANCE)
        if other:
            raise other
        return cast(R, found)

    def _check_exactly(self) -> None:
        limits = [_EXACT] * (1 + len(self.layers))
        for scale in _SCALES:
            probe = self.probe.scaled(scale)
            found = probe.run(self.model, self.linear)
            self._refuse_if(self._differs(found, probe.literal(self.slope), limits), scale=scale)
        if self._rescaled(_EXACT):
            self._refuse_if(_OUTPUTS)
        self._refuse_scaled_weights(_EXACT)
        alone = self.probe.alone()
        self._check_same(alone, alone.literal(self.slope), limits, "in a batch of one")

    def _check_roughly(self) -> torch.dtype:
        """The same to within rounding, at later calls and in larger batches too."""
        expected = self.probe.literal(self.slope)
        found = self.probe.run(self.model, self.linear)
        calls, output = recorded(self.model, self.linear, self.probe.inputs(self.linear))
        own = max((layer.weight.dtype for layer in self.linear), key=lambda d: torch.finfo(d).eps)
        lowest = _lowest(own, calls, output)
        floors = [_ROUNDING[lowest]] * (1 + len(self.layers))
        if self._differs(found, expected, floors):
            rounded = self.probe.literal(self.slope, lowest)
            pairs = zip(floors, _parts(rounded), _parts(expected), strict=True)
            limits = [min(max(a, 4 * distance(b, c)), _MOST_ROUNDING) for a, b, c in pairs]
            got = self._differs(found, rounded, floors)
            if got and self._differs(found, expected, limits):
                self._refuse_if(got, lowest)
        if self.steps is not torch.float64:
            if self._rescaled(_MOST_ROUNDING):
                self._refuse_if(_OUTPUTS)
            if lowest is torch.float32:
                self._refuse_scaled_weights(_ROUNDING[lowest])
        for probe in self.probe.in_batches():
            self._check_same(probe, found, floors, f"in a batch of {len(probe.x)}")
        for _ in later_calls():
            self._check_same(self.probe, found, floors, "at a later call")
        return lowest

    def _differs(self, found: Run, expected: Run, limits: list[float]) -> str:
        """Where a run is not the expected one, maybe repeated: `_OUTPUTS`, or which gradient."""
        outputs = expected.outputs.repeat(found.outputs.numel() // len(expected.outputs))
        if found.outputs.shape != outputs.shape:
            return _OUTPUTS
        if not distance(found.outputs, outputs) <= limits[0]:
            return _OUTPUTS
        names = tuple(self.layers)
        return where_gradients_differ(names, found.gradients, expected.gradients, limits[1:])

    def _check_same(self, probe: Probe, expected: Run, limits: list[float], where: str) -> None:
        got = self._differs(probe.run(self.model, self.linear), expected, limits)
        if got:
            raise InvalidArgument(
                f"expected a model that computes the same at each call and in each batch, got "
                f"{got} {where}; leave out operations that depend on the number of calls or "
                f"examples"
            )

    def _rescaled(self, limit: float) -> bool:
        """Whether layers called once each, in order, have other inputs than in the network: scales
        that undo one another, under which pre-activations move by another amount."""
        calls, _ = recorded(self.model, self.linear, self.probe.inputs(self.linear))
        if [index for index, _, _ in calls] != [*range(len(self.linear))]:
            return False
        *below, _ = literal_layers(self.probe.weights, self.probe.x, self.slope)
        right = [self.probe.x, *(torch.where(z > 0, z, self.slope * z) for z in below)]
        pairs = zip((into.cpu() for _, into, _ in calls), right, strict=True)
        return any(
            one.numel() == two.numel() and distance(one.reshape(-1), two.reshape(-1)) > limit
            for one, two in pairs
        )

    def _refuse_scaled_weights(self, limit: float) -> None:
        """The same for a module that takes the weights without calling their layers, by all results
        of its operators."""
        x = self.probe.inputs(self.linear)
        calls, _ = recorded(self.model, self.linear, x)
        if [index for index, _, _ in calls] == [*range(len(self.linear))]:
            return
        *below, _ = literal_layers(self.probe.weights, self.probe.x, self.slope)
        with Multiples(below, limit) as found:
            recorded(self.model, self.linear, x)
        for name, factors in zip(self.layers, found.factors, strict=False):
            if factors and all(abs(each - 1) > max(limit, _SINGLE) for each in factors):
                raise InvalidArgument(
                    f"expected a model that computes the pre-activations of v . s(W_L ... s(W_1 "
                    f"x)), got {factors[0]:.4g} times those at {name!r}; leave out scales that "
                    f"undo one another"
                )

    def _written(self) -> str | None:
        """The name of the first weight that is no longer the probe's."""
        pairs = zip(self.layers.items(), self.probe.weights, strict=True)
        held = ((name, whole(layer.weight), weight) for (name, layer), weight in pairs)
        changed = (name for name, now, weight in held if not torch.equal(now, weight.to(now)))
        return next((f"{name}.weight" for name in changed), None)

    def _refuse_if(self, got: str, dtype: torch.dtype | None = None, scale: float = 1.0) -> None:
        """Raise `InvalidArgument` for a difference of outputs or gradients.

        ``dtype``: in which alone it shows.  ``scale``: of the inputs at which it shows."""
        if got and (name := self._written()):
            raise InvalidArgument(
                f"expected a model whose forward leaves its weights as they are, got one that "
                f"changes {name!r}; clip, normalise and shrink weights after the step"
            )
        if got and got is not _OUTPUTS:
            where = f" in {dtype}" if dtype else ""
            raise InvalidArgument(
                f"expected a model whose gradients are those of v . s(W_L ... s(W_1 x)), got "
                f"{got}{where}; leave out detach(), no_grad(), register_hook(), straight-through "
                f"steps and branches on the dtype, and give checkpoints use_reentrant=False"
            )
        x = self.probe.scaled(scale).inputs(self.linear)
        if got and scale != 1:
            departs, _ = what_differs(self.model, self.layers, x, self.slope)
            fix = "leave out clamp() and other bounds or shifts"
            if not departs.startswith("a model that changes"):
                departs = "a model that bounds or shifts its activations"
                fix = "give ReLU or LeakyReLU alone"
            raise InvalidArgument(
                f"expected a model whose outputs grow with its inputs, got {departs}, at inputs "
                f"times {scale:.3g}; {fix}"
            )
        if got and dtype and self.steps is torch.float64:
            raise InvalidArgument(
                f"expected a model that computes the same in each precision, got other "
                f"outputs in {dtype}; leave out branches on the dtype and autocast within forward"
            )
        if got:
            departs, fix = what_differs(self.model, self.layers, x, self.slope)
            raise InvalidArgument(
                f"expected a model that computes v . s(W_L ... s(W_1 x)), s its activation, with "
                f"the linear layers in the order of their registration, got {departs}; {fix}"
            )


def _parts(run: Run) -> list[torch.Tensor]:
    assert all(each is not None for each in run.gradients)
    return [run.outputs, *(each for each in run.gradients if each is not None)]
