"""A value draws itself over one of its open sizes, together with its law."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

from sympy import Expr, Float, Integer, Rational, Symbol, fraction, latex

from theory.display.drawing import Curve, draw
from theory.errors import InvalidArgument, NotSolved
from theory.networks.multipliers import least_depth
from theory.networks.network import Network
from theory.networks.roles import Branch, block_of
from theory.networks.sizes import bound_sizes, read_size
from theory.symbols import B, L, a, b, ell, eta, n, n_0
from theory.validation import brief, typed
from theory.waiting import announced
from theory.writing.notation import expression_latex

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Drawable", "law_tex"]

_NAMES = {
    L: "depth",
    n: "width",
    ell: "layer",
    n_0: "input width",
    a: "slope",
    B: "number of blocks",
    b: "block",
}
_LETTERS = {L: "$L$", n: "$n$", ell: r"$\ell$", n_0: "$n_0$", a: "$a$", B: "$B$", b: "$b$"}
_AXES = (ell, b, L, B, n, n_0, a)
"""The axes over which a value may be drawn; the first open size is the default."""
_POINTS = 33
_WORD = re.compile("[a-z]{2}")
_CURVES: dict[Symbol, tuple[Any, ...]] = {n: (64, 256, 1024), L: (4, 16, 64), B: (2, 4, 8)}
_ONE: dict[Symbol, Any] = {n: 256, L: 16, B: 8, n_0: 64, a: Rational(1, 10)}
"""Sizes by default: for several curves, and for one curve."""
_LONGEST = 60
"""Characters of a formula that a title has room for."""
_NEAR, _DIGITS = 0.1, 12
"""The relative difference within which a title says that a value follows its law, and the digits to
which it equals it."""
_AT_INFINITY = r"as $n \to \infty$"


class Drawable:
    """A value with `plot`."""

    _drawn_as: ClassVar[str] = ""
    """The quantity, as an axis names it; the name of the class where it is empty."""
    _to_open: ClassVar[str] = ""
    """The sizes that a value in numbers could leave open; width, depth and layer where it is
    empty, and no layer of a rate."""

    _of_curves: ClassVar[str] = "exact"
    """The name of its values in a legend."""

    if TYPE_CHECKING:

        @property
        def network(self) -> Network:
            """The network of this value."""

        @property
        def open_sizes(self) -> tuple[Symbol, ...]:
            """The sizes left open."""

        def __call__(self, *sizes: Any, **named: Any) -> Any:
            """Its numbers."""

    def plot(
        self, ax: Axes | None = None, *places: object, against: object = None, **sizes: Any
    ) -> Axes:
        """Draw the exact value over one of its open sizes, together with its law; return the axes.

        ``against``: "depth", "width", "layer", or another open size by name or symbol; None for the
        first of layer, depth and width that is open.  ``sizes``: numbers as in a call; several for
        the size on the axis, and for one other, each of which is a curve.  ``ax``: Matplotlib axes,
        or None for a new figure; backend and style are the user's.  The law is `leading()`, where
        it exists: the leading term as n -> infinity, then as the depth grows.

        >>> from theory import MLP, squared_update
        >>> axes = squared_update(MLP()).plot(n=[64, 1024], L=range(1, 33))
        >>> axes.get_xlabel(), [text.get_text() for text in axes.get_legend().get_texts()][:2]
        ('depth $L$', ['exact, width 64', 'exact, width 1,024'])
        """
        if places:
            given = (ax, *places)
            pairs = zip(self._drawn_sizes, map(brief, given), strict=False)
            fix = ", ".join(f"{size}={number}" for size, number in pairs)
            raise InvalidArgument(
                f"expected sizes by name for plot, got {', '.join(map(brief, given))}; "
                f"{f'give {fix}' if fix else self._openings()}"
            )
        return self._picture(ax, against, sizes)

    @announced("picture")
    def _picture(
        self,
        ax: Axes | None,
        against: object,
        sizes: Mapping[str, Any],
        formula: Callable[[dict[Symbol, Any]], float] | None = None,
        title: str = "",
        joint_limit: Expr | None = None,
    ) -> Axes:
        """`plot`, with the values of a ``formula`` and the exact values, under ``title``; over a
        ``joint_limit`` in width and depth in the place of the law."""
        axis = self._axis(against)
        given = bound_sizes(self._drawn_sizes, self.network, (), sizes, self._elsewhere)
        family, values = self._family(axis, given)
        others = [repr(_NAMES.get(each, each.name)) for each in self._drawn_sizes if each != axis]
        groups = [[point] if axis in (ell, b) else values for point in values]
        grids = [_checked(axis, given.get(axis, self._grid(axis, each)), others) for each in groups]
        grid, along = grids[-1], list(zip(grids, values, strict=True))
        self._refuse_depth_1(grid if axis == L else [point.get(L) for point in values])
        curves = [
            Curve("", _floats(xs), list(line))
            for xs, point in along
            for line in self._drawn_curves(axis, xs, point)
        ]
        with announced("derivation of the law") as named:
            named(0)
            laws = self._laws() if joint_limit is None else (joint_limit,)
        fixed = self._fixed()
        limits = [
            Curve("", _floats(xs), _law_on_grid(law, axis, xs, fixed | point), law=True)
            for xs, point in along
            for law in laws
        ]
        labels = self._labels(family, values)
        name = "joint limit" if joint_limit else ""
        drawn = [*_exact(labels, curves), *_dashed(laws, limits, self._law_name(laws), name)]
        if formula is not None:
            claimed = [
                Curve("", _floats(xs), [formula(point | {axis: x}) for x in xs])
                for xs, point in along
            ]
            several = any(each != claimed[0] for each in claimed)
            names = [each.replace("exact", "formula") if several else "formula" for each in labels]
            under = _exact(names, claimed)[: None if several else 1]
            drawn = [*(replace(each, look=each.look + len(curves)) for each in under), *drawn]
        return draw(
            ax,
            drawn,
            title=title or self._finding(axis, grid, fixed | values[-1], curves, laws, limits),
            xlabel=_named(axis),
            ylabel=self._named_quantity,
        )

    def _refuse_depth_1(self, depths: Sequence[Any]) -> None:
        """Refuse depth 1 among the ``depths`` of a picture, where a value of several groups of
        layers has fewer numbers."""
        if "hidden layers" in self._drawn_parts and 1 in depths:
            raise InvalidArgument(
                "expected depths from 2 on for L, got L=1 among them, where no hidden layer is "
                "above the first; start L at 2"
            )

    @property
    def _drawn_sizes(self) -> tuple[Symbol, ...]:
        """The sizes that may stand on the axis, or have a curve for each of several numbers."""
        return self.open_sizes

    @property
    def _elsewhere(self) -> str:
        """The fix for sizes that are not open; empty for sizes that the network fixes."""
        return ""

    @property
    def _quantity(self) -> str:
        part = getattr(self, "part", None)
        name = self._drawn_as or type(self).__name__
        if not self.network._whole and not (self.network._is_chain or _inside(self)):
            name = name.replace(r"\Delta z", r"\Delta h")
        above, below = fraction(self._drawn_unit)
        name += f" over ${latex(above)}$" * (above != 1) + f" times ${latex(below)}$" * (below != 1)
        return name + (f", {part} part" if part else "")

    @property
    def _drawn_unit(self) -> Expr:
        """The power of an open width that values and law are divided by."""
        return Integer(1)

    @property
    def _named_quantity(self) -> str:
        """The quantity, and the rate of a real step."""
        step = getattr(self, "step", None)
        real = "" if step is None else rf", real step $\eta = {float(step):.4g}$"
        return self._quantity + real

    @property
    def _drawn_parts(self) -> tuple[str, ...]:
        """The names of its numbers, where it is several."""
        return ()

    def _laws(self) -> tuple[Expr, ...]:
        """The law of each of its numbers at eta = 1 in the open sizes and the sizes of `_fixed`;
        empty where a number has no law."""
        fixed = self._fixed()
        wide = {"width": n} if n in fixed else {}
        deep = {"depth": L} if L in fixed and ell in self._drawn_sizes else {}
        try:
            found = _opened(self, wide | deep).leading()
        except (InvalidArgument, NotSolved):
            return ()
        several = found if isinstance(found, tuple) else (found,)
        laws = tuple(law.subs(eta, 1) / self._drawn_unit for law in several)
        known = {*self._drawn_sizes, *fixed}
        return laws if all(law.free_symbols <= known for law in laws) else ()

    def _law_name(self, laws: Sequence[Expr]) -> str:
        """A law has the depth in it; at one depth the leading term is a limit, unless it grows."""
        depth = self.network.depth
        if ell in self._drawn_sizes or not (self.network._whole or isinstance(depth, int)):
            return "law"
        return "leading term" if any(law.has(n) for law in laws) else r"$n \to \infty$ limit"

    def _fixed(self) -> dict[Symbol, Any]:
        """Width and depth in numbers."""
        sizes = {self.network._depth_symbol: self.network.depth, n: self.network.width}
        return {size: number for size, number in sizes.items() if isinstance(number, int)}

    def _axis(self, against: object) -> Symbol:
        """The size on the axis."""
        names = {name: symbol for symbol in self._drawn_sizes for name in _all_names(symbol)}
        if not names:
            raise InvalidArgument(
                f"expected a value with an open size to plot, got {type(self).__name__} of "
                f"{brief(self.network)}; {self._openings()}"
            )
        if against is None:
            return min(
                self._drawn_sizes, key=_AXES.index if set(names.values()) <= set(_AXES) else str
            )
        if str(against) not in names:
            known = " or ".join(repr(_NAMES.get(each, str(each))) for each in self._drawn_sizes)
            of_layer = str(against) in ("layer", "ell", "block", "b") and hasattr(self, "layer")
            fix = "to plot against another size, leave it out of the network"
            if of_layer and "rate" in self._drawn_as:
                fix = f"a learning rate has one value for all layers: give {known}"
            elif of_layer:
                layer, name = (ell, "layer") if self.network._is_chain else (b, "block")
                call = f"squared_update({brief(self.network)}, {layer})"
                fix = f"to plot against the {name}, draw {call}, say"
            raise InvalidArgument(
                f"expected {known} for against, got against={typed(against)}; {fix}"
            )
        return names[str(against)]

    def _openings(self) -> str:
        """The size to leave open, in a refusal to draw a value in numbers."""
        if self.network._whole:
            return "leave width open: give theory.symbols.n for it"
        usual = "width or depth" if "rate" in self._drawn_as else "width, depth or layer"
        sizes, layer = self._to_open or usual, ell if self.network._is_chain else b
        example = f", as in squared_update({brief(self.network)}, {layer})"
        return f"leave {sizes} open{example * sizes.endswith('layer')}"

    def _family(
        self, axis: Symbol, given: dict[Symbol, Any]
    ) -> tuple[Symbol | None, list[dict[Symbol, Any]]]:
        """The size of which each curve has its own number, and the numbers of each curve."""
        others = [size for size in self._drawn_sizes if size != axis]
        several = [size for size in others if size in given and not _is_one(given[size])]
        if len(several) > 1:
            raise InvalidArgument(
                f"expected several numbers for {axis} and for one other size, got them for "
                f"{' and '.join(map(str, several))}; give one number for all but one"
            )
        one = self._drawn_parts or several or axis in (ell, b)
        free = [size for size in others if size not in given and size in _CURVES]
        if not several and free and (not self._drawn_parts) and (n in free or not one):
            several = [n if n in free else free[0]]
        fixed = {s: _one(s, given) for s in others if s not in several}
        if not several:
            return None, [fixed]
        (family,) = several
        usual = _CURVES.get(family)
        if family == L:
            usual = tuple(max(_least_depth(self, fixed), depth) for depth in _CURVES[L])
        numbers = _checked(family, given.get(family, usual))
        return family, [fixed | {family: number} for number in numbers]

    def _grid(self, axis: Symbol, values: Sequence[dict[Symbol, Any]]) -> list[Any]:
        """Numbers for the size on the axis."""
        depth = self.network.depth
        open_depth = L if L in self._drawn_sizes else B
        last = min(p.get(open_depth, _ONE[open_depth]) for p in values)
        last = depth if isinstance(depth, int) else last
        at = block_of(getattr(self, "layer", 1))
        named = at if isinstance(at, int) and axis in (L, B) else 1
        least = max(int(point.get(ell, point.get(b, named))) for point in values)
        low = max(least, 2 if self._drawn_parts else 1, *(_least_depth(self, p) for p in values))
        ends = {L: (low, max(64, 2 * low)), n: (16, 4096), n_0: (1, 4096)}
        ends[ell] = ends[b] = (1, int(last))
        if axis == B:
            return [2**k for k in range(7) if 2**k >= max(least, 2 if self._drawn_parts else 1)]
        if axis == a:
            return [Rational(k, 20) for k in range(1, 21)]
        if axis not in ends:
            raise InvalidArgument(
                f"expected numbers for {axis}, against which the value is drawn, got none; give "
                f"{axis}=[2, 4, 8]"
            )
        return _even(*ends[axis])

    def _drawn_curves(self, axis: Symbol, grid: Sequence[Any], point: dict[Symbol, Any]) -> Any:
        """The exact values along the grid of each of its numbers."""
        sizes: dict[str, Any] = {size.name: value for size, value in point.items()}
        found = self(**sizes, **{axis.name: list(grid)})
        return found if isinstance(found, tuple) else (found,)

    def _labels(self, family: Symbol | None, values: Sequence[dict[Symbol, Any]]) -> list[str]:
        sizes = [f", {_sized(family, point[family])}" if family else "" for point in values]
        parts = [f", {each}" for each in self._drawn_parts] or [""]
        return [f"{self._of_curves}{part}{size}" for size in sizes for part in parts]

    def _finding(
        self,
        axis: Symbol,
        grid: Sequence[Any],
        point: dict[Symbol, Any],
        curves: Sequence[Curve],
        laws: Sequence[Expr],
        limits: Sequence[Curve],
    ) -> str:
        """Where a curve follows its law, or how far it goes: the middle one of several numbers, the
        last one of several sizes, at ``point``."""
        told = len(self._drawn_parts) // 2
        below = told - max(len(self._drawn_parts), 1)
        curve, name = curves[below].y, _NAMES.get(axis, str(axis))
        part = f", {self._drawn_parts[told]}," if self._drawn_parts else ""
        at = ", ".join(_sized(size, number) for size, number in point.items())
        what = f"{self._named_quantity}{part}{at and f' at {at}'}"
        if n in point:
            what = what.replace(_AT_INFINITY, "to leading order in $n$")
        if _WORD.match(what):
            what = what[0].upper() + what[1:]
        if not laws:
            if f"{min(curve):.3g}" == f"{max(curve):.3g}":
                return f"{what} is {_short(curve[0])} at every {name} shown"
            turn = "falls" if curve[-1] < curve[0] else "grows"
            ends = f"{name} {_number(grid[0])} to {_number(grid[-1])}"
            return f"{what} {turn} from {_short(curve[0])} to {_short(curve[-1])}, {ends}"
        law = _with_formula(self._law_name(laws), laws[min(told, len(laws) - 1)])
        pairs = list(zip(curve, limits[below].y, strict=True))
        if all(abs(x - y) <= 10.0**-_DIGITS * abs(y) for x, y in pairs):
            return f"{what} equals its {law} to {_DIGITS} digits at every {name} shown"
        run = _longest([abs(x - y) <= _NEAR * abs(y) for x, y in pairs])
        if run is None:
            return f"{what} is nowhere within {_NEAR:.0%} of its {law} here"
        low, high = (_number(grid[place]) for place in run)
        where = f"from {name} {low} to {high}" if low != high else f"at {name} {low} alone"
        if run == (0, len(grid) - 1):
            return f"{what} is everywhere within {_NEAR:.0%} of its {law} here"
        return f"{what} is within {_NEAR:.0%} of its {law} {where}"


def _opened(held: Any, sizes: Mapping[str, Symbol]) -> Any:
    """A value of which every network has symbols for these of its arguments."""
    if isinstance(held, Network):
        return held._with(**sizes)
    if type(held) is tuple:
        return tuple(_opened(each, sizes) for each in held)
    if not sizes or not isinstance(held, Drawable):
        return held
    own = ((each.name, getattr(held, each.name)) for each in fields(held))  # type: ignore[arg-type]
    return replace(held, **{name: _opened(value, sizes) for name, value in own})  # type: ignore[type-var]


def _least_depth(held: Any, numbers: Mapping[Symbol, Any]) -> int:
    """The least depth of the rates of a value, with ``numbers`` for its symbols."""
    if isinstance(held, Drawable):
        held = tuple(getattr(held, each.name) for each in fields(held))  # type: ignore[arg-type]
    if type(held) is tuple:
        return max((_least_depth(each, numbers) for each in held), default=1)
    return least_depth(held, numbers)


def _inside(value: Any) -> bool:
    """Whether a value of a residual network is of a branch, not of the stream h."""
    return isinstance(getattr(value, "layer", None), Branch)


def _exact(labels: Sequence[str], curves: Sequence[Curve]) -> list[Curve]:
    pairs = zip(labels, curves, strict=True)
    return [replace(each, label=name, look=look) for look, (name, each) in enumerate(pairs)]


def _dashed(laws: Sequence[Expr], limits: Sequence[Curve], kind: str, name: str) -> list[Curve]:
    """Each law, of this ``kind``, that differs from the others; one entry for all, under ``name``
    if there is one."""
    different = [each for place, each in enumerate(limits) if each not in limits[:place]]
    label = _with_formula(kind, laws[0]) if len(laws) == 1 else f"{kind}s"
    labels = [name or label, *[""] * len(different)]
    return [replace(each, label=name) for name, each in zip(labels, different, strict=False)]


def _with_formula(kind: str, law: Expr) -> str:
    """The ``kind`` of a law, and its formula where that is short."""
    formula = law_tex(law)
    return f"{kind} {formula}" if len(formula) <= _LONGEST else kind


def _law_on_grid(
    law: Expr, axis: Symbol, grid: Sequence[Any], point: dict[Symbol, Any]
) -> list[float]:
    fixed = law.subs(point)
    return [float(fixed.subs(axis, number)) for number in grid]


def _floats(grid: Sequence[Any]) -> list[float]:
    return [float(each) for each in grid]


def _sized(size: Symbol, number: Any) -> str:
    return f"{_NAMES.get(size, size.name)} {_number(number)}"


def law_tex(law: Expr) -> str:
    """A law as a formula between dollars, in one line where it is a power."""
    law = law.xreplace({number: number.n(4) for number in law.atoms(Float)})
    above, below = fraction(law)
    if below == 1 or above.is_Add or below.is_Mul or below.is_Add:
        return f"${expression_latex(law, fold_frac_powers=True)}$".replace(r"\frac", r"\dfrac")
    return "$" + "/".join(expression_latex(x, fold_frac_powers=True) for x in (above, below)) + "$"


def _all_names(size: Symbol) -> set[str]:
    return {size.name, _NAMES.get(size, size.name), *(["blocks"] if size == B else [])}


def _named(size: Symbol) -> str:
    return f"{_NAMES[size]} {_LETTERS[size]}" if size in _NAMES else f"${latex(size)}$"


def _number(value: Any) -> str:
    return f"{int(value):,}" if value == int(value) else str(value)


def _short(value: float) -> str:
    """Three digits, in full below a million."""
    text = f"{value:.3g}"
    return f"{float(text):,.0f}" if 1000 <= abs(value) < 999_500 else text


def _is_one(value: Any) -> bool:
    return isinstance(value, str) or not hasattr(value, "__len__")


def _one(size: Symbol, given: dict[Symbol, Any]) -> Any:
    """The number of a size that is neither on the axis nor of several curves."""
    if size in given or size in _ONE:
        return read_size(size, given.get(size, _ONE.get(size)))
    raise InvalidArgument(f"expected a number for {size}, got none; give {size}=1")


def _checked(size: Symbol, values: Any, others: Sequence[str] = ()) -> list[Any]:
    """Numbers that ``size`` may stand for, rising, each once; ``others``: sizes for the axis."""
    if _is_one(values) or len(values) < 1:
        instead = "".join(f", or against={other}" for other in others[:1])
        raise InvalidArgument(
            f"expected several numbers for {size}, against which the value is drawn, got "
            f"{size}={typed(values)}; give {size}=[2, 4, 8]{instead}"
        )
    listed = values.tolist() if hasattr(values, "tolist") else values
    return sorted({read_size(size, value) for value in listed})


def _even(low: int, high: int) -> list[int]:
    """Whole numbers between two, evenly on a logarithmic scale, each once."""
    ratio = (high / low) ** (1 / (_POINTS - 1))
    return sorted({round(low * ratio**k) for k in range(_POINTS)} | {high})


def _longest(good: Sequence[bool]) -> tuple[int, int] | None:
    """The first and the last place of the longest run of True; None where there is none."""
    best: tuple[int, int] | None = None
    start = 0
    for place, each in enumerate([*good, False]):
        if not each:
            if place > start and (best is None or place - start > best[1] - best[0] + 1):
                best = start, place - 1
            start = place + 1
    return best
