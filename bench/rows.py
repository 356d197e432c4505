"""A `Row` is a measured figure: the work, its size, its time, and its reference."""

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
        """Whether ``value`` satisfies it."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:,g}"


@dataclass(frozen=True)
class Row:
    """``figure``: in ``unit``.  ``ratio``: against the section's reference.  ``limit``: the bare
    time of its random variates over its own, a share.  ``wanted``: the requirement on the
    ratio, or on the figure without a ratio.  ``sound``: whether the result is right; a wrong result
    fails every requirement.  ``more``: other values to keep, by name."""

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
        """Whether the median satisfies the requirement; None without a requirement."""
        decisive = self.ratio or self.figure
        return None if self.wanted is None else self.sound and self.wanted.met(decisive.median)

    def record(self) -> dict[str, object]:
        """The row for the result file."""
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
    """Rows of one study; ``ratio``: the reference of the ratios; ``notes``: runs that failed."""

    title: str
    ratio: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, object]:
        """The section for the result file."""
        rows = [row.record() for row in self.rows]
        return {"ratio": self.ratio, "rows": rows, "notes": list(self.notes)}
