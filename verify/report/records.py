"""Finished runs as they were written, read back as typed values; what is undefined is None.

A record may come from someone else: every value is checked, networks and samplers are rebuilt from
the numbers of a cell's configuration, and no text of it is shown as code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log
from typing import Any

from verify.report.fields import (
    chance,
    formula_fields,
    index_of,
    logarithm,
    number,
    optional,
    positive,
    seed_of,
    size,
    text_of,
    true_or_false,
)
from verify.report.laws import MeasuredLaw
from verify.report.recorded_network import RecordedNetwork

__all__ = [
    "MOST_CELLS",
    "Cell",
    "Counterexample",
    "FormulaRun",
    "PowerFit",
    "Run",
    "TooManyCells",
    "read_record",
]

MOST_CELLS = 2000
"""Cells of a run that a page can show."""


class TooManyCells(ValueError):
    """A record of a run with more cells than a page can show."""


@dataclass(frozen=True)
class Cell:
    """One network of a grid, measured: logarithms are natural, of E[(Delta z)^2] at eta = 1.

    ``error``: standard error over the exact mean.  ``median``: of single networks.
    ``effective``: effective samples over samples.
    """

    network: str
    width: int
    depth: int
    layer: int
    sampler: str
    samples: int
    seed: int
    log_law: float
    log_exact: float
    log_mean: float | None
    error: float | None
    median: float | None
    effective: float | None
    z: float | None
    decides: bool
    allowance: float = 0.0

    @property
    def ratio(self) -> float:
        """Depth over width."""
        return self.depth / self.width

    @property
    def plain(self) -> bool:
        """Whether it is the network of the law: ReLU, and nothing but width and depth chosen."""
        return self.network == f"MLP(width={self.width}, depth={self.depth})"

    @property
    def measured(self) -> bool:
        """Whether there is a mean with a standard error."""
        return self.log_mean is not None and self.error is not None and self.z is not None

    @property
    def over_exact(self) -> float | None:
        """The measured mean over the exact one."""
        return None if self.log_mean is None else _exp(self.log_mean - self.log_exact)

    @property
    def relative_error(self) -> float | None:
        """The standard error over the measured mean."""
        mean = self.over_exact
        return None if mean is None or not mean or self.error is None else self.error / mean

    @property
    def median_over_exact(self) -> float | None:
        """The median network's update over the exact mean; 0 where it is dead."""
        if self.median is None:
            return None
        return _exp(log(self.median) - self.log_exact) if self.median > 0 else 0.0

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Cell:
        """The cell of a record."""
        total, samples = record["measured"]["total"], size(record["samples"])
        effective = optional(number, total["effective_samples"])
        drawn = RecordedNetwork.of(record)
        return cls(
            network=drawn.network,
            width=drawn.width,
            depth=drawn.depth,
            layer=drawn.layer,
            sampler=drawn.sampler,
            samples=samples,
            seed=seed_of(record["seed"]),
            log_law=logarithm(record["log_law"]),
            log_exact=logarithm(record["log_exact"]),
            log_mean=optional(logarithm, total["log_mean"]),
            error=optional(positive, record["relative_standard_error"]),
            median=optional(number, total["median"]),
            effective=None if effective is None else effective / samples,
            z=optional(number, record["z"]),
            decides=true_or_false(record["decides"]),
            allowance=number(record["allowance"]),
        )


@dataclass(frozen=True)
class PowerFit:
    """The measured rate over the exact one as factor * depth^exponent, with intervals.

    ``width``: None for all widths together.
    """

    width: int | None
    factor: tuple[float, float]
    exponent: tuple[float, float]
    level: float
    cells: int

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> PowerFit:
        """The fit of a record, which is of the update E = rate^-2."""
        factor, exponent = record["factor"], record["exponent"]
        return cls(
            width=optional(size, record["width"]),
            factor=(positive(factor["high"]) ** -0.5, positive(factor["low"]) ** -0.5),
            exponent=(-number(exponent["high"]) / 2, -number(exponent["low"]) / 2),
            level=chance(record["level"]),
            cells=size(record["cells"]),
        )


@dataclass(frozen=True)
class Run:
    """A law held against a grid of networks.

    ``step``: None for the linearised update.  ``worst``: the index of the cell that says it.
    ``wants``: pairs of a cell that could not decide and the samples with which it would.
    """

    outcome: str
    seed: int
    step: float | None
    budget: float
    worst: int | None
    critical: float | None
    noticed: float | None
    noticed_in_all: float | None
    cells: tuple[Cell, ...]
    wants: tuple[tuple[int, int | None], ...]
    laws: tuple[MeasuredLaw, ...]
    fits: tuple[PowerFit, ...]
    versions: Mapping[str, str]
    platform: str
    planned: int

    @property
    def allowance(self) -> float:
        """The largest relative difference that is granted in a cell."""
        return max((cell.allowance for cell in self.cells), default=0.0)

    @property
    def drawn(self) -> int:
        """Networks drawn in all cells."""
        return sum(cell.samples for cell in self.cells)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Run:
        """The run of a record."""
        wants = record["wanted_samples"]
        cells = tuple(Cell.of(each) for each in _bounded(record["cells"]))
        return cls(
            outcome=_outcome(record["outcome"]),
            seed=seed_of(record["seed"]),
            step=optional(positive, record["step"]),
            budget=chance(record["family_budget"]),
            worst=optional(index_of(cells), record["worst_cell"]),
            critical=optional(positive, record["critical_z"]),
            noticed=optional(positive, record["noticed_relative_error"]),
            noticed_in_all=optional(positive, record["noticed_relative_error_in_all"]),
            cells=cells,
            wants=tuple(
                (index_of(cells)(each["cell"]), optional(size, each["samples"]))
                for each in _bounded(wants)
            ),
            laws=tuple(MeasuredLaw.of(each) for each in _bounded(record["measured_laws"])),
            fits=tuple(PowerFit.of(each) for each in _bounded(record["fits"])),
            versions={text_of(name): text_of(each) for name, each in record["versions"].items()},
            platform=text_of(record["platform"]["system"]),
            planned=sum(size(each["planned_samples"]) for each in record["cells"]),
        )


@dataclass(frozen=True)
class Counterexample:
    """Sizes at which a formula and the law differ, both values, and whether they are those of
    leading terms."""

    sizes: Mapping[str, str]
    formula: str
    law: str
    leading: bool


@dataclass(frozen=True)
class FormulaRun:
    """A claim about a user's formula: theory's answer, and that of networks or why none."""

    formula: str
    claim: str
    quantity: str
    subject: str
    outcome: str
    theory: str
    reason: str
    counterexample: Counterexample | None
    difference: str | None
    unmeasured: str | None
    networks: Run | None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> FormulaRun:
        """The check of a record."""
        theory, networks = record["theory"], record["networks"]
        example, difference = theory["counterexample"], theory["difference"]
        formula, claim, quantity = formula_fields(record)
        return cls(
            formula=formula,
            claim=claim,
            quantity=quantity,
            subject=text_of(record["subject"]),
            outcome=_outcome(record["outcome"]),
            theory=_outcome(theory["outcome"]),
            reason=text_of(theory["reason"]),
            counterexample=optional(_example, example),
            difference=None if difference is None else text_of(difference["sentence"]),
            unmeasured=optional(text_of, record["unmeasured"]),
            networks=optional(Run.of, networks),
        )


def read_record(record: Mapping[str, Any]) -> Run | FormulaRun:
    """The run of a record; raises `KeyError`, `TypeError`, `ValueError` or another ordinary error
    of looking up where it is none."""
    return FormulaRun.of(record) if "formula" in record else Run.of(record)


def _example(record: Mapping[str, Any]) -> Counterexample:
    sizes = {text_of(name): text_of(value) for name, value in record["sizes"].items()}
    leading = true_or_false(record["leading_terms"])
    return Counterexample(sizes, text_of(record["formula"]), text_of(record["law"]), leading)


def _bounded(records: Any) -> list[Any]:
    """A list of at most `MOST_CELLS` records."""
    if not isinstance(records, list):
        raise TypeError("no list of cells")
    if len(records) > MOST_CELLS:
        raise TooManyCells(len(records))
    return records


def _outcome(value: object) -> str:
    if value not in ("consistent", "rejected", "undecided"):
        raise ValueError(f"no outcome is called {value!r}")
    return str(value)


def _exp(logarithm: float) -> float:
    return exp(min(max(logarithm, -700.0), 700.0))
