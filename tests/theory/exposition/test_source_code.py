"""Code written by theory, run as Python against exact values; its JavaScript is the same term for
term, and is run in a browser by ``make test-all``."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mpmath import log, mpf, workdps

from tests.tools.strategies import generated
from theory import (
    MLP,
    LastLayer,
    LeakyReLU,
    MeanOverLayers,
    NotSolved,
    maximal_learning_rate,
    squared_update,
)
from theory.exposition.source_code import JAVASCRIPT, PYTHON, source_code

BOUND = 1e-13
"""Of the logarithm, relative to max(1, |logarithm|)."""
SLOPES = ("0", "1/3", "1")


@cache
def functions(slope: str) -> dict[str, Callable[[int, int], float]]:
    text = source_code(maximal_learning_rate(MLP(activation=LeakyReLU(slope))), PYTHON)
    space: dict[str, Any] = {}
    exec(text, space)
    return space


def close(found: float, truth: mpf) -> bool:
    return bool(abs(mpf(found) - truth) <= BOUND * max(1, abs(truth)))


@pytest.mark.slow
@generated(25)
@given(st.floats(0, 6), st.floats(0, 4), st.sampled_from(SLOPES))
@example(0.0, 4.0, "0")
@example(6.0, 0.0, "0")
@example(6.0, 1.0, "0")
@example(6.0, 4.0, "0")
@example(3.0, 3.0, "0")
def test_the_logarithms_are_exact_at_every_size(width: float, depth: float, slope: str) -> None:
    n, layers = round(10**width), round(10**depth)
    code = functions(slope)
    update = squared_update(MLP(n, layers, activation=LeakyReLU(slope)))
    exact = {"label": update.label.evaluate(30), "output": update.output.evaluate(30)}
    with workdps(40):
        exact["total"] = exact["label"] + exact["output"]
        for name, value in exact.items():
            assert close(code[name](n, layers), log(value))
        assert close(code["rate"](n, layers), -log(exact["total"]) / 2)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("layers", [1, 2, 3, 40])
def test_the_smallest_networks(n: int, layers: int) -> None:
    code, update = functions("0"), squared_update(MLP(n, layers))
    for name in ("label", "output"):
        exact = getattr(update, name).per_eta2
        with workdps(40):
            assert close(code[name](n, layers), log(mpf(int(exact.p)) / int(exact.q)))


def test_the_law_is_the_leading_term() -> None:
    law = maximal_learning_rate(MLP()).leading()
    (depth,) = law.free_symbols
    for layers in (1, 7, 10**4):
        exact = mpf(str(law.subs(depth, layers).evalf(30)))
        with workdps(30):
            assert close(functions("0")["law"](5, layers), log(exact))


def test_a_bound_of_its_own() -> None:
    rate = maximal_learning_rate(MLP(), criterion=LastLayer(bound="1/4"))
    space: dict[str, Any] = {}
    exec(source_code(rate, PYTHON), space)
    exact = maximal_learning_rate(MLP(20, 6), criterion=LastLayer(bound="1/4")).evaluate(30)
    with workdps(40):
        assert close(space["rate"](20, 6), log(exact))


def terms(text: str) -> list[str]:
    """The formulas in a text: what the two logarithms and sums of each part are given."""
    spelled = text.replace("log_mean", "logMean").replace("math.", "Math.")
    return re.findall(r"Math\.log1p\(.*\)|logMean\(L, .*\),$", spelled, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("slope", SLOPES)
def test_both_languages_have_the_same_terms_and_none_is_subtracted(slope: str) -> None:
    rate = maximal_learning_rate(MLP(activation=LeakyReLU(slope)))
    javascript, python = (source_code(rate, language) for language in (JAVASCRIPT, PYTHON))
    assert terms(javascript) == terms(python)
    assert len(terms(javascript)) == 4
    assert not any("-" in term for term in terms(javascript))


def test_both_languages_take_the_same_steps() -> None:
    steps = (
        "= 1 / (1 + odds)",
        "(L + 1) * chance)",
        "9 * Math.sqrt(L * chance * (1 - chance)) + 40)",
        "sum = tail[j] + sum * (k - j) / (j + 1)",
        "weight *= (L - i) / ((i + 1) * odds)",
        "weight *= i * odds / (L - i + 1)",
        "mean += weight * q(i + 1)",
        "mean += weight * q(i - 1)",
        "Math.log(mean / mass)",
    )
    python = PYTHON.support.replace("math.", "Math.")
    for step in steps:
        assert JAVASCRIPT.support.count(step) == python.count(step) == 1
    text = source_code(maximal_learning_rate(MLP()), JAVASCRIPT)
    for name in ("label", "output", "total", "rate", "law"):
        assert text.count(f"function {name}(n, L) {{") == 1
    for opening, closing in ("()", "[]", "{}"):
        assert text.count(opening) == text.count(closing)


@pytest.mark.slow
@pytest.mark.parametrize(
    "refused",
    [
        lambda: maximal_learning_rate(MLP(64)),
        lambda: maximal_learning_rate(MLP(depth=4)),
        lambda: maximal_learning_rate(MLP(activation=LeakyReLU())),
        lambda: maximal_learning_rate(MLP(), criterion=MeanOverLayers()),
    ],
)
def test_what_has_no_code_is_refused(refused: Callable[[], Any]) -> None:
    with pytest.raises(NotSolved):
        source_code(refused(), JAVASCRIPT)
