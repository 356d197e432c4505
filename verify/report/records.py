"""Finished runs as they were written, read back as typed values; what is undefined is None."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log
from typing import Any

from verify.report.laws import MeasuredLaw

__all__ = ["Cell", "Counterexample", "FormulaRun", "PowerFit", "Run", "read_record"]


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
        total, samples = record["measured"]["total"], _size(record["samples"])
        effective = _optional(total["effective_samples"])
        return cls(
            network=str(record["network"]),
            width=_size(record["width"]),
            depth=_size(record["depth"]),
            layer=_size(record["layer"]),
            sampler=str(record["sampler"]).partition("(")[0],
            samples=samples,
            seed=int(record["seed"]),
            log_law=float(record["log_law"]),
            log_exact=float(record["log_exact"]),
            log_mean=_optional(total["log_mean"]),
            error=_optional(record["relative_standard_error"]),
            median=_optional(total["median"]),
            effective=None if effective is None else effective / samples,
            z=_optional(record["z"]),
            decides=bool(record["decides"]),
            allowance=float(record.get("allowance", 0.0)),
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
            width=None if record["width"] is None else int(record["width"]),
            factor=(float(factor["high"]) ** -0.5, float(factor["low"]) ** -0.5),
            exponent=(-float(exponent["high"]) / 2, -float(exponent["low"]) / 2),
            level=float(record["level"]),
            cells=int(record["cells"]),
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
    command: str | None
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
        wants, worst = record["wanted_samples"], record["worst_cell"]
        cells = tuple(Cell.of(each) for each in record["cells"])
        named = range(len(cells))
        command = record.get("command")
        return cls(
            outcome=_outcome(record["outcome"]),
            seed=int(record["seed"]),
            step=_optional(record["step"]),
            budget=float(record["family_budget"]),
            worst=None if worst is None else named[worst],
            critical=_optional(record["critical_z"]),
            noticed=_optional(record["noticed_relative_error"]),
            noticed_in_all=_optional(record["noticed_relative_error_in_all"]),
            cells=cells,
            wants=tuple((named[each["cell"]], _whole(each["samples"])) for each in wants),
            laws=tuple(MeasuredLaw.of(each) for each in record.get("measured_laws", ())),
            fits=tuple(PowerFit.of(each) for each in record["fits"]),
            versions={str(name): str(each) for name, each in record["versions"].items()},
            platform=str(record["platform"]["system"]),
            command=command if isinstance(command, str) else None,
            planned=sum(_size(each["planned_samples"]) for each in record["cells"]),
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
        return cls(
            formula=str(record["formula"]),
            claim=str(record["claim"]),
            quantity=str(record["quantity"]),
            subject=str(record["subject"]),
            outcome=_outcome(record["outcome"]),
            theory=_outcome(theory["outcome"]),
            reason=str(theory["reason"]),
            counterexample=None if example is None else _example(example),
            difference=None if difference is None else str(difference["sentence"]),
            unmeasured=None if record["unmeasured"] is None else str(record["unmeasured"]),
            networks=None if networks is None else Run.of(networks),
        )


def read_record(record: Mapping[str, Any]) -> Run | FormulaRun:
    """The run of a record; raises `KeyError`, `TypeError`, `ValueError` or another ordinary error
    of looking up where it is none."""
    return FormulaRun.of(record) if "formula" in record else Run.of(record)


def _example(record: Mapping[str, Any]) -> Counterexample:
    sizes = {str(name): str(value) for name, value in record["sizes"].items()}
    leading = bool(record["leading_terms"])
    return Counterexample(sizes, str(record["formula"]), str(record["law"]), leading)


def _outcome(value: object) -> str:
    if value not in ("consistent", "rejected", "undecided"):
        raise ValueError(f"no outcome is called {value!r}")
    return str(value)


def _size(value: Any) -> int:
    number = int(value)
    if number < 1:
        raise ValueError(f"{number} is no size")
    return number


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)


def _exp(logarithm: float) -> float:
    return exp(min(max(logarithm, -700.0), 700.0))
