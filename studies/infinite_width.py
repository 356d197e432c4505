"""This study compares laws in the depth, recursions, and finite networks of three widths.

``make infinite-width`` or ``python -m studies.infinite_width`` covers each activation class,
optimiser and architecture, and real steps of deep ReLU networks.  It prints the tables of
docs/infinite-width.md and keeps the numbers in studies/infinite_width.json.  The exit code is 1
where networks reject a recursion, at a family-wise 1 % over all cells.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from math import exp, log
from pathlib import Path
from typing import Any, cast

from scipy.stats import norm
from sympy import Float, sympify

from theory import (
    GELU,
    MLP,
    ActivatedThenWeights,
    Activation,
    ByRole,
    GradientDescent,
    Inputs,
    LayerNorm,
    Normalised,
    NotSolved,
    Residual,
    RMSNorm,
    SignDescent,
    Softsign,
    Tanh,
    WeightsThenActivated,
    critical,
    maximal_learning_rate,
    squared_update,
)
from theory.infinite_width.laws import DepthLaw
from theory.infinite_width.wide_update import WideUpdate
from theory.optimisers import Optimiser
from verify import InfiniteWidthComparison, compare_infinite_width
from verify.numerics.streams import derived_seed

__all__ = [
    "NETWORKS",
    "OPTIMISERS",
    "LawRow",
    "Measured",
    "StepRow",
    "critical_z",
    "kept_rows",
    "law_rows",
    "main",
    "print_laws",
    "print_steps",
    "residual_rows",
    "step_rows",
]

RESULTS = Path(__file__).with_name("infinite_width.json")
SEED, LEVEL, TOLERANCE = 20, 0.01, "0.1"
DEPTH, WIDTHS, SAMPLES = 10, (1000, 2000, 4000), 400
"""The depth, widths and samples of the networks of a law."""
DEEP = {"power": 10**5, "constant": 10**5, "exponential": 400}
"""Layers at which each kind of law is compared with its recursion."""
_WIDTHS = (20_000, 40_000, 80_000)
STEPS: dict[tuple[int, str], tuple[int, tuple[int, ...]]] = {
    (16, "linearised"): (200, _WIDTHS),
    (16, "real"): (200, _WIDTHS),
    (64, "linearised"): (100, _WIDTHS),
    (64, "real"): (100, _WIDTHS),
    (256, "linearised"): (64, _WIDTHS),
    (256, "real"): (64, (*_WIDTHS, 160_000)),
}
"""Networks of each width that take a real step, by depth and kind of the maximal rate."""

BLOCKS = 1024
"""Blocks of the residual networks that are compared with their law."""

_EDGE = critical(GELU()).edge(16)
NETWORKS: dict[tuple[str, str], MLP] = {
    ("ReLU", "plain"): MLP(),
    ("ReLU", "drawn biases, variance 1/4"): MLP(bias_variance="1/4"),
    ("tanh", "stable edge, biases 1/10"): MLP(activation=Tanh(), bias_variance="1/10"),
    ("GELU", "stable edge, Q* = 16"): MLP(
        activation=GELU(),
        weight_variance=_EDGE.weight_variance,
        bias_variance=_EDGE.bias_variance,
    ),
    ("tanh", "Q* = 0"): MLP(activation=Tanh()),
    ("softsign", "Q* = 0"): MLP(activation=Softsign()),
    ("z/(1 + z^4)^(1/4)", "Q* = 0"): MLP(activation=Activation("z/(1 + z**4)**(1/4)")),
    ("tanh", "ordered, variance 1/2, biases 1/10"): MLP(
        activation=Tanh(), weight_variance="1/2", bias_variance="1/10"
    ),
    ("tanh", "chaotic, variance 3"): MLP(activation=Tanh(), weight_variance=3),
    ("ReLU", "RMSNorm before weights"): MLP(norm=RMSNorm()),
    ("tanh", "RMSNorm before weights"): MLP(activation=Tanh(), norm=RMSNorm()),
    ("ReLU", "LayerNorm before weights"): MLP(norm=LayerNorm()),
    ("ReLU", "LayerNorm before activation"): MLP(norm=LayerNorm("activation")),
}
RESIDUALS: dict[tuple[str, str], Residual] = {
    ("ReLU", "residual W φ(U h)"): Residual(),
    ("tanh", "residual W φ(U h)"): Residual(activation=Tanh()),
    ("ReLU", "residual W φ(U h), RMSNorm at the entry"): Residual(norm=RMSNorm()),
    ("GELU", "residual W φ(U h), RMSNorm at the entry"): Residual(
        activation=GELU(), norm=RMSNorm(), weight_variance=ByRole(up=2)
    ),
    ("ReLU", "residual W φ(h)"): Residual(branch=ActivatedThenWeights()),
    ("tanh", "residual W φ(h)"): Residual(activation=Tanh(), branch=ActivatedThenWeights()),
    ("tanh", "residual φ(W h)"): Residual(activation=Tanh(), branch=WeightsThenActivated()),
}
OPTIMISERS: dict[str, Optimiser] = {
    "gradient": GradientDescent(),
    "normalised": Normalised(),
    "sign": SignDescent(),
}


@dataclass(frozen=True)
class Measured:
    """Networks of three widths, extrapolated to n = infinity: ``value``, its standard ``error``,
    and the distance ``z`` to the recursion's ``expected``; ``correction``: c of E (1 + c/n);
    ``enough``: the width from which networks are within 10 % of the recursion."""

    expected: float
    value: float
    error: float
    z: float
    correction: float
    enough: float


@dataclass(frozen=True)
class LawRow:
    """A law ``constant`` * ``base``^L * L^``exponent`` (of sign descent over n^2), the depth from
    which it ``holds`` to 10 %, and the recursion over it in a ``deep`` network."""

    activation: str
    architecture: str
    optimiser: str
    constant: str
    exponent: str
    base: str
    regime: str
    holds: int | None
    deep: float
    networks: Measured | None


@dataclass(frozen=True)
class StepRow:
    """Real steps at the maximal ``rate`` of ``kind`` "linearised" or "real": their mean square at
    the least width with its standard error, and `Measured` over all, as E (z' - z)^2."""

    depth: int
    kind: str
    rate: float
    first: tuple[float, float]
    networks: Measured


def law_rows() -> Iterator[LawRow]:
    """Every network with every optimiser that is solved there."""
    cells = [(names, network, rule) for names, network in NETWORKS.items() for rule in OPTIMISERS]
    for index, ((activation, architecture), network, rule) in enumerate(cells):
        given: dict[str, Any] = {"inputs": Inputs(), "optimiser": OPTIMISERS[rule]}
        try:
            update = squared_update(network, **given)
            law = update.depth_law
        except NotSolved:
            continue
        yield LawRow(
            activation,
            architecture,
            rule,
            str(law.constant),
            str(law.exponent),
            str(law.base),
            law.regime.partition("; ")[2],
            _holds_from(update),
            _deep_ratio(update, law),
            _networks_of(squared_update(network._with(depth=DEPTH), **given), index),
        )


def residual_rows() -> Iterator[LawRow]:
    """Residual networks with multiplier 1/sqrt(B): the stream after the last block."""
    cells = [(names, network, rule) for names, network in RESIDUALS.items() for rule in OPTIMISERS]
    for index, (names, network, rule) in enumerate(cells):
        try:
            yield _residual_row(names, network, rule, index)
        except NotSolved:
            continue


def _residual_row(names: tuple[str, str], network: Residual, rule: str, index: int) -> LawRow:
    given: dict[str, Any] = {"inputs": Inputs(), "optimiser": OPTIMISERS[rule]}

    def update(blocks: int) -> WideUpdate:
        return cast(WideUpdate, squared_update(network._with(blocks=blocks), **given))

    law = squared_update(network, **given).depth_law
    constant, power = float(law.constant), int(law.exponent)

    def ratio(blocks: int) -> float:
        return float(update(blocks).infinite_width() / (constant * blocks**power))

    return LawRow(
        *names,
        optimiser=rule,
        constant=f"{constant:.10g}",
        exponent=str(power),
        base="1",
        regime="multiplier 1/√B; E in the stream after the last of L = B blocks",
        holds=_first_within(ratio),
        deep=ratio(BLOCKS),
        networks=_networks_of(update(DEPTH), 500 + index),
    )


def _first_within(ratio: Callable[[int], float]) -> int | None:
    """The number of blocks from which ``ratio``, which tends to 1 steadily, is within 10 % of 1;
    None where it is above `BLOCKS`."""
    below, within = 0, BLOCKS
    if abs(ratio(within) - 1) > float(TOLERANCE):
        return None
    while within - below > 1:
        middle = (below + within) // 2
        if abs(ratio(middle) - 1) <= float(TOLERANCE):
            within = middle
        else:
            below = middle
    return within


def _networks_of(update: WideUpdate, cell: int) -> Measured:
    """Networks of the study's widths against ``update``."""
    seed = derived_seed(SEED, cell)
    return _measured(compare_infinite_width(update, widths=WIDTHS, samples=SAMPLES, seed=seed))


def _holds_from(update: WideUpdate) -> int | None:
    try:
        return update.law_holds_from(TOLERANCE)
    except NotSolved:
        return None


def _deep_ratio(update: WideUpdate, law: DepthLaw) -> float:
    """The recursion over the law."""
    depth = DEEP[law.kind]
    value = float(update.infinite_width(depth))
    logs = float(law.constant), float(law.base), float(law.exponent)
    return exp(log(value) - log(logs[0]) - depth * log(logs[1]) - logs[2] * log(depth))


def _measured(found: InfiniteWidthComparison, scale: float = 1.0) -> Measured:
    return Measured(
        scale * found.expected,
        scale * found.value,
        scale * found.standard_error,
        found.z,
        found.correction,
        found.width_within(float(TOLERANCE)),
    )


def step_rows() -> Iterator[StepRow]:
    """Real steps of deep ReLU networks at both maximal rates."""
    for (depth, kind), (samples, widths) in STEPS.items():
        network, linearised = MLP(depth=depth), kind == "linearised"
        rate = float(maximal_learning_rate(network, inputs=Inputs(), linearised=linearised))
        found = compare_infinite_width(
            squared_update(network, step=rate),
            widths=widths,
            samples=samples,
            seed=derived_seed(SEED, 1000 + 2 * depth + linearised),
        )
        first = found.estimates[0].total
        least = (rate**2 * float(first.mean), rate**2 * float(first.standard_error))
        yield StepRow(depth, kind, rate, least, _measured(found, rate**2))


def critical_z(cells: int) -> float:
    """|z| that one of so many true cells exceeds with a chance of 1 %, at most."""
    return float(norm.isf(LEVEL / 2 / cells))


def print_laws(rows: Sequence[LawRow]) -> None:
    """Print each network, where its law holds, and a line for each optimiser."""
    line = "  {:<11} {:<20} {:<13} {:>11} {:>13} {:>11} {:>11}".format
    heads = ("optimiser", "constant", "growth", "10 % from L", "E/law at 10⁵", "z, 10 layers")
    print(line(*heads, "10 % from n"))
    print("─" * 99)
    for (activation, architecture), group in groupby(
        rows, lambda row: (row.activation, row.architecture)
    ):
        several = list(group)
        print(f"{activation}, {architecture}: {several[0].regime}")
        for row in several:
            holds = "-" if row.holds is None else f"{row.holds:,}"
            deep, found = f"{row.deep:.4f}", row.networks
            z, enough = (f"{found.z:+.2f}", f"{found.enough:,.0f}") if found else ("-", "-")
            print(
                line(
                    row.optimiser,
                    _constant(row.constant),
                    _growth(row),
                    holds,
                    deep if row.base == "1" else f"({deep})",
                    z,
                    enough,
                )
            )


def _constant(text: str) -> str:
    value = sympify(text)
    return f"{float(value):.6g}" if value.has(Float) else text.replace("**", "^")


def _growth(row: LawRow) -> str:
    power = {"0": "1", "1": "L"}.get(row.exponent, f"L^{row.exponent}")
    if "/" in power:
        power = f"L^({row.exponent})"
    return power if row.base == "1" else f"{power} {float(sympify(row.base)):.4f}^L"


def print_steps(rows: Sequence[StepRow]) -> None:
    """Print E (z' - z)^2 of real steps, from the recursion and of networks."""
    line = "{:>5}  {:<11} {:>9} {:>12} {:>15} {:>15} {:>6}".format
    print(line("depth", "rate of the", "rate", "at n = ∞", "width 20,000", "extrapolated", "z"))
    print("─" * 79)
    for row in rows:
        found, (mean, error) = row.networks, row.first
        print(
            line(
                row.depth,
                f"{row.kind[:6]} step" if row.kind == "real" else "linearised",
                f"{row.rate:.3g}",
                f"{found.expected:.4f}",
                f"{mean:.3f} ± {error:.3f}",
                f"{found.value:.3f} ± {found.error:.3f}",
                f"{found.z:+.2f}",
            )
        )


def kept_rows() -> tuple[list[LawRow], list[StepRow]]:
    """The rows of the last study, from `RESULTS`."""
    record = json.loads(RESULTS.read_text(encoding="utf-8"))
    laws = [LawRow(**(each | _networks(each))) for each in record["laws"]]
    steps = [StepRow(**(each | _networks(each))) for each in record["steps"]]
    return laws, [replace(each, first=(each.first[0], each.first[1])) for each in steps]


def _networks(record: dict[str, Any]) -> dict[str, Any]:
    found = record["networks"]
    return {"networks": found and Measured(**found)}


def main() -> int:
    """Run the study; the exit code."""
    laws, steps = [*_told(law_rows()), *_told(residual_rows())], list(_told(step_rows()))
    print_laws(laws)
    print_steps(steps)
    record = {"laws": [asdict(row) for row in laws], "steps": [asdict(row) for row in steps]}
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    every = [row.networks.z for row in (*laws, *steps) if row.networks]
    return int(max(map(abs, every)) > critical_z(len(every)))


def _told(rows: Iterator[Any]) -> Iterator[Any]:
    for row in rows:
        print(".", end="", file=sys.stderr, flush=True)
        yield row


if __name__ == "__main__":
    sys.exit(main())
