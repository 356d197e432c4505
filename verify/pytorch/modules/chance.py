"""This module finds out whether a module draws random numbers, and restores the generators.

Other threads may draw from the same generators meanwhile: `draws_again` tells their draws from the
module's.
"""

from __future__ import annotations

import pickle
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from theory.errors import InvalidArgument
from verify.pytorch.modules.held import GENERATORS

__all__ = ["draws_again", "global_numbers", "held_numbers", "one_seed", "part", "sets_seeds"]

_RUNS, _FEWEST, _SHORT = 32, 8, 8
_PYTHON: Any = getattr(random.random, "__self__")  # noqa: B009
_NUMPY: Any = getattr(np.random.random, "__self__")  # noqa: B009


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
    every = [_PYTHON, _NUMPY, torch.default_generator, *torch.cuda.default_generators]
    return [_drawn(deepcopy(each)) for each in every]


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


class _Watch(TorchDispatchMode):
    """Draws from the global generators during a run.

    ``drew``: whether this thread called for some, as far as a profiler and PyTorch's dispatcher
    see; neither sees calls from C.  ``parts``: whether the generators moved in each of the
    short `part`s.
    """

    def __init__(self) -> None:
        super().__init__()
        self.drew = False
        self.parts: list[bool] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        ours = given.get("generator") in (None, torch.default_generator)
        self.drew |= ours and torch.Tag.nondeterministic_seeded in func.tags
        return func(*args, **given)

    def profile(self, frame: object, event: str, call: Any) -> None:
        """For `sys.setprofile`."""
        if event == "c_call":
            owner: Any = getattr(call, "__self__", None)
            ours = owner is _PYTHON or owner is _NUMPY
            self.drew |= ours and "state" not in call.__name__ and "reduce" not in call.__name__


def _states() -> list[object]:
    """Those of the global generators, taken fast."""
    every = (torch.default_generator, *torch.cuda.default_generators)
    bits = [each.get_state().numpy().tobytes() for each in every]
    return [random.getstate(), pickle.dumps(_NUMPY.get_state(legacy=False)), *bits]


_WATCH: ContextVar[_Watch | None] = ContextVar("_WATCH", default=None)


@contextmanager
def part(examples: int) -> Iterator[None]:
    """A part of a run of `draws_again`, short for few ``examples``."""
    watch = _WATCH.get()
    if watch is None:
        yield
        return
    before, profile = _states(), sys.getprofile()
    try:
        with watch:
            sys.setprofile(watch.profile)
            yield
    finally:
        sys.setprofile(profile)
        if examples <= _SHORT:
            watch.parts.append(_states() != before)


def draws_again(run: Callable[[], object]) -> bool:
    """Whether ``run`` draws from the global generators: by calls that are seen, or in the same
    short `part` each time, where other threads draw now in this part, now in that.

    >>> def run():
    ...     with part(1):
    ...         random.random()
    >>> draws_again(run), draws_again(lambda: None)
    (True, False)
    """
    always: list[bool] = []
    for again in range(_RUNS):
        watch = _Watch()
        token = _WATCH.set(watch)
        try:
            run()
        except InvalidArgument:
            pass
        finally:
            _WATCH.reset(token)
        if watch.drew or (len(watch.parts) >= _FEWEST and all(watch.parts)):
            return True
        both = zip(always, watch.parts, strict=False)
        always = [one and two for one, two in both] if again else watch.parts
        if not any(always):
            return False
    return True
