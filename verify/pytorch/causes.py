"""This module names the weights and losses of real steps that differ from the theory's."""

from __future__ import annotations

from math import isfinite
from typing import Any

import torch

from verify.pytorch.modules.computing import FAILURES
from verify.pytorch.modules.differences import times
from verify.pytorch.modules.model import ReadModel
from verify.pytorch.spread import unlike_theory

__all__ = ["Noted"]

_SAME, _NOTICEABLE, _CLEAR, _CALLS = 1e-3, 0.05, 0.01, 512


class Noted:
    """Notes of the steps of one module, as they are taken."""

    def __init__(self, read: ReadModel) -> None:
        self._read = read
        self._steps = self._not_finite = self._outputs_not_finite = self._no_slope = 0
        self._slopes: tuple[float, float] | None = None
        self._random: tuple[float, float] | None = None
        self._weights: str | None = None
        self._batch: tuple[str, ...] = ()

    @property
    def batch(self) -> tuple[str, ...]:
        """A sentence where the loss is no mean over a batch, and no random one."""
        return () if self._random else self._batch

    def note(self, loss: torch.Tensor, f: torch.Tensor, y: torch.Tensor, of: Any) -> None:
        """One step: its loss, the output with its gradient, the label, and the function ``of``
        outputs and labels that is the loss."""
        if not self._steps:
            self._batch = _of_a_batch(of, f, y)
            self._weights = unlike_theory(self._read)
        self._steps += 1
        self._outputs_not_finite += not torch.isfinite(f.detach()).all()
        self._not_finite += not isfinite(float(loss.detach()))
        right, size = float((f.detach() - y).sum()), float(torch.maximum(f.abs(), y.abs()).sum())
        if abs(right) > _CLEAR * size:
            self._note_slope(0.0 if f.grad is None else float(f.grad.sum()) / right, f, y, of)

    def _note_slope(self, slope: float, f: torch.Tensor, y: torch.Tensor, of: Any) -> None:
        """The least and the largest gradient over f - y; the first time that these differ, the
        gradients of the same output and label again."""
        if not isfinite(slope):
            self._no_slope += 1
            return
        differed = self._slopes is not None and _differ(*self._slopes)
        low, high = self._slopes or (slope, slope)
        self._slopes = min(low, slope), max(high, slope)
        if _differ(*self._slopes) and not differed:
            right = float((f.detach() - y).sum())
            again = [_gradient(of, f, y) / right + 0.0 for _ in range(_CALLS)]
            if _differ(min(again), max(again)):
                self._random = min(again), max(again)

    def causes(self) -> tuple[str, ...]:
        """Clauses that each name one thing that is not the theory's: weights that are not spread or
        not drawn as these are, a loss whose gradient in f is not f - y."""
        return (*self._of_loss(), *([self._weights] if self._weights else []))

    def _of_loss(self) -> list[str]:
        steps = f"of {self._steps:,} steps"
        if self._outputs_not_finite:
            return [f"the output is not finite in {self._outputs_not_finite:,} {steps}"]
        if self._not_finite:
            return [f"the loss is not finite in {self._not_finite:,} {steps}, at finite outputs"]
        if self._no_slope:
            return [f"the gradient of the loss is not finite in {self._no_slope:,} {steps}"]
        if self._slopes is None:
            return []
        low, high = self._slopes
        if low == high == 0:
            return ["the gradient of the loss in the output is zero"]
        if self._random:
            low, high = self._random
            return [
                f"the loss is random: at one output and label its gradient is from {low:.3g} to "
                f"{high:.3g} times f - y"
            ]
        if _differ(low, high):
            return ["the loss has another gradient than (f - y)²/2"]
        return [f"the loss is {times(low)} (f - y)²/2"] if abs(low - 1) > _SAME else []


def _differ(low: float, high: float) -> bool:
    return high - low > _SAME * max(abs(low), abs(high))


def _gradient(loss: Any, f: torch.Tensor, y: torch.Tensor) -> float:
    """The sum of the gradient of ``loss`` in outputs like ``f``, 0 where it has none."""
    outputs = f.detach().clone().requires_grad_()
    try:
        (grad,) = torch.autograd.grad(loss(outputs.clone(), y.clone()), outputs)
    except FAILURES:
        return 0.0
    return float(grad.sum())


def _of_a_batch(loss: Any, f: torch.Tensor, y: torch.Tensor) -> tuple[str, ...]:
    """A sentence where two equal examples have another gradient together than one has, from a loss
    that takes two; ``f``: the output of one, with its gradient."""
    outputs, labels = (
        each.detach().expand(2) if each.ndim == 0 else each.detach().repeat_interleave(2, 0)
        for each in (f, y)
    )
    outputs = outputs.clone().requires_grad_()
    try:
        (grad,) = torch.autograd.grad(loss(outputs.clone(), labels.clone()), outputs)
    except FAILURES:
        return ()
    one, two = float(f.grad.sum()) if f.grad is not None else 0.0, float(grad.sum())
    if not one or not isfinite(two / one) or abs(two / one - 1) < _NOTICEABLE:
        return ()
    return (
        f"The steps have one example each: at two equal examples the loss has {two / one:.3g} "
        f"times the gradient, where the rates are for the mean over a batch; give loss the mean.",
    )
