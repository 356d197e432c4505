"""The record of a run is one typed value: ``results.json`` holds it, and every table, sentence and
page comes from it.

A record may come from someone else: `verify.untrusted.structured` checks every field against its
type, and a cell's network and sampler are rebuilt from the numbers of its configuration.
"""

from __future__ import annotations

import json
import platform
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from math import exp, isfinite, log
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, to_builtins

from theory.outcome import Outcome
from verify.comparison.cells import Cell
from verify.comparison.measured_law import MeasuredLaw
from verify.inference.fit import PowerFit
from verify.inference.measurement import Measurement
from verify.inference.verdict import Want
from verify.numerics.software import Software
from verify.runs.configuration import Configuration, ConfigurationRecord
from verify.runs.network_records import ResidualRecord
from verify.samplers.places import moved_letters, places_of
from verify.untrusted import Chance, SeedText, Size, Text, whole_seed

__all__ = [
    "FORMAT",
    "OUTCOMES",
    "UPDATE",
    "CellRecord",
    "Measured",
    "OutcomeName",
    "Platform",
    "RunRecord",
    "finite",
    "json_text",
    "versions",
]

FORMAT = 4
UPDATE = "E[(Δz)²]/η² per neuron"
"""The quantity of a run that measures no observable."""
Index = Annotated[int, Meta(ge=0)]
Number = Annotated[float, Meta(ge=-1e300, le=1e300)]
Positive = Annotated[float, Meta(gt=0, le=1e300)]
Logarithm = Annotated[float, Meta(ge=-1e9, le=1e9)]
"""The natural logarithm of an update that a network can have."""
OutcomeName = Literal["consistent", "rejected", "undecided"]
OUTCOMES: dict[Outcome, OutcomeName] = {
    Outcome.CONSISTENT: "consistent",
    Outcome.REJECTED: "rejected",
    Outcome.UNDECIDED: "undecided",
}
_PARTS = {"label", "output", "total"}


class Measured(Struct, frozen=True, kw_only=True):
    """The numbers of one part of the update at one layer, per eta^2; None: undefined."""

    mean: float | None
    standard_error: float | None
    log_mean: Logarithm | None
    relative_standard_error: float | None
    effective_samples: Number | None
    largest_share: Number | None
    median: float | None

    @classmethod
    def of(cls, part: Measurement) -> Measured:
        """The numbers of a measurement of scalar shape."""
        means = {name: finite(getattr(part, name)) for name in cls.__struct_fields__[:-1]}
        median = None if part.logs is None else finite(part.median.value)
        return cls(**means, median=median)


class CellRecord(Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """One network of a grid, measured: logarithms are natural, of E[(Delta z)^2] at eta = 1.

    ``relative_standard_error``: over the exact mean.  ``undefined``: the reason where the mean or
    its error is undefined.
    """

    network: Text
    width: Size
    depth: Size
    layer: Size | Text
    sampler: Text
    part: Text
    samples: Size
    planned_samples: Size
    blocks: Size
    seed: SeedText
    log_law: Logarithm
    log_exact: Logarithm
    measured: dict[Text, Measured]
    evidence: Text
    relative_standard_error: Positive | None
    z: Number | None
    allowance: Number
    decides: bool
    configuration: ConfigurationRecord
    undefined: Text | None = None

    def __post_init__(self) -> None:
        whole_seed(self.seed)
        if "total" not in self.measured or {self.part, *self.measured} - _PARTS:
            raise ValueError("the parts are not the parts of an update")

    @classmethod
    def of(cls, cell: Cell) -> CellRecord:
        """The record of a measured cell."""
        evidence, estimate = cell.score.evidence, cell.estimate
        return cls(
            network=repr(cell.network),
            width=cell.width,
            depth=cell.depth,
            layer=cell.layer,
            sampler=repr(cell.sampler),
            part=cell.part,
            samples=estimate.samples,
            planned_samples=cell.sampling.samples,
            blocks=-(-estimate.samples // cell.sampling.block_size),
            seed=str(estimate.seed),
            log_law=cell.log_law,
            log_exact=cell.log_exact,
            measured={name: Measured.of(part) for name, part in estimate.parts.items()},
            evidence=type(evidence).__name__,
            relative_standard_error=finite(evidence.standard_error),
            z=finite(cell.score.z),
            allowance=cell.score.allowance,
            decides=cell.score.decides,
            configuration=cell.sampling.configuration.record,
            undefined=None if cell.score.defined else estimate.total.undefined,
        )

    @property
    def total(self) -> Measured:
        """The numbers of the whole update, or of the part that was compared."""
        return self.measured["total"]

    @property
    def ratio(self) -> float:
        """Depth over width."""
        return self.depth / self.width

    @property
    def defined(self) -> bool:
        """Whether there is a mean with a standard error."""
        return None not in (self.total.log_mean, self.relative_standard_error, self.z)

    @property
    def over_exact(self) -> float | None:
        """The measured mean over the exact one."""
        mean = self.total.log_mean
        return None if mean is None else _exp(mean - self.log_exact)

    @property
    def relative_error(self) -> float | None:
        """The standard error over the measured mean."""
        mean, error = self.over_exact, self.relative_standard_error
        return error / mean if mean and error else None

    def median_over(self, logarithm: float) -> float | None:
        """The median network's update over exp(logarithm); 0 where it is dead."""
        median = self.total.median
        if median is None:
            return None
        return _exp(log(median) - logarithm) if median > 0 else 0.0

    @property
    def effective_share(self) -> float | None:
        """Effective samples over samples."""
        effective = self.total.effective_samples
        return None if effective is None else effective / self.samples

    @cached_property
    def asked(self) -> Configuration:
        """The configuration that was drawn; `ValueError` where the cell does not belong to it."""
        found = Configuration.of(self.configuration)
        said = (self.width, self.depth, self.place, self.sampler)
        network, place = found.network, places_of(found.network).name(found.layers[0])
        if said != (network.widths[1], network.layers, place, repr(found.sampler)):
            raise ValueError("a cell does not match its configuration")
        return found

    @property
    def is_last(self) -> bool:
        """Whether the layer is the last one, or the stream after the last block."""
        return self.layer in (self.depth, f"stream {self.depth}")

    @property
    def depth_name(self) -> str:
        """The name of its depth: blocks of a residual network."""
        return "blocks" if isinstance(self.configuration.network, ResidualRecord) else "depth"

    @property
    def place(self) -> str:
        """The layer in words."""
        return f"layer {self.layer}" if isinstance(self.layer, int) else self.layer

    @property
    def choices(self) -> str:
        """The settings of the network besides one width and a depth, as text; empty for
        none."""
        return self.configuration.network.in_words

    @property
    def is_of_the_law(self) -> bool:
        """Whether it is the update at the last layer of a ReLU network with only width and depth
        chosen."""
        own = self.configuration.network.code == f"MLP(width={self.width}, depth={self.depth})"
        return own and self.layer == self.depth and self.configuration.observable is None


class Platform(Struct, frozen=True):
    """The machine of the comparison."""

    machine: Text
    system: Text


class RunRecord(Struct, frozen=True, kw_only=True):
    """A law and a grid of networks: every number, seed and version, enough to repeat any cell.

    An undefined value is None.  Seeds are text, since many readers of JSON round a number of 64
    bits.
    ``law``: the law tried, in words or as a formula.  ``step``: None for the linearised update.
    ``worst_cell``: the index of the cell nearest to its own bound.  ``software`` drew the blocks,
    and ``other_software`` drew some of them, on another kind of processor;
    ``versions``: of the comparing process.
    """

    format: int
    law: Text | None
    quantity: Text
    step: Positive | None
    seed: SeedText
    family_budget: Chance
    outcome: OutcomeName
    worst_cell: Index | None
    noticed_relative_error: Positive | None
    noticed_relative_error_in_all: Positive | None
    critical_z: Positive | None
    cells: tuple[CellRecord, ...]
    wanted_samples: tuple[Want, ...]
    measured_laws: tuple[MeasuredLaw, ...]
    fits: tuple[PowerFit, ...]
    versions: dict[Text, Text]
    software: Software
    other_software: tuple[Software, ...]
    platform: Platform

    def __post_init__(self) -> None:
        whole_seed(self.seed)
        named = [want.cell for want in self.wanted_samples]
        named += [] if self.worst_cell is None else [self.worst_cell]
        if not all(0 <= cell < len(self.cells) for cell in named):
            raise ValueError("a cell number beyond the last cell")

    @property
    def tried(self) -> str:
        """The compared law: the exact values, or a law that a user gave."""
        same = all(cell.log_law == cell.log_exact for cell in self.cells)
        return "exact" if same else "tried law"

    @property
    def moved(self) -> str:
        """The measured letters that a step moves: z, h of a stream, or hz for both."""
        return moved_letters(cell.layer for cell in self.cells)

    @property
    def depth_name(self) -> str:
        """The name of the depth in all cells: blocks where every network is residual."""
        names = {cell.depth_name for cell in self.cells}
        return names.pop() if len(names) == 1 else "depth"

    @property
    def below(self) -> bool:
        """Whether a cell is of another layer than the last."""
        return not all(cell.is_last for cell in self.cells)

    @property
    def several_kinds(self) -> bool:
        """Whether a network is chosen beyond its width and depth."""
        return any(cell.choices for cell in self.cells)

    @property
    def allowance(self) -> float:
        """The largest relative difference that is granted in a cell."""
        return max((cell.allowance for cell in self.cells), default=0.0)

    @property
    def drawn(self) -> int:
        """Networks drawn in all cells."""
        return sum(cell.samples for cell in self.cells)

    @property
    def planned(self) -> int:
        """Networks that were to be drawn in all cells."""
        return sum(cell.planned_samples for cell in self.cells)


def json_text(record: Any) -> str:
    """A record as strict JSON."""
    return json.dumps(to_builtins(record), indent=1, allow_nan=False) + "\n"


def finite(value: float) -> float | None:
    """The number, or None for a number that JSON does not have."""
    return float(value) if isfinite(value) else None


def _exp(logarithm: float) -> float:
    return exp(min(max(logarithm, -700.0), 700.0))


def versions() -> dict[str, str]:
    """The versions of this process, by name."""
    names = ("mup-depth", "numpy", "numba", "scipy", "sympy", "mpmath")
    return {"python": platform.python_version()} | {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
