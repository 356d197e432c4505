"""How a comparison and its cells print, and what a notebook shows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from verify.inference.numbers_in_text import magnitude, mean_in_words

if TYPE_CHECKING:
    from verify.comparison.cells import Cell
    from verify.comparison.compare import Comparison

__all__ = ["ShownCell", "ShownComparison"]


class ShownCell:
    """A cell that prints as a line."""

    def __repr__(self) -> str:
        cell = cast("Cell", self)
        mean = float(cell.estimate.total.log_mean)
        measured = mean_in_words(mean, cell.score.relative_standard_error)
        return (
            f"Cell: width {cell.width:,}, depth {cell.depth:,}, layer {cell.layer:,}: law "
            f"{magnitude(cell.log_law)}, measured {measured}; {cell.score}"
        )


class ShownComparison:
    """A comparison that prints as its table and verdict."""

    def __repr__(self) -> str:
        from verify.comparison.display import comparison_text

        return comparison_text(cast("Comparison", self))

    def _repr_html_(self) -> str:
        """Table, figure and verdict."""
        from verify.comparison.display import comparison_html

        return comparison_html(cast("Comparison", self))
