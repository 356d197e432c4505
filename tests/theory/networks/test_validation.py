"""The borders of `theory`: every refusal names the argument and shows its value."""

from typing import Any

import numpy as np
import pytest
from sympy import Rational, Symbol, nan, oo, pi, sqrt, zoo

from theory import (
    MLP,
    ByRole,
    Convolution,
    Graph,
    InvalidArgument,
    LeakyReLU,
    MupDepthError,
    NotSolved,
    ReLU,
    Residual,
    derive,
    maximal_learning_rate,
    squared_update,
)
from theory.observables import D, K, f, g, trace
from theory.symbols import L, a, eta, n, n_0

IMPOSTOR = {name: Symbol(name, negative=True) for name in ("n", "L", "ell", "n_0", "a")}
"""Symbols of the right name with other assumptions."""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            (name, value)
            for name in ("width", "depth", "input_width")
            for value in (0, -1, True, "3", 2.5, 3.0, nan, oo, Rational(1, 2), eta, 1 + n, ())
        ],
        ("width", IMPOSTOR["n"]),
        ("width", L),
        ("depth", IMPOSTOR["L"]),
        ("depth", n),
        ("depth", (2,)),
        ("input_width", IMPOSTOR["n_0"]),
        ("input_width", (3, 4)),
        *[
            (name, value)
            for name in ("weight_variance", "readout_variance", "input_norm2")
            for value in (
                *(0, -1, -0.5, "0", "-1/2", True, "x", "", "1/0", "1e999999", "nan", [1], 1j),
                *(float("nan"), float("inf"), nan, oo, zoo, pi, sqrt(2)),
                *(-n, n - L, Symbol("q", real=False), sqrt(n), n**n_0, pi * n, sqrt(2) * n),
            )
        ],
        *[("activation", value) for value in (ReLU, "relu", 0)],
    ],
    ids=str,
)
def test_a_network_refuses_by_name_and_value(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgument) as refused:
        MLP(**{name: value})
    assert f"{name}={value!r}" in str(refused.value)


@pytest.mark.parametrize("value", [[3, 0], (3, 0), (3, True), (3, "4"), (3, 2.5), (3, L)], ids=str)
def test_every_width_is_refused_by_its_index(value: Any) -> None:
    with pytest.raises(InvalidArgument) as refused:
        MLP(value)
    assert f"width[1]={value[1]!r}" in str(refused.value)


@pytest.mark.parametrize("name", ["eta", "t", "B", "b", "ell", "L", "p", "q"])
def test_no_width_has_the_letter_of_another_quantity(name: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"width\[0\]={name} .*not called eta, t, B, b"):
        MLP((Symbol(name), 3))


@pytest.mark.parametrize("name", ["eta", "t"])
def test_no_scale_has_the_letter_of_another_quantity(name: str) -> None:
    value: Any = Symbol(name)
    for call in (
        lambda: MLP(weight_variance=value),
        lambda: MLP(readout_variance=2 * value),
        lambda: MLP(input_norm2=value),
        lambda: Residual(multiplier2=value),
        lambda: ByRole(up=value),
        lambda: Graph({"a": ("x",)}, readout="a", variances={("x", "a"): Symbol(name, real=True)}),
    ):
        with pytest.raises(InvalidArgument, match=f"symbol called {name}, which is the .*Symbol"):
            call()


GRAMS: list[tuple[Any, bool]] = [
    (((-1,),), False),
    (((0,),), False),
    (((1, 2, 0), (2, 1, 0), (0, 0, 1)), False),
    (((0, 1, 0), (1, 1, 0), (0, 0, 1)), False),
    (((10**40, 0), (0, -1)), False),
    (((10**400, 10**200), (10**200, 1)), True),
    (((10**400, 2 * 10**200), (2 * 10**200, 1)), False),
    # pairwise within 1, and negative along (1, 1, 1)
    (((1, "-0.6", "-0.6"), ("-0.6", 1, "-0.6"), ("-0.6", "-0.6", 1)), False),
    (((1, 1, 1), (1, 1, 0), (1, 0, 1)), False),
    (((1, "-1/2", "-1/2"), ("-1/2", 1, "-1/2"), ("-1/2", "-1/2", 1)), True),
    (((0, 0, 0), (0, 2, 1), (0, 1, "1/2")), True),
]


@pytest.mark.parametrize(("gram", "possible"), GRAMS, ids=str)
def test_a_gram_is_of_vectors(gram: Any, possible: bool) -> None:
    def made() -> Convolution:
        return Convolution(4, len(gram), 1, 2, shared=False, gram=gram)

    if possible:
        last = (2, len(gram) - 1)
        assert float(squared_update(made(), last).evaluate()) > 0
        return
    with pytest.raises(InvalidArgument, match=r"positive semidefinite .* gram=.*; give X @ X\.T"):
        made()


def test_rounded_inner_products_are_of_vectors() -> None:
    vectors = np.random.default_rng(1).normal(size=(12, 3))
    gram = vectors @ vectors.T / 3
    assert Convolution(4, 12, 2, 2, gram=tuple(map(tuple, gram))).positions == 12


@pytest.mark.parametrize(
    ("widths", "depth"), [((3, 4), d) for d in (1, 3, "2", L, 2.0)] + [((3,), True)], ids=str
)
def test_a_depth_at_odds_with_the_widths_is_refused(widths: Any, depth: Any) -> None:
    with pytest.raises(InvalidArgument) as refused:
        MLP(widths, depth)
    assert f"depth={depth!r}" in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        *(2, -0.1, "1.0001", nan, float("nan"), float("inf"), "1e999999", True, None, "x"),
        *(IMPOSTOR["a"], Symbol("a", real=False), a / 2, n, pi),
    ],
    ids=str,
)
def test_a_slope_is_refused_by_name_and_value(value: Any) -> None:
    with pytest.raises(InvalidArgument) as refused:
        LeakyReLU(value)
    assert f"negative_slope={value!r}" in str(refused.value)


@pytest.mark.parametrize("call", [squared_update, maximal_learning_rate])
@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ((1,), "expected 2 multipliers in rates, got 1"),
        ((1, 2, 3), "expected 2 multipliers in rates, got 3"),
        ((), "expected 2 multipliers in rates, got 0"),
        ((1, -1), "rates[1]=-1"),
        ((-0.5, 1), "rates[0]=-0.5"),
        ((1, "x"), "rates[1]='x'"),
        ((1, None), "rates[1]=None"),
        ((1, float("inf")), "rates[1]=inf"),
        ((1, True), "rates[1]=True"),
        ((1, n), "rates[1]=n"),
        ("11", "rates='11'"),
        (b"11", "rates=b'11'"),
        (3, "rates=3"),
    ],
)
def test_rates_are_refused_by_index_and_value(call: Any, rates: Any, said: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        call(MLP(2, 2), rates=rates)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (0, "layer=0"),
        (3, "layer=3"),
        (-1, "layer=-1"),
        (True, "layer=True"),
        ("1", "layer='1'"),
        (1.0, "layer=1.0"),
        (L, "layer=L"),
        (IMPOSTOR["ell"], "layer=ell"),
        ((1, 2), "layer=(1, 2)"),
        (range(1, 3), "layer=range(1, 3)"),
    ],
    ids=str,
)
def test_a_layer_is_refused_by_value(layer: Any, said: str) -> None:
    network = MLP(2, 2)
    with pytest.raises(InvalidArgument) as refused:
        squared_update(network, layer)
    assert said in str(refused.value)
    if layer not in (3, L):
        with pytest.raises(InvalidArgument) as refused:
            squared_update(MLP(), layer)
        assert said in str(refused.value)


@pytest.mark.parametrize("call", [squared_update, maximal_learning_rate])
@pytest.mark.parametrize("network", [3, None, "MLP()", MLP, (2, 2)], ids=str)
def test_what_is_no_network_is_refused(call: Any, network: Any) -> None:
    with pytest.raises(InvalidArgument) as refused:
        call(network)
    assert f"network={network!r}" in str(refused.value)


@pytest.mark.parametrize("observable", [K, D, g, 3, "trace(K)", None], ids=repr)
def test_what_is_no_observable_is_refused(observable: Any) -> None:
    with pytest.raises(InvalidArgument) as refused:
        derive(observable, MLP())
    assert f"observable={observable!r}" in str(refused.value)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: trace(g), "matrix="),  # type: ignore[arg-type]
        (lambda: trace(3), "matrix=3"),  # type: ignore[arg-type]
        (lambda: K**0, "exponent=0"),
        (lambda: trace(K) ** 1.5, "exponent=1.5"),  # type: ignore[operator]
        (lambda: f * "x", "factor='x'"),
        (lambda: f * pi, "factor=pi"),
        (lambda: f + True, "factor=True"),
        (lambda: f / 0, "got 0"),
    ],
)
def test_observables_are_built_from_exact_numbers(build: Any, said: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        build()
    assert said in str(refused.value)


def test_an_unprintable_value_is_still_refused_in_a_sentence() -> None:
    class Silent:
        def __repr__(self) -> str:
            raise RuntimeError

    with pytest.raises(InvalidArgument, match=r"width=<unprintable> \(Silent\)"):
        MLP(Silent())
    with pytest.raises(InvalidArgument, match=r"\.\.\. \(str\)"):
        MLP("9" * 100)


def test_errors_are_of_one_tree() -> None:
    assert issubclass(InvalidArgument, MupDepthError)
    assert issubclass(InvalidArgument, ValueError)
    assert issubclass(NotSolved, MupDepthError)
    assert issubclass(NotSolved, NotImplementedError)
