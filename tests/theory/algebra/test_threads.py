"""Values from several threads at once, at other precisions: the digits of one thread alone."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mpmath
import pytest

from tests.tools.values import SEVERAL, SINGLE, TRANSFER
from theory import (
    MLP,
    LastLayer,
    derive,
    layer_rates,
    maximal_learning_rate,
    numbers,
    squared_update,
    tangent_kernel,
)
from theory.observables import K, g
from theory.precision import DECIMALS, workdps
from verify import check
from verify.testing import assert_close, samples_needed

DEEP, SMALL = MLP(1000, 300), MLP(16, 5)

ASKED = (
    *("update", "label", "rate", "rate of the mean", "readout", "readout rate", "alignment"),
    *("mixed signs", "layer rates", "kernel"),
)
EVALUATED: dict[str, Callable[[int], Any]] = {
    **{name: (SINGLE | SEVERAL)[name](DEEP).evaluate for name in ASKED},
    "rate, all layers compared": maximal_learning_rate(SMALL).evaluate,
    "spread": tangent_kernel(DEEP).relative_standard_deviation,
    "transfer": TRANSFER.evaluate,
}
"""Calls that take a number of digits."""

LIMIT = squared_update(MLP()).label.joint_limit()
VALIDITY = maximal_learning_rate(MLP(), criterion=LastLayer()).validity("0.1")
OTHERS: dict[str, Callable[[], Any]] = {
    "call": lambda: squared_update(MLP())(1000, 300),
    "array": lambda: squared_update(MLP())([1000, 10**10], 300).tolist(),
    "log": lambda: squared_update(MLP()).lambdify().log(8, 3000),
    "at": lambda: squared_update(MLP()).at(n=10, L=3).exact,
    "exact": lambda: squared_update(MLP(10, 3)).exact,
    "float of a rate": lambda: float(maximal_learning_rate(MLP(9, 4)).exact.evalf(30)),
    "numbers": lambda: numbers(LIMIT, n=1, t=1e-6),
    "repr": lambda: [repr(layer_rates(SMALL)), repr(tangent_kernel(SMALL)), repr(SMALL)],
    "latex": lambda: maximal_learning_rate(SMALL)._repr_latex_(),
    "samples": lambda: squared_update(SMALL).spread.samples("0.01"),
    "validity": lambda: [VALIDITY.error(64, 5), VALIDITY.depths(256)],
    "joint limit from": lambda: squared_update(MLP()).label.joint_limit_from("0.1", "1/2"),
    "check": lambda: str(check("L**3/3", claim="leading", simulate=False)),
    "assertion": lambda: assert_close(lambda L: L / 2, MLP(64, 1), tolerance=0, part="label"),
    "samples needed": lambda: samples_needed(MLP(16, 2), part="label"),
}
"""Calls without one."""


@pytest.fixture(autouse=True)
def _threads_that_take_turns_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def others(digits: int) -> list[Any]:
    """Work at other precisions, mpmath's own for a user's part among them."""
    with workdps(digits):
        return [squared_update(MLP(7, 4)).evaluate(digits), numbers(LIMIT, n=1, t=0.5)]


@pytest.mark.slow
@pytest.mark.parametrize("name", EVALUATED)
def test_digits_from_threads_are_those_of_one(name: str) -> None:
    evaluate = EVALUATED[name]
    alone = {digits: evaluate(digits) for digits in (3, 15, 40)}
    asked = [3, 15, 40] * 4
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(evaluate, asked)) == [alone[digits] for digits in asked]
    assert (mpmath.mp.dps, DECIMALS.dps) == (15, 15)


@pytest.mark.wide
@pytest.mark.parametrize("name", OTHERS)
def test_calls_beside_threads_at_other_precisions(name: str) -> None:
    call = OTHERS[name]
    alone = call()
    with ThreadPoolExecutor(4) as pool:
        busy = [pool.submit(others, digits) for digits in (3, 60, 5, 90)]
        found = [pool.submit(call) for _ in range(3)]
        busy += [pool.submit(others, digits) for digits in (4, 70)]
        assert all(each.result() == alone for each in found)
        assert len({str(each.result()[1]) for each in busy}) == 1
    assert mpmath.mp.dps == 15


@pytest.mark.wide
@pytest.mark.parametrize("name", [*EVALUATED, *OTHERS])
@pytest.mark.parametrize("digits", [2, 50])
def test_a_precision_that_a_user_sets_is_neither_read_nor_changed(name: str, digits: int) -> None:
    call = OTHERS.get(name) or (lambda: EVALUATED[name](12))
    alone = call()
    with mpmath.workdps(digits):
        assert call() == alone
        assert mpmath.mp.dps == digits


@pytest.mark.slow
def test_the_issue() -> None:
    """Four threads, 100 calls at 3 and at 15 digits."""
    update = squared_update(MLP(1000, 300))
    alone = {digits: squared_update(MLP(1000, 300)).evaluate(digits) for digits in (3, 15)}
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(
            lambda digits: squared_update(MLP(1000, 300)).evaluate(digits), [3, 15] * 50
        )
        assert list(found) == [alone[3], alone[15]] * 50
    assert abs(update.evaluate(3) / update.evaluate(15) - 1) < 1e-3


def test_a_failure_leaves_the_precision_as_it_was() -> None:
    with pytest.raises(ZeroDivisionError), workdps(77):
        1 / 0  # noqa: B018
    assert DECIMALS.dps == 15
    kernel = derive(g @ K @ g, MLP(3, 2))
    with workdps(40):
        assert kernel.evaluate(5) == 1
        assert DECIMALS.dps == 40
