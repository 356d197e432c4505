"""The picture of an estimate shows measured means with their errors, together with theory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.display.drawing import Curve, Marks, draw
from theory.errors import InvalidArgument
from theory.validation import typed
from verify.inference.measurement import Measurement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_estimate"]


def draw_estimate(
    parts: Mapping[str, Measurement],
    layers: Sequence[int],
    ax: Axes | None,
    theory: Callable[..., Any] | None,
    quantity: str,
    places: Sequence[str] = (),
    *,
    linearised: bool = False,
) -> Axes:
    """Put ``parts`` of ``quantity`` on ``ax``, the total first, and ``theory`` at the ``layers`` if
    it is given; ``places``: their names, where they are no numbered layers; ``linearised``:
    whether theory has the linearised step, and real steps were measured."""
    if places and theory is not None:
        raise InvalidArgument(
            f"expected no theory beside places that have names, such as {places[0]}, got "
            f"theory={typed(theory)}; leave theory out, and draw the exact values alone, as in "
            f"squared_update(network, b).plot() for the blocks of a residual network"
        )
    names = sorted(parts, key=lambda name: name != "total")
    kind = "exact" if hasattr(theory, "open_sizes") else "law"
    limit = r"$n \to \infty$"
    kind = limit if limit in getattr(theory, "_quantity", "") else kind
    lines = [] if theory is None else _lines(theory, names, layers)
    drawn_as = f"{kind} linearised step" if linearised else kind
    curves = [
        Curve(f"{drawn_as}, {name}", layers, y, look, law=kind == "law")
        for look, (name, y) in enumerate(lines)
    ]
    marks = [_marks(f"measured, {name}", parts[name], layers, k) for k, name in enumerate(names)]
    of = " of the linearised step" if linearised else ""
    said = {"exact": f"exact values{of}", "law": "law", limit: f"values{of} as {limit}"}[kind]
    return draw(
        ax,
        [*curves, *marks],
        title=_finding(
            parts,
            places or _layer_names(layers),
            lines,
            said,
            quantity,
        ),
        xlabel=", ".join(places) or r"layer $\ell$",
        ylabel=quantity,
    )


def _layer_names(layers: Sequence[int]) -> list[str]:
    return [f"layer {layer:,}" for layer in layers]


def _lines(
    theory: Callable[..., Any], names: Sequence[str], layers: Sequence[int]
) -> list[tuple[str, list[float]]]:
    """The values of the total, and of each part that theory has."""
    if not callable(theory):
        raise InvalidArgument(
            f"expected a function of the layers for theory, got theory={typed(theory)}; give "
            f"squared_update(network, ell)"
        )
    found = [("total", theory), *((name, getattr(theory, name, None)) for name in names[1:])]
    return [(name, _theory_at(each, layers)) for name, each in found if each is not None]


def _theory_at(theory: Callable[..., Any], layers: Sequence[int]) -> list[float]:
    open_sizes = getattr(theory, "open_sizes", None)
    if open_sizes == () and len(layers) == 1:
        return [float(theory())]
    if open_sizes is not None and [str(each) for each in open_sizes] != ["ell"]:
        raise InvalidArgument(
            f"expected the network that was measured with its layer open, got theory={theory!r}; "
            f"give squared_update(network, ell)"
        )
    return [float(each) for each in np.ravel(theory(np.array(layers)))]


def _marks(label: str, part: Measurement, layers: Sequence[int], look: int) -> Marks:
    """The means that are defined; an undefined error has no bar."""
    rows = zip(layers, np.ravel(part.mean), np.ravel(part.standard_error), strict=True)
    kept = [(layer, float(m), float(e)) for layer, m, e in rows if np.isfinite(m)]
    x, y, errors = zip(*kept, strict=True) if kept else ((), (), ())
    return Marks(label, x, y, [each if np.isfinite(each) else 0.0 for each in errors], look)


def _finding(
    parts: Mapping[str, Measurement],
    layers: Sequence[str],
    lines: Sequence[tuple[str, list[float]]],
    said: str,
    quantity: str,
) -> str:
    """How many drawn means are at the values of theory, or how far the total goes."""
    if not lines:
        total = parts["total"]
        words = total.values()
        if len(layers) == 1:
            return f"{quantity} is {words[0]} at {layers[0]}"
        means = np.ravel(total.mean)
        goes = "falls" if means[-1] < means[0] else "grows"
        ends = f"{layers[0]} to {layers[-1].removeprefix('layer ')}"
        return f"{quantity} {goes} from {words[0]} to {words[-1]}, {ends}"
    near = sum(_near(parts[name], values) for name, values in lines)
    every = len(lines) * len(layers)
    counted = "layers" if len(lines) == 1 else "parts" if len(layers) == 1 else "points"
    where = "" if near == every else f" at {near} of {every} {counted}"
    return f"Measured means are within two standard errors of the {said}{where}"


def _near(part: Measurement, values: Sequence[float]) -> int:
    """How many measured means of a part are within two standard errors of ``values``."""
    with np.errstate(invalid="ignore"):
        off = np.abs(np.ravel(part.mean) - np.array(values))
        return int(np.sum(off <= 2 * np.ravel(part.standard_error)))
