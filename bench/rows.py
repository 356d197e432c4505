"""A measured figure: what was done, at which size, how long it took, and against what."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.timing import Timing

__all__ = ["Row", "Section", "Wanted"]


@dataclass(frozen=True)
class Wanted:
    """A requirement on a figure: at least, or at most, a bound."""

    bound: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether ``value`` keeps it."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:,g}"


@dataclass(frozen=True)
class Row:
    """``figure``: in ``unit``.  ``ratio``: against the section's reference.  ``limit``: the bare
    time of its random variates over its own, a share.  ``wanted``: of the ratio, or where there is
    none of the figure.  ``sound``: whether the result is what it should be; where it is not, no
    requirement is met.  ``more``: whatever else is to be kept, by name."""

    what: str
    size: str
    figure: Timing
    unit: str
    ratio: Timing | None = None
    limit: Timing | None = None
    wanted: Wanted | None = None
    sound: bool = True
    more: dict[str, object] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the requirement is met, by the median; None where there is none."""
        decisive = self.ratio or self.figure
        return None if self.wanted is None else self.sound and self.wanted.met(decisive.median)

    def record(self) -> dict[str, object]:
        """For the result file."""
        kept: dict[str, object] = {
            "what": self.what,
            "size": self.size,
            "unit": self.unit,
            **self.figure.record(),
        }
        if self.ratio is not None:
            kept["ratio"] = self.ratio.record()
        if self.limit is not None:
            kept["share_of_the_limit"] = self.limit.record()
        if self.wanted is not None:
            kept["wanted"] = str(self.wanted)
            kept["met"] = self.met
        return kept | self.more


@dataclass(frozen=True)
class Section:
    """Rows of one study; ``ratio``: what their ratios are against; ``notes``: what did not run."""

    title: str
    ratio: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, object]:
        """For the result file."""
        rows = [row.record() for row in self.rows]
        return {"ratio": self.ratio, "rows": rows, "notes": list(self.notes)}
