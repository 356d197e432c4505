"""Observables that are odd in the readout have mean 0: by the symmetry v -> -v, not by degree."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Integer

from tests.tools.strategies import generated
from theory import MLP, LeakyReLU, NotSolved, derive
from theory.observables import D, K, Observable, f, g, trace, x, z
from theory.symbols import ell, n

NETWORKS = [MLP(), MLP(width=16), MLP(depth=3), MLP(width=10, depth=5), MLP((3, 2))]
FACTORS = [f, g @ K @ g, g @ z, g @ g, trace(K), z @ K @ z, x @ x, g @ D @ g, trace(K @ D)]


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
@pytest.mark.parametrize("observable", [f, f**3, f * trace(K), f * (g @ K @ g), f - f], ids=repr)
def test_the_mean_is_0_and_the_text_says_why(network: MLP, observable: Observable) -> None:
    odd = derive(observable, network)
    assert odd.exact == 0
    assert odd.leading() == 0
    assert odd.vanishes
    sizes = {str(symbol): 3 for symbol in odd.open_sizes}
    assert odd.at(**sizes).evaluate() == 0 == odd(**sizes)
    why = "odd in the readout v, and v and -v are equally likely" if observable.terms else "is 0"
    assert repr(odd).endswith(why)
    assert "0, since" in odd._repr_markdown_()
    assert odd.words == ()
    with pytest.raises(NotSolved):
        _ = odd.closed_form
    with pytest.raises(NotSolved):
        _ = odd.law


def test_parity_is_in_v_and_not_in_the_degree() -> None:
    assert derive(f * (g @ z), MLP()).exact == 1 / n
    assert derive(f * (g @ z), MLP(10, 5)).exact == Integer(1) / 10
    assert not derive(f * (g @ z), MLP()).vanishes


def test_odd_terms_leave_the_others_as_they_are() -> None:
    for network in NETWORKS:
        alone, mixed = derive(trace(K), network), derive(trace(K) + f - 2 * f**3, network)
        if not isinstance(network.width, tuple):
            assert mixed.exact == alone.exact
        sizes = {str(symbol): 4 for symbol in alone.open_sizes}
        assert mixed(**sizes) == alone(**sizes)
    assert derive(trace(K) + f, MLP(), layer=ell).law.polynomial == ell


def numeric(observable: Observable, readout: np.ndarray) -> float:
    """An observable of one small network at its last layer, from the weights themselves."""
    stream = np.random.default_rng(3)
    first, second = stream.normal(size=(4, 5)), stream.normal(size=(5, 4))
    below = np.maximum(first @ np.ones(5), 0)
    pre = second @ below
    mask = np.diag((pre > 0).astype(float))
    through = second @ np.diag((below > 0).astype(float))
    kernel = below @ below * np.eye(5) + 5 * through @ through.T
    values = {"K": kernel, "D": mask, "z": pre, "g": mask @ readout}

    def factor(letters: str) -> float:
        if letters[0].isupper():
            return float(np.trace(np.linalg.multi_dot([np.eye(5), *(values[s] for s in letters)])))
        inner = [values[letter] for letter in letters]
        product = inner[0]
        for each in inner[1:]:
            product = product @ each
        return float(product)

    return sum(
        float(c) * float(np.prod([factor(each) for each in word])) for word, c in observable.terms
    )


@generated(60)
@given(st.lists(st.sampled_from(FACTORS), min_size=1, max_size=3))
def test_what_vanishes_is_what_turns_its_sign_with_v(factors: list[Observable]) -> None:
    product = factors[0]
    for each in factors[1:]:
        product = product * each
    readout = np.array([0.3, -1.1, 0.7, 0.2, -0.5])
    one, two = numeric(product, readout), numeric(product, -readout)
    derived = derive(product, MLP(3, 2, activation=LeakyReLU("0.5")))
    if abs(one) > 1e-9:
        assert derived.vanishes == (abs(one + two) < 1e-9 * abs(one))
    assert (derived.exact == 0) == derived.vanishes
