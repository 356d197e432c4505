"""`draw` puts exact curves, laws and measured marks over a size on Matplotlib axes.

Every curve is drawn wider than the one after it, and laws are thin and dashed on top, so that
all curves that coincide are visible; dashes and marker each distinguish curves alone.  Colours are
those of the axes' cycle, and widths are multiples of the user's line width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from math import isfinite, log
from re import findall, sub
from typing import TYPE_CHECKING, Any

from theory.errors import InvalidArgument
from theory.validation import typed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "COLOURS",
    "DASHES",
    "MARKERS",
    "Curve",
    "Marks",
    "draw",
    "ink_of",
    "own_style",
    "wrapped",
]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Colours that people with any kind of colour vision distinguish (Okabe and Ito), for figures in
`own_style`."""
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES: tuple[Any, ...] = (
    "-",
    (0, (7, 2)),
    (0, (3, 1.5)),
    (0, (7, 2, 1, 2)),
    (0, (1, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
)
_WIDEST, _NARROWER, _THIN = 2.0, 0.7, 2 / 3
"""Multiples of the user's line width: the widest curve, the least factor from a curve to the next,
and a law, which is also the width of an error bar."""
_DASH = 4 / 3
"""The unit of `DASHES` over the user's line width."""
_ALONE = 0.07
"""The factor, less 1, by which a line of one point goes to both sides."""
_BESIDE, _COVERED = 0.035, 0.04
"""The factor, less 1, by which marks are shifted from others that would cover them, and the share
of the scale within which they would."""
_TICKS = 10
_LOGARITHMIC = 8
"""From which largest over smallest value on a scale is logarithmic."""
_MOST_INSIDE = 5
"""Entries of a legend that has room inside the axes; a longer legend stands to the right of the
axes."""
_CLEAR = 6.0
"""Pixels between a legend inside the axes and any line."""
_LETTERS = 58
"""Characters of a title in a line."""
_UNSEEN = r"\\[a-z]+|[{}^_$]"
"""Characters of a formula that take no room."""


@dataclass(frozen=True)
class Curve:
    """A line through points.

    ``look``: a number for colour and dashes, shared with the marks of that number; ``law``: a
    limit, and ``shared``: a value of all marks, drawn thin in the colour of the text, dashed and
    solid.  An empty ``label``: no entry in the legend.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    look: int = 0
    law: bool = False
    shared: bool = False


@dataclass(frozen=True)
class Marks:
    """Measured points with error bars of two standard errors, or between ``ends``; ``hollow``:
    the points that decide nothing."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    errors: Sequence[float] = ()
    look: int = 0
    hollow: Sequence[bool] = ()
    ends: Sequence[tuple[float, float]] = ()

    @property
    def bars(self) -> list[tuple[float, float]]:
        """How far each bar goes down and up from its point; 0 where there is no end."""
        ends = self.ends or [
            (y - 2 * error, y + 2 * error) for y, error in zip(self.y, self.errors, strict=False)
        ]
        pairs = zip(self.y, ends or [(y, y) for y in self.y], strict=True)
        return [
            (y - low if isfinite(low) else 0.0, high - y if isfinite(high) else 0.0)
            for y, (low, high) in pairs
        ]


@contextmanager
def own_style(**settings: Any) -> Iterator[None]:
    """Matplotlib's default style with `COLOURS`, and ``settings``, for a figure that is made and
    saved inside.

    A ``matplotlibrc`` may need TeX or fonts that are not installed, and Matplotlib reads the file
    of the working directory, which may be someone else's, before the user's.
    """
    from cycler import cycler  # a part of Matplotlib
    from matplotlib import style

    colours = {"axes.prop_cycle": cycler(color=COLOURS)}
    with style.context(["default", colours, settings]):
        yield


def draw(
    ax: Axes | None,
    drawn: Sequence[Curve | Marks],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
) -> Axes:
    """Put curves and marks on ``ax``, or on the axes of a new figure, in the user's style; the
    axes.  A scale is logarithmic where all numbers are positive and cover a factor of 8.

    A new figure is a figure of pyplot, so that ``plt.show()`` and ``plt.savefig`` find the figure.
    """
    from matplotlib import rcParams

    axes = _axes(ax)
    curves = [each for each in drawn if isinstance(each, Curve)]
    marks = [each for each in drawn if isinstance(each, Marks)]
    unnamed = {each.look for each in marks if not each.label}
    own = [each for each in curves if not (each.law or each.shared)]
    looks = {each.look for each in own} | {each.look for each in marks}
    colours = {look: _next_colour(axes) for look in sorted(looks)}
    unit = rcParams["lines.linewidth"]
    for each, width in zip(own, _widths(len(own)), strict=True):
        style = _line(each.look, width) | (_in_legend(each.look) if each.look in unnamed else {})
        style |= {"color": colours[each.look], "linewidth": width * unit}
        axes.plot(*_points(each), **style, label=each.label or "_")
    for measured, beside in zip(marks, _beside(marks), strict=True):
        _mark(axes, measured, beside, colours[measured.look])
    for each in curves:
        if each.law or each.shared:
            look = {"color": ink_of(axes), "linewidth": _THIN * unit, "zorder": 2.5}
            look["linestyle"] = (0, (5, 4)) if each.law else "-"
            axes.plot(*_points(each), **look, label=each.label or "_")
    _scale(axes, drawn)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.set_title(wrapped(title), fontsize="medium", verticalalignment="bottom")
    entries = sum(bool(each.label) for each in drawn)
    outside = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "frameon": False}
    if entries:
        legend = partial(axes.legend, fontsize="small", handlelength=3.2)
        if ax is None and (entries > _MOST_INSIDE or _covers(legend(), axes)):
            legend(**outside)
        elif ax is not None:
            legend()
    return axes


def _covers(legend: Any, axes: Any) -> bool:
    """Whether a legend lies on a line or on an error bar, since no place in the axes is free."""
    axes.figure.draw_without_rendering()
    box = legend.get_window_extent().padded(_CLEAR)
    bars = ((each, path) for each in axes.collections for path in each.get_paths())
    drawn = chain(((each, each.get_path()) for each in axes.get_lines()), bars)
    paths = (path.transformed(each.get_transform()) for each, path in drawn)
    return any(len(path) > 0 and path.intersects_bbox(box, filled=False) for path in paths)


def ink_of(axes: Axes) -> Any:
    """The colour of the axes' text, which is visible on light and on dark paper."""
    return axes.xaxis.label.get_color()


def wrapped(title: str) -> str:
    """A title in as few lines as fit, of even lengths, that break between words and never inside a
    formula."""
    words = findall(r"(?:\$[^$]*\$|[^\s$])+", title)
    fewest = _lines(words, _LETTERS)
    even = (_lines(words, letters) for letters in range(_LETTERS))
    return "\n".join(next((each for each in even if len(each) == len(fewest)), fewest))


def _lines(words: Sequence[str], letters: int) -> list[str]:
    """Words in lines of at most ``letters`` letters, or of one word."""
    lines = list(words[:1])
    for word in words[1:]:
        longer = f"{lines[-1]} {word}"
        lines[-1:] = [longer] if len(sub(_UNSEEN, "", longer)) <= letters else [lines[-1], word]
    return lines


def _axes(ax: Any) -> Any:
    from matplotlib.axes import Axes

    if ax is None:
        from matplotlib import pyplot

        return pyplot.figure(layout="constrained").add_subplot()
    if not isinstance(ax, Axes):
        raise InvalidArgument(
            f"expected Matplotlib axes for ax, got ax={typed(ax)}; give figure.add_subplot(), or "
            f"leave ax out"
        )
    return ax


def _points(curve: Curve) -> tuple[Sequence[float], Sequence[float]]:
    """The points of a line; of one point, a short level line through it."""
    if len(curve.x) != 1:
        return curve.x, curve.y
    return [curve.x[0] * (1 - _ALONE), curve.x[0] * (1 + _ALONE)], [curve.y[0]] * 2


def _next_colour(axes: Any) -> Any:
    """The next colour of the axes' cycle, as for the next line that the user draws."""
    (line,) = axes.plot([], [])
    line.remove()
    return line.get_color()


def _widths(curves: int) -> list[float]:
    """The widths of so many curves, the last the user's."""
    factor = max(_NARROWER, _WIDEST ** (-1 / max(curves - 1, 1)))
    return [factor ** (index + 1 - curves) for index in range(curves)]


def _line(look: int, width: float) -> dict[str, Any]:
    dashes = DASHES[look % len(DASHES)]
    if dashes != "-":
        # Matplotlib counts dashes in line widths
        dashes = (0, tuple(_DASH * each / width for each in dashes[1]))
    return {"linestyle": dashes, "dash_capstyle": "butt"}


def _in_legend(look: int) -> dict[str, Any]:
    """The marker of marks without an entry in the legend, on the entry of their line alone."""
    marker = MARKERS[look % len(MARKERS)]
    return {"marker": marker, "markevery": [], "markeredgecolor": "0.5"}


def _beside(drawn: Sequence[Marks]) -> list[list[float]]:
    """The factors by which marks are moved beside others that would cover them: marks at the same
    size that are close on the scale, or whose bars overlap."""
    values = [y for marks in drawn for y in marks.y]
    scale = log if values and 0 < _LOGARITHMIC * min(values) <= max(values) else float
    near = _COVERED * (scale(max(values)) - scale(min(values))) if values else 0.0
    every = [
        (x, scale(max(y - down, min(values))) - near / 2, scale(y + up) + near / 2, k)
        for k, marks in enumerate(drawn)
        for x, y, (down, up) in zip(marks.x, marks.y, marks.bars, strict=True)
    ]

    def factor(x: float, low: float, high: float, index: int) -> float:
        close = {k for u, v, w, k in every if u == x and low <= w and v <= high}
        return 1 + _BESIDE * (sorted(close).index(index) - (len(close) - 1) / 2)

    return [[factor(*each) for each in every if each[3] == index] for index, _ in enumerate(drawn)]


def _mark(axes: Axes, marks: Marks, beside: Sequence[float], colour: Any) -> None:
    """Filled marks, and hollow ones, with one entry in the legend; each moved by a factor."""
    from matplotlib import rcParams

    marker = MARKERS[marks.look % len(MARKERS)]
    hollow = list(marks.hollow) or [False] * len(marks.x)
    for kind in dict.fromkeys(hollow):
        rows = [i for i, each in enumerate(hollow) if each == kind]
        axes.errorbar(
            [beside[i] * marks.x[i] for i in rows],
            [marks.y[i] for i in rows],
            yerr=[[marks.bars[i][side] for i in rows] for side in (0, 1)],
            fmt=marker,
            color=colour,
            markerfacecolor=axes.get_facecolor() if kind else colour,
            markeredgecolor=colour if kind else ink_of(axes),
            ecolor=ink_of(axes),
            capsize=rcParams["lines.markersize"] / 2,
            linewidth=_THIN * rcParams["lines.linewidth"],
            zorder=3,
            label=marks.label if kind == hollow[0] and marks.label else "_",
        )


def _scale(axes: Axes, drawn: Sequence[Curve | Marks]) -> None:
    """Logarithmic scales where they suit; a few sizes are marked as such, others at powers of 2."""
    from matplotlib.ticker import NullLocator

    for name in ("x", "y"):
        values = sorted({value for each in drawn for value in getattr(each, name)})
        if not values:
            continue
        if values[0] > 0 and values[-1] >= _LOGARITHMIC * values[0]:
            getattr(axes, f"set_{name}scale")("log")
        else:
            axes.ticklabel_format(axis=name, useOffset=False)
        if name == "x" and len(values) == 1:
            axes.set_xlim(0.85 * values[0], 1.15 * values[0])
        powers = [2**k for k in range(31) if values[0] <= 2**k <= values[-1]]
        ticks = values if len(values) < _TICKS else powers
        if name == "x" and (values[0] >= 1 or len(values) == 1) and len(ticks) <= _TICKS:
            axes.set_xticks(ticks, [f"{each:,.6g}" for each in ticks])
            axes.xaxis.set_minor_locator(NullLocator())
