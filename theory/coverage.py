"""`answered` makes a public call answer a keyword that it does not have: with the sentence on what
is covered, or with the nearest name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from theory.errors import InvalidArgument
from theory.validation import brief

__all__ = ["answered", "answered_class"]

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)

_OUTSIDE = {
    "residual residuals skip skips skip_connection": "the layers are a chain, without skip "
    "connections: leave it out",
    "bias biases use_bias": "the networks have no biases: leave it out",
    "batch batch_size batchsize": "the step is on one example, not on a batch: leave it out",
    "optimizer optimiser adam momentum beta betas weight_decay": "the step is one of plain "
    "gradient descent: leave it out",
    "loss loss_fn": "the loss is (f - y)^2/2 with a label y = +-1: leave it out",
    "steps epochs n_steps": "one step is covered, not several: leave it out",
    "dropout norm normalization layernorm layer_norm batchnorm batch_norm": "the layers have "
    "weights and an activation alone: leave it out",
    "attention heads conv kernel_size channels": "the networks are fully connected: leave it out",
    "outputs output_dim output_width out_features classes": "the network has one output: leave it "
    "out",
    "lr learning_rate eta": "values are at eta = 1: multiply a mean squared update by eta**2",
    "widths hidden_widths hidden_sizes layer_sizes hidden_dims": "give one width or several as "
    "width, as in MLP(width=(64, 64))",
    "n hidden_width hidden_size hidden_dim": "the width is width, as in MLP(width=64)",
    "L layers n_layers num_layers": "the number of hidden layers is depth, as in "
    "MLP(width=64, depth=4)",
    "n_0 input_dim in_features": "the input width is input_width, as in MLP(input_width=32)",
}
"""Keywords that users try, and what there is instead: one answer for all public calls."""
_ANSWERS = {word: answer for words, answer in _OUTSIDE.items() for word in words.split()}
_OF_THE_NETWORK = (
    *("width", "depth", "input_width", "activation"),
    *("weight_variance", "readout_variance", "input_norm2"),
)


def answered(function: Callable[P, R]) -> Callable[P, R]:
    """``function``, which refuses a keyword that it does not have in one sentence.

    >>> from theory import MLP, InvalidArgument, squared_update
    >>> for call in (lambda: MLP(residual=True), lambda: squared_update(MLP(), layr=2)):
    ...     try:
    ...         call()
    ...     except InvalidArgument as error:
    ...         print(error)  # doctest: +NORMALIZE_WHITESPACE
    expected no residual for MLP, got residual=True; the layers are a chain, without skip
    connections: leave it out
    expected no layr for squared_update, got layr=2; the nearest name is layer
    """
    named = [
        each.name
        for each in inspect.signature(function).parameters.values()
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY) and each.name != "self"
    ]
    called = function.__qualname__.removesuffix(".__init__")

    @wraps(function)
    def call(*args: P.args, **given: P.kwargs) -> R:
        for name, value in given.items():
            if name not in named:
                raise InvalidArgument(
                    f"expected no {name} for {called}, got {name}={brief(value)}; "
                    f"{_instead(name, named)}"
                )
        return function(*args, **given)

    return call


def answered_class(kind: C) -> C:
    """A class of which a call is `answered`."""
    made: Any = kind
    made.__init__ = answered(made.__init__)
    return kind


def _instead(name: str, named: list[str]) -> str:
    """What to write in the place of a keyword."""
    if name in _OF_THE_NETWORK:
        return f"it belongs to the network: give MLP({name}=...)"
    if name.lower() in _ANSWERS or name in _ANSWERS:
        return _ANSWERS.get(name) or _ANSWERS[name.lower()]
    begun = [each for each in named if each.startswith(name)]
    nearest = begun or get_close_matches(name, named, 1)
    if nearest:
        return f"the nearest name is {nearest[0]}"
    return f"its names are {', '.join(named)}" if named else "leave it out"
