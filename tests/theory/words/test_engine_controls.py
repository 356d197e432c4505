"""Negative controls: a planted fault in the engine must show against the independent roads."""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from math import prod
from types import ModuleType
from typing import Any

import pytest
from sympy import Integer

import theory
from tests.roads.literal_sites import literal_residual
from tests.roads.site_polynomial import site_update
from tests.roads.weight_polynomial import expectation, update_parts
from tests.tools.strategies import ONE, THIRD, SmallNetwork, fraction, observable, rational
from theory import LeakyReLU, derive, squared_update
from theory.activations import PiecewiseLinear
from theory.exact.recursion import start_column, top_row
from theory.networks.residual import Residual
from theory.networks.roles import Branch, ByRole
from theory.networks.sites import Cell, Step
from theory.words.coefficients import Coefficient, StepParameters, evaluate
from theory.words.gradients import GradientTerm
from theory.words.letters import junction, masks_of, site_of
from theory.words.shapes import step_parameters
from theory.words.step import _on_neurons, _own_shares, _read
from theory.words.wick import _merged, _pairings

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


TAU = Fraction(1, 2)
RATES = ByRole(up="1/2", down=3)
BLOCKS = Residual(
    1, 2, branch_width=2, input_width=1, activation=LeakyReLU("1/3"), multiplier2=rational(TAU**2)
)


@cache
def blocks_by_the_road() -> tuple[tuple[Fraction, Fraction], ...]:
    """Stream and branch of two blocks with two neurons in each branch."""
    sites = literal_residual(BLOCKS, 1, TAU, ONE, RATES)
    return tuple(site_update(sites, {"x": (ONE,)}, name) for name in ("1", "2", "branch 2"))


def blocks_agree() -> bool:
    updates = (squared_update(BLOCKS, layer, RATES) for layer in (1, 2, Branch(2)))
    parts = ((each.label.per_eta2, each.output.per_eta2) for each in updates)
    return tuple(tuple(map(fraction, pair)) for pair in parts) == blocks_by_the_road()


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


def powers_for_falling_factorials(coefficient: Coefficient, step: StepParameters) -> Any:
    """N^r in place of N (N - 1) ... (N - r + 1): distinct neurons may coincide."""
    total = step.domain.zero
    for term, count in coefficient.items():
        apart = tuple((site, 0, masks) for site, _, masks in term.coins)
        powers = prod((step.widths[site] ** neurons for site, neurons, _ in term.coins))
        total += evaluate({term._replace(coins=apart): count}, step) * powers
    return total


def one_pairing_short(first: str, others: list[str]) -> list[list[str]]:
    """One of several Wick pairings dropped."""
    results = list(_pairings(first, others))
    return results[:-1] if len(results) > 1 else results


def only_planar_pairings(first: str, others: list[str]) -> list[list[str]]:
    """The pairings with a factor itself, or with the first other: the crossing ones dropped."""
    return list(_pairings(first, others))[:2]


def no_own_share(*letter: Any) -> Iterator[Any]:
    yield from ()


def own_share_twice(*letter: Any) -> Iterator[Any]:
    """2 |x|^2 in place of |x|^2."""
    for part in _own_shares(*letter):
        yield from (part, part)


def own_share_of_open_masks(*letter: Any) -> Iterator[Any]:
    """|x|^2 in place of |x|^2 D^2: for the U of a block, W W^T in place of W D^2 W^T."""
    for part in _own_shares(*letter):
        yield part._replace(text=junction(site_of(part.text), 0))


def no_own_share_of_masked_sites(kind: int, left: int, right: int, step: Any) -> Iterator[Any]:
    """No W D^2 W^T at all: U is not trained."""
    if not any(site.masked for site in step):
        yield from _own_shares(kind, left, right, step)


def coins_tossed_apart(site: int, powers: list[int]) -> Any:
    """E[D^4] taken for E[D^2]^2: the coins of one neuron tossed apart."""
    total: Counter[Any] = Counter()
    for (_, neurons, masks), count in _on_neurons(site, powers).items():
        apart = (part for p in masks for part in [2] * (p // 2) + [1] * (p % 2))
        total[site, neurons, tuple(apart)] += count
    return total


def no_coincidences(site: int, powers: list[int]) -> Any:
    """All neurons of a sum taken as distinct."""
    return {(site, len(powers), tuple(filter(None, powers))): 1}


def one_mask_where_two_meet(one: str, other: str) -> str:
    """D D taken for D: right for ReLU, whose coins are 0 and 1."""
    return junction(site_of(one), max(masks_of(one), masks_of(other)))


def no_links(face: int, step: Any) -> Any:
    """The skip left out wherever the stream is read."""
    read = _read(face, step)
    return [each for each in read if not each[2]] or read


def variance_by_fan_out(domain: Any, step: Step, numbers: Any) -> Any:
    """c/fan_out in place of c/fan_in."""

    def swapped(site: Any) -> Any:
        edges = (replace(e, variance=e.variance * e.fan_in / site.width) for e in site.edges)
        return replace(site, edges=tuple(edges))

    return step_parameters(domain, tuple(map(swapped, step)), numbers)


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
    (_own_shares, own_share_of_open_masks),
    (_on_neurons, coins_tossed_apart),
    (_on_neurons, no_coincidences),
    (_merged, one_mask_where_two_meet),
    (step_parameters, variance_by_fan_out),
    (top_row, standard_readout),
    (start_column, input_without_norm),
]
FAULTS_OF_BLOCKS = [
    (_own_shares, no_own_share_of_masked_sites),
    (_own_shares, own_share_of_open_masks),
    (_on_neurons, coins_tossed_apart),
    (_on_neurons, no_coincidences),
    (_merged, one_mask_where_two_meet),
    (_pairings, one_pairing_short),
    (_read, no_links),
]


@pytest.mark.wide
@pytest.mark.parametrize(("original", "fault"), FAULTS, ids=lambda f: f.__name__)
def test_a_planted_fault_is_seen(
    original: Any, fault: Any, plant: Callable[[Any, Any], None]
) -> None:
    plant(original, fault)
    assert not all(agreements())


@pytest.mark.slow
@pytest.mark.parametrize(("original", "fault"), FAULTS_OF_BLOCKS, ids=lambda f: f.__name__)
def test_a_planted_fault_is_seen_by_residual_blocks(
    original: Any, fault: Any, plant: Callable[[Any, Any], None]
) -> None:
    plant(original, fault)
    assert not blocks_agree()


@pytest.mark.slow
def test_a_multiplier_that_enters_own_shares_once_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Residual._block

    def once(self: Residual, rates: ByRole = ByRole(1, 1, 1)) -> Cell:  # noqa: B008
        """tau in place of tau^2 in the own share of W."""
        branch, (stream,) = right(self, rates)
        (back,) = stream.edges
        edges = (replace(back, rate=back.rate / rational(TAU)),)
        return branch, (replace(stream, edges=edges),)

    monkeypatch.setattr(Residual, "_block", once)
    assert not blocks_agree()


def test_a_wrong_mask_moment_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = PiecewiseLinear.mask_moment

    def fourth_is_second_squared(self: PiecewiseLinear, power: int) -> Any:
        return right(self, 2) ** (power // 2) if power > 2 else right(self, power)

    monkeypatch.setattr(PiecewiseLinear, "mask_moment", fourth_is_second_squared)
    assert not all(agreements())


def test_a_variance_of_two_for_every_slope_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    two = "theory.networks.network.critical_weight_variance"
    monkeypatch.setattr(two, lambda *_: Integer(2))
    assert not all(agreements())


def test_the_engine_as_it_is_agrees() -> None:
    assert all(agreements())
    assert blocks_agree()


def test_the_caches_are_found() -> None:
    """Three caches at least: Wick sums, steps and derivations before sizes."""
    agreements()
    caches = {
        f"{module.__name__}.{name}": value.cache_info().currsize
        for module in MODULES
        for name, value in vars(module).items()
        if hasattr(value, "cache_info")
    }
    assert {
        "theory.words.wick.contract",
        "theory.words.step.word_below",
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
