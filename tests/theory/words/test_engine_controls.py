"""Negative controls: a planted fault in the engine must show against the independent roads."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from types import ModuleType
from typing import Any

import pytest
from sympy import Integer

import theory
from tests.roads.weight_polynomial import expectation, update_parts
from tests.tools.strategies import ONE, THIRD, SmallNetwork, fraction, observable
from theory import derive, squared_update
from theory.networks.activations import Activation
from theory.networks.sites import Site
from theory.solutions.recursion import layer_parameters, start_column, top_row
from theory.words.coefficients import Coefficient, LayerParameters, evaluate
from theory.words.gradients import GradientTerm
from theory.words.layer import _block_masks, _own_shares, _set_partitions
from theory.words.wick import _pairings

NETWORKS = [
    SmallNetwork((2, 1), (ONE, ONE), THIRD, (ONE, Fraction(1, 2)), 1),
    SmallNetwork((1, 2), (ONE,), THIRD, (ONE, Fraction(1, 2)), 2),
    SmallNetwork((2, 2), (ONE, Fraction(-2)), THIRD, (ONE, Fraction(1, 2)), 2),
]
WORDS = (("trace", "KDK"), ("form", ""))

MODULES = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(theory.__path__, "theory.")
    if module.name != "theory.__main__"
]


@cache
def by_the_road(network: SmallNetwork) -> tuple[Fraction, ...]:
    return (*update_parts(**network.road), expectation(WORDS, **network.road))


def by_the_engine(network: SmallNetwork) -> tuple[Fraction, ...]:
    update = squared_update(network.mlp, **network.here)
    mean = derive(observable(WORDS), network.mlp, **network.here)
    values = (update.label.per_eta2, update.output.per_eta2, mean.exact)
    return tuple(map(fraction, values))


def agreements() -> list[bool]:
    return [by_the_engine(network) == by_the_road(network) for network in NETWORKS]


def forget() -> None:
    """Clear every cache of the engine, wherever it is."""
    for module in MODULES:
        for value in vars(module).values():
            if callable(clear := getattr(value, "cache_clear", None)):
                clear()


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """No cache from before reaches a fault, and no cache of a fault reaches another test."""
    forget()
    yield
    forget()


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, Any], None]:
    """Replace a function wherever the engine has imported it."""

    def replace(original: Any, fault: Any) -> None:
        places: list[tuple[ModuleType, str]] = [
            (module, name)
            for module in MODULES
            for name, value in vars(module).items()
            if value is original
        ]
        assert places, f"{original} is not in the engine"
        for module, name in places:
            monkeypatch.setattr(module, name, fault)

    return replace


# Faults, each a wrong version of one line of the derivation


def powers_for_falling_factorials(coefficient: Coefficient, layer: LayerParameters) -> Any:
    """N^r in place of N (N - 1) ... (N - r + 1): distinct neurons may coincide."""
    total = layer.domain.zero
    for term, count in coefficient.items():
        free = {term._replace(neurons=0): count}
        total += evaluate(free, layer) * layer.fan_out**term.neurons
    return total


def one_pairing_short(first: str, others: list[str]) -> list[list[str]]:
    """One of several Wick pairings dropped."""
    results = _pairings(first, others)
    return results[:-1] if len(results) > 1 else results


def only_planar_pairings(first: str, others: list[str]) -> list[list[str]]:
    """The pairings with a string itself, or with the first other: the crossing ones dropped."""
    return _pairings(first, others)[:2]


def no_own_share(graph: Any, blocks: tuple[int, ...]) -> Any:
    return (pair for pair in _own_shares(graph, blocks) if not pair[0])


def own_share_twice(graph: Any, blocks: tuple[int, ...]) -> Any:
    """2 |x|^2 in place of |x|^2."""
    for own, strings in _own_shares(graph, blocks):
        for _ in range(2**own):
            yield own, strings


def masks_without_coincidence(
    masks: list[int], blocks: tuple[int, ...], neurons: int
) -> tuple[int, ...]:
    """E[D^4] taken for E[D^2]^2: the coins of one neuron tossed apart."""
    powers = _block_masks(masks, blocks, neurons)
    return tuple(part for power in powers for part in [2] * (power // 2) + [1] * (power % 2))


def no_coincidences(size: int) -> Iterator[tuple[int, ...]]:
    """All neurons of a sum taken as distinct."""
    yield max(_set_partitions(size), key=lambda blocks: max(blocks, default=-1))


def variance_by_fan_out(domain: Any, site: Site) -> Any:
    """c/fan_out in place of c/fan_in."""
    (edge,) = site.edges
    swapped = replace(edge, variance=edge.variance * edge.fan_in / site.width)
    return layer_parameters(domain, replace(site, edges=(swapped,)))


def standard_readout(term: GradientTerm, word_maps: Any, readout: Any, domain: Any) -> Any:
    """v_j ~ N(0, 1/n_L) in place of N(0, 1/n_L^2), for widths from 2."""
    return top_row(term, word_maps, readout * 2, domain)


def input_without_norm(words: Any, norm2: Any, domain: Any) -> Any:
    """|x|^2 = 1 whatever the input."""
    return start_column(words, domain.one, domain)


FAULTS = [
    (evaluate, powers_for_falling_factorials),
    (_pairings, one_pairing_short),
    (_pairings, only_planar_pairings),
    (_own_shares, no_own_share),
    (_own_shares, own_share_twice),
    (_block_masks, masks_without_coincidence),
    (_set_partitions, no_coincidences),
    (layer_parameters, variance_by_fan_out),
    (top_row, standard_readout),
    (start_column, input_without_norm),
]


@pytest.mark.parametrize(("original", "fault"), FAULTS, ids=lambda f: f.__name__)
def test_a_planted_fault_is_seen(
    original: Any, fault: Any, plant: Callable[[Any, Any], None]
) -> None:
    plant(original, fault)
    assert not all(agreements())


def test_a_wrong_mask_moment_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Activation.mask_moment

    def fourth_is_second_squared(self: Activation, power: int) -> Any:
        return right(self, 2) ** (power // 2) if power > 2 else right(self, power)

    monkeypatch.setattr(Activation, "mask_moment", fourth_is_second_squared)
    assert not all(agreements())


def test_a_variance_of_two_for_every_slope_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Activation, "critical_variance", lambda _: Integer(2))
    assert not all(agreements())


def test_the_engine_as_it_is_agrees() -> None:
    assert all(agreements())


def test_the_caches_are_found() -> None:
    """Four caches at least: Wick sums, layers, structures and recursions."""
    agreements()
    caches = {
        f"{module.__name__}.{name}": value.cache_info().currsize
        for module in MODULES
        for name, value in vars(module).items()
        if hasattr(value, "cache_info")
    }
    assert {
        "theory.words.wick.contract",
        "theory.words.layer.word_below",
        "theory.words.word_maps.word_maps",
    } <= {name for name, size in caches.items() if size}
    forget()
    assert by_the_engine(NETWORKS[0]) == by_the_road(NETWORKS[0])


def test_a_fault_leaves_nothing_behind() -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in MODULES:
            if vars(module).get("_pairings") is _pairings:
                patch.setattr(module, "_pairings", one_pairing_short)
        assert not all(agreements())
    forget()
    assert all(agreements())
