"""Real steps: PyTorch's own gradient and `torch.optim.SGD` on a module, at one example each.

A fresh initialisation, an input of norm sqrt(n_0) in a random direction and a label y = +-1 are
drawn for each; the pre-activations of the hidden layers before and after the step are what the
linear layers themselves put out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from theory.network import InvalidArgument
from verify.problem import FloatArray
from verify.pytorch.computing import draw_weights
from verify.pytorch.model import ReadModel, read_model

__all__ = ["RealStep", "half_square"]


def half_square(output: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """The loss of the theory, (f - y)^2/2, averaged over a batch.

    >>> float(half_square(torch.tensor([3.0, 1.0]), torch.tensor([1.0, 1.0])))
    1.0
    """
    return (output - label).square().mean() / 2


@dataclass(frozen=True, eq=False)
class RealStep:
    """How one step of ``rate`` on the hidden weights is taken.

    ``initialise``: draws the weights of a model in place from PyTorch's global generator, or None
    for mean-field.  ``loss``: of outputs and labels of one shape.
    """

    rate: float
    initialise: Callable[[nn.Module], object] | None = None
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = half_square

    def squared_updates(self, model: nn.Module, samples: int, seed: int) -> FloatArray:
        """Mean over neurons of (Delta z/rate)^2, shape ``(samples, layers)``.

        On a copy of ``model`` in double precision, so that a small step is not lost to rounding;
        neither the model nor PyTorch's global generator is changed.
        """
        copy = deepcopy(model).to("cpu", torch.float64)
        read = read_model(copy)
        values = np.empty((samples, len(read.hidden)))
        with _one_thread(), torch.random.fork_rng(devices=[]), _outputs(read.hidden) as outputs:
            torch.manual_seed(seed % 2**64)
            self._check_initialise(copy, read)
            for row in values:
                self._initialise(copy, read)
                before, after = self._pre_activations(copy, read, outputs)
                row[:] = [
                    float((b - a).square().mean()) for a, b in zip(before, after, strict=True)
                ]
        return values / self.rate**2

    def _pre_activations(
        self, model: nn.Module, read: ReadModel, outputs: list[torch.Tensor]
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Those of all hidden layers, before and after one step."""
        x, y = _example(read.hidden[0].in_features)
        optimiser = torch.optim.SGD([layer.weight for layer in read.hidden], lr=self.rate)
        model.zero_grad()
        outputs.clear()
        f = model(x)
        before = list(outputs)
        loss: Any = self.loss(f, y.reshape(f.shape))
        loss.backward()
        optimiser.step()
        outputs.clear()
        with torch.no_grad():
            model(x)
        return before, list(outputs)

    def _initialise(self, model: nn.Module, read: ReadModel) -> None:
        if self.initialise is None:
            draw_weights(read.layers, read.network, None)
        else:
            self.initialise(model)

    def _check_initialise(self, model: nn.Module, read: ReadModel) -> None:
        """Raise `InvalidArgument` where two initialisations are the same."""
        self._initialise(model, read)
        first = read.hidden[0].weight.detach().clone()
        self._initialise(model, read)
        if torch.equal(first, read.hidden[0].weight):
            raise InvalidArgument(
                f"expected new weights at each call of initialise, got the same twice from "
                f"initialise={self.initialise!r}; draw from PyTorch's global generator, without a "
                f"seed"
            )


def _example(inputs: int) -> tuple[torch.Tensor, torch.Tensor]:
    """An input of squared norm ``inputs``, shape ``(1, inputs)``, and a label of either sign."""
    x = torch.randn(1, inputs, dtype=torch.float64)
    y = 2.0 * torch.randint(2, (1,)).double() - 1.0
    return x * (inputs**0.5 / x.norm()), y


@contextmanager
def _one_thread() -> Iterator[None]:
    """PyTorch on one thread: products this small are slower on more, and rounded otherwise."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _outputs(layers: tuple[nn.Linear, ...]) -> Iterator[list[torch.Tensor]]:
    """A list to which each of ``layers`` appends its outputs as it is called."""
    found: list[torch.Tensor] = []

    def keep(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        found.append(output.detach().clone())

    handles = [layer.register_forward_hook(keep) for layer in layers]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
