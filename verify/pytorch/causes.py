"""This module names the weights and losses of real steps that are not those of the theory."""

from __future__ import annotations

from math import isfinite
from typing import Any

import torch

from verify.pytorch.modules.computing import FAILURES
from verify.pytorch.modules.differences import times
from verify.pytorch.modules.model import ReadModel
from verify.pytorch.spread import unlike_theory

__all__ = ["Noted"]

_SLOPES, _NOTICEABLE = 20, 0.05


class Noted:
    """Notes of the steps of one module, as they are taken.

    ``batch``: a sentence where the loss is no mean over a batch.
    """

    def __init__(self, read: ReadModel) -> None:
        self._read = read
        self._steps = self._not_finite = 0
        self._slopes: list[float] = []
        self._weights: str | None = None
        self.batch: tuple[str, ...] = ()

    def note(self, loss: torch.Tensor, f: torch.Tensor, y: torch.Tensor, of: Any) -> None:
        """One step: its loss, the output with its gradient, the label, and the function ``of``
        outputs and labels that is the loss."""
        if not self._steps:
            self.batch = _of_a_batch(of, f, y)
            self._weights = unlike_theory(self._read)
        self._steps += 1
        self._not_finite += not isfinite(float(loss.detach()))
        slope, right = f.grad, float((f.detach() - y).sum())
        if right and len(self._slopes) < _SLOPES:
            self._slopes.append(0.0 if slope is None else float(slope.sum()) / right)

    def causes(self) -> tuple[str, ...]:
        """Clauses that each name one thing that is not the theory's: weights that are not spread or
        not drawn as these are, a loss whose gradient in f is not f - y."""
        return (*self._of_loss(), *([self._weights] if self._weights else []))

    def _of_loss(self) -> list[str]:
        if self._not_finite:
            return [f"the loss is not finite in {self._not_finite:,} of {self._steps:,} steps"]
        if not self._slopes:
            return []
        if not any(self._slopes):
            return ["the gradient of the loss in the output is zero"]
        first = self._slopes[0]
        if max(abs(each - first) for each in self._slopes) > 1e-3 * abs(first):
            return ["the loss has another gradient than (f - y)²/2"]
        return [f"the loss is {times(first)} (f - y)²/2"] if abs(first - 1) > 1e-3 else []


def _of_a_batch(loss: Any, f: torch.Tensor, y: torch.Tensor) -> tuple[str, ...]:
    """A sentence where two equal examples have another gradient together than one has, from a loss
    that takes two; ``f``: the output of one, with its gradient."""
    outputs, labels = (
        each.detach().expand(2) if each.ndim == 0 else each.detach().repeat_interleave(2, 0)
        for each in (f, y)
    )
    outputs = outputs.clone().requires_grad_()
    try:
        (grad,) = torch.autograd.grad(loss(outputs, labels), outputs)
    except FAILURES:
        return ()
    one, two = float(f.grad.sum()) if f.grad is not None else 0.0, float(grad.sum())
    if not one or not isfinite(two / one) or abs(two / one - 1) < _NOTICEABLE:
        return ()
    return (
        f"The steps have one example each: at two equal examples the loss has {two / one:.3g} "
        f"times the gradient, where the rates are for the mean over a batch; give loss the mean.",
    )
