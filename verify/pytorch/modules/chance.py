"""This module finds out whether a module draws random numbers, and leaves none of its own behind.

Other threads may draw from the same generators meanwhile: numbers that are drawn in the same part
of each of several runs are the module's.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from typing import Any

import numpy as np
import torch

from theory.errors import InvalidArgument
from verify.pytorch.modules.held import GENERATORS

__all__ = ["draws_again", "global_numbers", "held_numbers", "one_seed", "part", "sets_seeds"]

_RUNS, _FEWEST = 4, 8
_PARTS: ContextVar[list[bool] | None] = ContextVar("_PARTS", default=None)


@contextmanager
def one_seed(seed: int, device: torch.device) -> Iterator[None]:
    """PyTorch's generators of the processor and of ``device`` start from ``seed``; no other does.

    Within `probing`, which puts them back.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    yield


def global_numbers() -> list[list[float]]:
    """Those that the global generators of Python, NumPy and PyTorch will draw."""
    ours: list[Any] = [random.random, np.random.random]
    every = [*(each.__self__ for each in ours), torch.default_generator]
    return [_drawn(deepcopy(each)) for each in (*every, *torch.cuda.default_generators)]


def held_numbers(new: Mapping[int, Any]) -> list[list[float]]:
    """Those that the generators in ``new`` will draw."""
    return [_drawn(deepcopy(each)) for each in new.values() if isinstance(each, GENERATORS)]


def _drawn(generator: Any) -> list[float]:
    if not isinstance(generator, torch.Generator):
        return [generator.random() for _ in range(4)]
    kind: Any = {"dtype": torch.float64, "device": generator.device}  # whatever the default is
    drawn: list[float] = torch.rand(4, generator=generator, **kind).tolist()
    return drawn


def sets_seeds(call: Callable[[], object]) -> bool:
    """Whether the generators of Python, NumPy or PyTorch draw the same numbers after ``call``
    wherever they start.

    >>> sets_seeds(lambda: random.seed(1)), sets_seeds(random.random)
    (True, False)
    """
    found = []
    for _ in range(2):
        _ = random.random(), np.random.random(), torch.rand(1)
        call()
        found.append(global_numbers()[:3])
    return any(one == two for one, two in zip(*found, strict=True))


@contextmanager
def part() -> Iterator[None]:
    """A part of a run of `draws_again`."""
    parts = _PARTS.get()
    before = None if parts is None else global_numbers()
    try:
        yield
    finally:
        if parts is not None:
            parts.append(global_numbers() != before)


def draws_again(run: Callable[[], object]) -> bool:
    """Whether ``run`` draws from the global generators, in the same `part` each time; other
    threads draw now in this part, now in that.

    >>> def run():
    ...     with part():
    ...         random.random()
    >>> draws_again(run), draws_again(lambda: None)
    (True, False)
    """
    always: list[bool] | None = None
    for _ in range(_RUNS):
        parts: list[bool] = []
        token = _PARTS.set(parts)
        try:
            run()
        except InvalidArgument:
            pass
        finally:
            _PARTS.reset(token)
        if len(parts) >= _FEWEST and all(parts):
            return True
        shorter = zip(always or parts, parts, strict=False)
        always = [one and two for one, two in shorter] if always is not None else parts
        if not any(always):
            return False
    return True
