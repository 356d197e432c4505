"""This module takes real steps of a module with PyTorch's gradient and `torch.optim.SGD`.

Each step has a fresh initialisation, and an input of norm sqrt(n_0) in a random direction with a
label y = +-1, or one of the user's examples.  The pre-activations of the hidden layers before and
after the step are the outputs of the linear layers themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from theory.errors import InvalidArgument
from theory.validation import brief
from verify.numerics.arrays import FloatArray
from verify.pytorch.causes import Noted
from verify.pytorch.examples import Examples
from verify.pytorch.modules.chance import one_seed
from verify.pytorch.modules.computing import FAILURES, called, draw_weights
from verify.pytorch.modules.differences import unwrapped
from verify.pytorch.modules.layers import linear_layers, whole
from verify.pytorch.modules.model import ReadModel, already_read, read_model
from verify.pytorch.modules.probing import HOOKS, global_hooks, probing

__all__ = ["RealStep", "half_square"]

Outputs = list[tuple[nn.Module, torch.Tensor]]
"""Layers and their outputs, in the order of the calls."""


def half_square(output: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """The loss of the theory, (f - y)^2/2, averaged over a batch.

    >>> float(half_square(torch.tensor([3.0, 1.0]), torch.tensor([1.0, 1.0])))
    1.0
    """
    return (output - label).square().mean() / 2


@dataclass(frozen=True, eq=False)
class RealStep:
    """The definition of one step of ``rate`` on the hidden weights.

    ``initialise``: draws the weights of a model in place from PyTorch's global generator, or None
    for mean-field.  ``loss``: of outputs and labels of one shape.  ``examples``: None for random
    inputs of |x|^2 = n_0.
    """

    rate: float
    initialise: Callable[[nn.Module], object] | None = None
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = half_square
    examples: Examples | None = None

    def squared_updates(
        self, model: nn.Module, samples: int, seed: int
    ) -> tuple[FloatArray, Noted]:
        """Mean over neurons of (Delta z/rate)^2, shape ``(samples, layers)``, and notes of weights
        and losses on the way.

        On weights in double precision in place of the model's, so that a small step is not lost to
        rounding; in its own precision where it does not run in double.  Neither the model
        nor PyTorch's global generator is changed.
        """
        read = read_model(model)
        _check_precision(read)
        held = [whole(layer.weight).clone() for layer in read.layers]
        values, noted = np.empty((samples, len(read.hidden))), Noted(read)
        chosen = None if self.examples is None else self.examples.drawn(samples, seed)
        device = read.layers[0].weight.device
        with probing(read.module, read.steps), already_read(read):
            with torch.no_grad():
                for layer, weight in zip(read.layers, held, strict=True):
                    layer.weight.copy_(weight)
            with one_seed(seed % 2**64, device), _outputs(read.hidden) as outputs:
                self._check_initialise(model, read)
                self._check_labels(read)
                for index, row in enumerate(values):
                    self._initialise(model, read)
                    example = None if chosen is None else int(chosen[index])
                    before, after = self._pre_activations(read, outputs, noted, example)
                    row[:] = [
                        float((b - a).square().mean()) for a, b in zip(before, after, strict=True)
                    ]
        return values / self.rate**2, noted

    def _pre_activations(
        self, read: ReadModel, outputs: Outputs, noted: Noted, example: int | None
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Those of all hidden layers, before and after one step."""
        x, y = self._example(read.hidden[0], example)
        optimiser = torch.optim.SGD([layer.weight for layer in read.hidden], lr=self.rate)
        for layer in read.layers:
            layer.weight.grad = None
        outputs.clear()
        f = called(read.module, x)
        before = _by_layer(read, outputs)
        f.retain_grad()
        label = y.to(f.device, f.dtype).reshape(f.shape)
        loss: Any = self._loss(f, label)
        loss.backward()
        noted.note(loss, f, label, self.loss)
        optimiser.step()
        outputs.clear()
        with torch.no_grad():
            read.module(x)
        return before, _by_layer(read, outputs)

    def _example(self, first: nn.Linear, example: int | None) -> tuple[torch.Tensor, torch.Tensor]:
        """An input and a label for one step, the input as the model takes it."""
        if self.examples is None or example is None:
            x, y = _random_example(first.in_features)
        else:
            x, y = self.examples.inputs[example, None], _random_label()
            if self.examples.labels is not None:
                y = self.examples.labels[example, None]
        return x.to(first.weight), y

    def _loss(self, f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        try:
            loss: Any = self.loss(f.clone(), y.clone())  # it may change them in place
        except FAILURES as error:
            raise InvalidArgument(
                f"expected a loss of outputs and labels of shape {tuple(f.shape)}, got "
                f"{type(error).__name__}: {error} from loss={_short(self.loss)}; give a loss of "
                f"two tensors of one shape"
            ) from error
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1 or not loss.requires_grad:
            raise InvalidArgument(
                f"expected a loss that returns a tensor of one number with a gradient, got "
                f"{_short(loss)} from loss={_short(self.loss)}; leave out float(), .item(), "
                f".detach() and the like"
            )
        return loss

    def _check_labels(self, read: ReadModel) -> None:
        """Raise `InvalidArgument` for labels whose shape does not fit the outputs: the loss of two
        examples is then neither the sum nor the mean of their losses."""
        if self.examples is None or self.examples.labels is None or self.loss is half_square:
            return
        x, label = self._example(read.hidden[0], 0)
        shape = called(read.module, x).shape[1:]
        f = torch.tensor([0.5, -1.5], dtype=x.dtype, device="cpu").reshape(2, *shape)
        f.requires_grad_()
        y = torch.tensor([1.0, -2.0], dtype=x.dtype, device="cpu").reshape(2, *label.shape[1:])
        try:
            both, *each = (self._loss(f[k], y[k]) for k in (slice(2), slice(1), slice(1, 2)))
            fits = any(torch.isclose(each[0] + each[1], n * both) for n in (1, 2))
        except InvalidArgument:
            fits = y.shape == f.shape
        if not fits and y.shape != f.shape:
            sizes = ", ".join(map(str, (-1, *shape)))
            raise InvalidArgument(
                f"expected labels of the shape of the outputs, as loss={_short(self.loss)} takes "
                f"them, got labels of shape {tuple(self.examples.labels.shape)}; give "
                f"labels.reshape({sizes})"
            )

    def _initialise(self, model: nn.Module, read: ReadModel) -> None:
        if self.initialise is None:
            draw_weights(read.layers, read.network, None)
            return
        if isinstance(self.initialise, nn.Module) or not callable(self.initialise):
            raise InvalidArgument(
                f"expected a function of the model for initialise, got "
                f"initialise={_short(self.initialise)}; give a function that draws the weights in "
                f"place"
            )
        try:
            self.initialise(model)
        except FAILURES as error:
            raise InvalidArgument(
                f"expected an initialise that draws the weights of its argument, the model, got "
                f"{type(error).__name__}: {error} from initialise={_short(self.initialise)}; draw "
                f"each layer of the whole model in place, as nn.init does"
            ) from error

    def _check_initialise(self, model: nn.Module, read: ReadModel) -> None:
        """Raise `InvalidArgument` where two initialisations are the same in some layer, or change
        more than values."""
        held, hooks = [layer.weight.detach().clone() for layer in read.layers], _hooks(read)
        self._initialise(model, read)
        got, fix = "", "leave hooks to the model, outside of initialise"
        if name := next((name for name, n in _hooks(read).items() if n != hooks.get(name)), None):
            got = f"other hooks on {name!r}"
        elif not torch.is_grad_enabled() or torch.is_inference_mode_enabled():
            got, fix = "gradients switched off", "draw within `with torch.no_grad():`"
        if got:
            raise InvalidArgument(
                f"expected an initialise that draws weights and does nothing else, got {got} after "
                f"initialise={_short(self.initialise)}; {fix}"
            )
        _check_unchanged(read, held)
        first = [layer.weight.detach().clone() for layer in read.layers]
        self._initialise(model, read)
        for name, one, old in zip(read.named, first, held, strict=True):
            if torch.equal(one, read.named[name].weight) and one.any():
                kept = torch.equal(one, old)
                got, fix = (
                    ("left as they were", "draw all layers in place, in the given model")
                    if kept
                    else ("the same twice", "draw from PyTorch's global generator, without a seed")
                )
                raise InvalidArgument(
                    f"expected new weights at each call of initialise, got the weights of "
                    f"{name!r} {got} by initialise={_short(self.initialise)}; {fix}"
                )


def _hooks(read: ReadModel) -> dict[str, int]:
    """How many hooks of a training step each module and weight has, by name."""
    modules = {
        name or "the model": sum(len(getattr(module, table)) for table in HOOKS)
        for name, module in read.module.named_modules()
    }
    weights = ((f"{name}.weight", layer.weight) for name, layer in read.named.items())
    own = {
        name: len(w._backward_hooks or ()) + len(w._post_accumulate_grad_hooks or ())
        for name, w in weights
    }
    return {**modules, **own, "all modules": sum(map(len, global_hooks().values()))}


def _short(value: object) -> str:
    """``value`` as it prints itself, in one line."""
    return brief(value, 80, repr)


def _check_unchanged(read: ReadModel, held: list[torch.Tensor]) -> None:
    """Raise `InvalidArgument` where layers have other weights than ``held`` in more than values."""
    linear_layers(read.module)
    for (name, layer), old in zip(read.named.items(), held, strict=True):
        new = layer.weight
        pairs = ((tuple(new.shape), tuple(old.shape)), (new.dtype, old.dtype))
        for got, right in (pair for pair in pairs if pair[0] != pair[1]):
            raise InvalidArgument(
                f"expected an initialise that changes the values of weights alone, got "
                f"'{name}.weight' of {got}, not {right}; draw it in place, as nn.init does"
            )


def _check_precision(read: ReadModel) -> None:
    lowest = read.steps if read.steps is torch.float64 else read.computes
    if lowest not in (torch.float32, torch.float64):
        raise InvalidArgument(
            f"expected a model that can be run with weights in torch.float64, got a model that "
            f"runs in {lowest} alone, in which small steps are lost to rounding; let its forward "
            f"keep "
            f"the precision of its inputs, without autocast and .float()"
        )


def _random_example(inputs: int) -> tuple[torch.Tensor, torch.Tensor]:
    """An input of squared norm ``inputs``, shape ``(1, inputs)``, and a label of either sign."""
    x = torch.randn(1, inputs, dtype=torch.float64, device="cpu")
    return x * (inputs**0.5 / x.norm()), _random_label()


def _random_label() -> torch.Tensor:
    return 2.0 * torch.randint(2, (1,), device="cpu").double() - 1.0


def _by_layer(read: ReadModel, outputs: Outputs) -> list[torch.Tensor]:
    """The pre-activations in the order of the layers, each of which must have run once."""
    layers = [module for module, _ in outputs]
    for layer in read.hidden:
        if (count := sum(each is layer for each in layers)) != 1:
            raise InvalidArgument(
                f"expected a forward that calls each hidden layer once as a module, got "
                f"{count} calls of {layer}; call the layer, as in self.layer(x), in place of "
                f"F.linear(x, self.layer.weight)"
            )
    return [next(value for module, value in outputs if module is layer) for layer in read.hidden]


@contextmanager
def _outputs(layers: tuple[nn.Linear, ...]) -> Iterator[Outputs]:
    """A list to which each of ``layers`` appends itself and its output as it is called."""
    found: Outputs = []

    def keep(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        found.append((module, unwrapped(output).to("cpu", torch.float64)))

    handles = [layer.register_forward_hook(keep) for layer in layers]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
