"""Means of `Dense` on residual networks, graphs and convolutions, against exact values of an
independent calculation; laws that are wrong in one place are rejected.

One family-wise budget of 1 % covers every comparison of this file.
"""

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.stats import norm

from theory import LeakyReLU, Linear, ReLU, squared_update
from theory.networks.convolution import Convolution
from theory.networks.graph import Graph
from theory.networks.network import Network
from theory.networks.residual import Residual
from theory.networks.roles import Branch, ByRole
from verify import Dense, monte_carlo

VALUES = json.loads(
    (Path(__file__).parents[2] / "roads" / "network_values.json").read_text(encoding="utf-8")
)
SAMPLES, LARGEST_SPREAD = 20_000, 26
"""Networks, and the most that one plus their squared relative spread may be: the output part has
heavy tails in narrow networks (140 at width 10 and 3 blocks), where no z is normal."""


class Cell(NamedTuple):
    """What is measured, and the exact label and output part at eta = 1."""

    network: Network
    places: list[Any]
    rates: Any
    exact: list[tuple[Fraction, Fraction]]


def residual_cells() -> Iterator[Cell]:
    runs: dict[str, list[Any]] = {}
    for entry in VALUES["residual"]:
        runs.setdefault(json.dumps(entry["network"]), []).append(entry)
    for text, entries in runs.items():
        given = json.loads(text)
        slope, rates = given.pop("slope", "0"), given.pop("rates", (1, 1, 1))
        variances = ByRole(*(given.pop(name, None) for name in ("input", "up", "down")))
        activation = LeakyReLU(slope) if slope != "0" else ReLU()
        network = Residual(**given, activation=activation, weight_variance=variances)
        places = [Branch(e["block"]) if e["branch"] else e["block"] for e in entries]
        yield Cell(network, places, ByRole(*rates), [parts_of(entry) for entry in entries])


def other_cells() -> Iterator[Cell]:
    network: Network
    for entry in VALUES["graph"]:
        given = entry["network"]
        network = Graph(given.pop("vertices"), **given | {"readout": tuple(given["readout"])})
        yield Cell(network, list(entry["values"]), None, [*map(parts_of, entry["values"].values())])
    for entry in VALUES["convolution"]:
        given, fan_in = entry["network"], entry["network"]["input_channels"]
        given["gram"] = [[Fraction(each, fan_in) for each in row] for row in given["gram"]]
        network = Convolution(**given, activation=Linear())
        places = [tuple(map(int, name.split(","))) for name in entry["values"]]
        yield Cell(network, places, None, [*map(parts_of, entry["values"].values())])


def parts_of(entry: dict[str, str]) -> tuple[Fraction, Fraction]:
    return Fraction(entry["label"]), Fraction(entry["output"])


CELLS = [*residual_cells(), *other_cells()]
WRONG = ["independent coins", "no W D^2 W^T", "multiplier once"]
BUDGET = 0.01
LARGEST_Z = norm.isf(BUDGET / 2 / (2 * sum(len(cell.places) for cell in CELLS) + 3 + len(WRONG)))


@pytest.mark.parametrize(
    "number", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, len(CELLS)))]
)
def test_measured_means_are_the_exact_ones(number: int) -> None:
    cell = CELLS[number]
    measured = monte_carlo(
        cell.network,
        layer=cell.places,
        rates=cell.rates,
        samples=SAMPLES,
        seed=19,
        sampler=Dense(),
    )
    exact = np.array(cell.exact, dtype=float).T
    for part, values in zip((measured.label, measured.output), exact, strict=True):
        assert np.min(part.effective_samples) > SAMPLES / LARGEST_SPREAD, "too heavy tails for z"
        z = (part.mean - values) / part.standard_error
        assert np.max(np.abs(z)) < LARGEST_Z, (cell, values, part.mean, part.standard_error, z)


N, BLOCKS, TAU2 = 6, 3, 0.25


def label_parts(wrong: str, samples: int = SAMPLES) -> np.ndarray:
    """Label parts of the last stream from K' = J K J^T + tau^2 (r_W |a|^2 + r_U |h|^2 W D^2 W^T),
    J = 1 + tau W D U, in plain NumPy, with one mistake."""
    rng = np.random.default_rng(19)

    def draw(variance: float, *shape: int) -> Any:
        return rng.normal(0, variance**0.5, (samples, *shape))

    h = draw(1 / N, N, N).sum(axis=2)
    kernel: Any = np.broadcast_to(N * np.eye(N), (samples, N, N))
    share = TAU2**0.5 if wrong == "multiplier once" else TAU2
    for _ in range(BLOCKS):
        up, down = draw(2 / N, N, N), draw(1 / N, N, N)
        z = np.einsum("sij,sj->si", up, h)
        on = (z > 0).astype(float)
        coins = rng.integers(0, 2, on.shape) if wrong == "independent coins" else on
        left, right = (np.eye(N) + TAU2**0.5 * (down * mask[:, None]) @ up for mask in (on, coins))
        back = down * on[:, None]
        outer = np.eye(N) if wrong == "no W D^2 W^T" else back @ back.swapaxes(1, 2)
        active = ((on * z) ** 2).sum(axis=1)[:, None, None] * np.eye(N)
        kernel = left @ kernel @ right.swapaxes(1, 2)
        kernel = kernel + share * (active + (h**2).sum(axis=1)[:, None, None] * outer)
        h = h + TAU2**0.5 * np.einsum("sij,sj->si", down, on * z)
    update = np.einsum("sij,sj->si", kernel, draw(1 / N**2, N))
    return (update**2).mean(axis=1)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["", *WRONG])
def test_wrong_laws_are_rejected_and_the_right_one_is_not(wrong: str) -> None:
    network = Residual(N, BLOCKS, multiplier2=Fraction(1, 4))
    measured = monte_carlo(network, samples=SAMPLES, seed=20, sampler=Dense()).label
    other = label_parts(wrong)
    error = np.hypot(measured.standard_error, other.std() / SAMPLES**0.5)
    z = (other.mean() - measured.mean) / error
    assert (abs(z) > LARGEST_Z) == bool(wrong), (wrong, z, other.mean(), measured)


@pytest.mark.slow
def test_the_sum_over_paths_is_rejected_for_parallel_chains() -> None:
    """Two chains of four edges that end in one vertex: the sum of cubes says twice one chain."""
    two = {"a": ("x",), "b": ("a",), "c": ("b",), "d": ("x",), "e": ("d",), "f": ("e",)}
    chain, merged = (
        Graph(vertices | {"end": ends}, readout="end", width=16)
        for vertices, ends in (({k: two[k] for k in "abc"}, ("c",)), (two, ("c", "f")))
    )
    measured = monte_carlo(merged, samples=SAMPLES, seed=21, sampler=Dense()).label
    right, one = (squared_update(each).label.value for each in (merged, chain))
    z, wrong = ((measured.mean - law) / measured.standard_error for law in (right, 2 * one))
    assert abs(z) < LARGEST_Z < abs(wrong)
