"""Kernels sum long vectors in lanes: ``LANES`` doubles side by side, a sum in each.

This module fixes the order of every addition, so that the bits do not depend on the compiler: entry
i of a vector goes to lane i % LANES, each lane adds its entries in their order, and the lanes are
added in halves.  A sweep over vectors of one size:

    total = no_lanes()
    for i in range(0, vector.size, LANES):
        entries = lanes_at(vector, i)
        total = fused_lanes(entries, entries, total)
    return sum_of_lanes(total)
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, errors
from numba.extending import intrinsic, models, register_model

__all__ = [
    "LANES",
    "fused_lanes",
    "lanes_at",
    "no_lanes",
    "polynomial_lanes",
    "put_lanes",
    "sum_of_lanes",
]

LANES = 32
"""Enough for four registers of eight doubles, or eight of four, to be summed at a time."""

_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_WORDS = ir.VectorType(ir.IntType(32), LANES)
_INTEGERS = ir.VectorType(ir.IntType(64), LANES)
_declared: Any = cgutils.get_or_insert_function


class _LanesType(types.Type):
    """``LANES`` doubles."""

    def __init__(self) -> None:
        super().__init__(name="lanes")


class _LanesModel(models.PrimitiveModel):
    """They are held as one vector of the compiler's."""

    def __init__(self, manager: Any, of: Any) -> None:
        super().__init__(manager, of, _DOUBLES)  # type: ignore[no-untyped-call]


register_model(_LanesType)(_LanesModel)
_LANES = _LanesType()


def _no_lanes(context: Any) -> Any:
    """Zeros."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(_DOUBLES, None)

    return _LANES(), emit


def _lanes_at(context: Any, vector: Any, start: Any) -> Any:
    """The entries of a contiguous array of floats from ``start`` on; zeros beyond its end."""
    if getattr(vector, "layout", "") != "C" or vector.dtype not in (types.float32, types.float64):
        return None

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(vector)(context, builder, arguments[0])
        rest = builder.sub(builder.extract_value(array.shape, 0), arguments[1])
        entries = ir.VectorType(array.data.type.pointee, LANES)
        place = builder.gep(array.data, [arguments[1]])
        place = builder.bitcast(place, entries.as_pointer())
        size = vector.dtype.bitwidth // 8
        many = builder.icmp_signed(">=", rest, ir.Constant(rest.type, LANES))
        with builder.if_else(many, likely=True) as (here, at_the_end):
            with here:
                whole, first = builder.load(place, align=size), builder.block
            with at_the_end:
                part, second = _masked_load(builder, place, entries, rest, size), builder.block
        found = builder.phi(entries)
        found.add_incoming(whole, first)
        found.add_incoming(part, second)
        return found if entries == _DOUBLES else builder.fpext(found, _DOUBLES)

    return _LANES(vector, types.intp), emit


def _masked_load(builder: Any, place: Any, entries: Any, rest: Any, size: int) -> Any:
    """The first ``rest`` entries; no other is touched."""
    mask = _first(builder, rest)
    kind = ir.FunctionType(entries, [place.type, _WORDS.element, mask.type, entries])
    name = f"llvm.masked.load.v{LANES}f{8 * size}.p0"
    load = _declared(builder.module, kind, name)
    aligned, zeros = ir.Constant(_WORDS.element, size), ir.Constant(entries, None)
    return builder.call(load, [place, aligned, mask, zeros])


def _first(builder: Any, rest: Any) -> Any:
    """Which lanes are among the first ``rest``."""
    count = _spread(builder, builder.trunc(rest, _WORDS.element), _WORDS)
    return builder.icmp_signed("<", ir.Constant(_WORDS, list(range(LANES))), count)


def _put_lanes(context: Any, vector: Any, start: Any, lanes: Any) -> Any:
    """Lanes into a contiguous array of doubles from ``start`` on, as far as it goes."""
    if getattr(vector, "layout", "") != "C" or vector.dtype != types.float64:
        return None

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(vector)(context, builder, arguments[0])
        rest = builder.sub(builder.extract_value(array.shape, 0), arguments[1])
        place = builder.bitcast(builder.gep(array.data, [arguments[1]]), _DOUBLES.as_pointer())
        many = builder.icmp_signed(">=", rest, ir.Constant(rest.type, LANES))
        with builder.if_else(many, likely=True) as (here, at_the_end):
            with here:
                builder.store(arguments[2], place, align=8)
            with at_the_end:
                mask, word = _first(builder, rest), _WORDS.element
                kind = [_DOUBLES, place.type, word, mask.type]
                store = ir.FunctionType(ir.VoidType(), kind)
                store = _declared(builder.module, store, f"llvm.masked.store.v{LANES}f64.p0")
                builder.call(store, [arguments[2], place, ir.Constant(word, 8), mask])
        return context.get_dummy_value()

    return types.void(vector, types.intp, lanes), emit


def _spread(builder: Any, value: Any, kind: Any) -> Any:
    """``value`` in every lane."""
    nothing, first = ir.Constant(kind, ir.Undefined), ir.Constant(_WORDS, None)
    one = builder.insert_element(nothing, value, ir.Constant(_WORDS.element, 0))
    return builder.shuffle_vector(one, nothing, first)


def _fused_lanes(context: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once; a number stands for the same in every lane."""
    kinds = [each if each == _LANES else types.float64 for each in (a, b, c)]

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = [
            value if kind == _LANES else _spread(builder, value, _DOUBLES)
            for kind, value in zip(kinds, arguments, strict=True)
        ]
        kind = ir.FunctionType(_DOUBLES, [_DOUBLES] * 3)
        name = f"llvm.fma.v{LANES}f64"
        return builder.call(_declared(builder.module, kind, name), values)

    return _LANES(*kinds), emit


def _polynomial_lanes(context: Any, table: Any, per_unit: Any, cells: Any, z: Any) -> Any:
    """The polynomial of z and its derivative, of five coefficients for each of twice ``cells``.

    |z| lies in cell floor(|z| per_unit), the last at most, and the polynomial is one of |z| over
    the beginning of the cell.  ``table``: coefficient k of cell i of positive z at 2 k cells + i,
    and behind them those of other z; NaN lies in the last cell.
    """
    if getattr(table, "layout", "") != "C" or table.dtype != types.float64:
        return None
    if not isinstance(per_unit, types.Literal) or not isinstance(cells, types.Literal):
        raise errors.RequireLiteralValue("per_unit, cells")
    many, last = cells.literal_value, float(cells.literal_value - 1)
    unit = float(per_unit.literal_value)

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def call(name: str, *values: Any) -> Any:
            kind = ir.FunctionType(_DOUBLES, [_DOUBLES] * len(values))
            return builder.call(_declared(builder.module, kind, f"llvm.{name}.v{LANES}f64"), values)

        z, end = arguments[3], _each(_DOUBLES, last)
        size = call("fabs", z)
        held = builder.fmul(size, _each(_DOUBLES, unit))
        held = builder.select(builder.fcmp_ordered("<", held, end), held, end)
        cell = builder.fptosi(held, _INTEGERS)
        s = call("fma", builder.sitofp(cell, _DOUBLES), _each(_DOUBLES, -1.0 / unit), size)
        positive = builder.fcmp_ordered(">", z, _each(_DOUBLES, 0.0))
        cell = builder.select(positive, cell, builder.add(cell, _each(_INTEGERS, many)))
        data = context.make_array(table)(context, builder, arguments[0]).data
        place = _spread(builder, builder.ptrtoint(data, _INTEGERS.element), _INTEGERS)
        place = builder.add(place, builder.shl(cell, _each(_INTEGERS, 3)))
        c = [
            _gathered(builder, builder.add(place, _each(_INTEGERS, 16 * many * k)))
            for k in range(5)
        ]
        value, slope = c[4], builder.fmul(c[4], _each(_DOUBLES, 4.0))
        for k in (3, 2, 1):
            value = call("fma", value, s, c[k])
            slope = call("fma", slope, s, builder.fmul(c[k], _each(_DOUBLES, float(k))))
        slope = builder.select(positive, slope, builder.fneg(slope))
        pair = call("fma", value, s, c[0]), slope
        return context.make_tuple(builder, signature.return_type, pair)

    both: Any = types.Tuple
    return both([_LANES, _LANES])(table, per_unit, cells, z), emit


def _each(kind: Any, number: float) -> Any:
    """``number`` in every lane."""
    return ir.Constant(kind, [number] * LANES)


def _gathered(builder: Any, places: Any) -> Any:
    """The doubles at ``places`` in memory."""
    pointers = ir.VectorType(_DOUBLES.element.as_pointer(), LANES)
    every = ir.VectorType(ir.IntType(1), LANES)
    kind = ir.FunctionType(_DOUBLES, [pointers, _WORDS.element, every, _DOUBLES])
    gather = _declared(builder.module, kind, f"llvm.masked.gather.v{LANES}f64.v{LANES}p0")
    aligned, nothing = ir.Constant(_WORDS.element, 8), ir.Constant(_DOUBLES, None)
    given = [builder.inttoptr(places, pointers), aligned, _each(every, 1), nothing]
    return builder.call(gather, given)


def _sum_of_lanes(context: Any, lanes: Any) -> Any:
    """The lanes added up: the upper half to the lower one, until a single lane is left."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (left,), count = arguments, LANES
        while count > 1:
            count //= 2
            half = ir.VectorType(_WORDS.element, count)
            lower, upper = (ir.Constant(half, list(range(at, at + count))) for at in (0, count))
            one, other = (builder.shuffle_vector(left, left, each) for each in (lower, upper))
            left = builder.fadd(one, other)
        return builder.extract_element(left, ir.Constant(_WORDS.element, 0))

    return types.float64(_LANES), emit


no_lanes: Any = intrinsic(_no_lanes)
lanes_at: Any = intrinsic(_lanes_at)
fused_lanes: Any = intrinsic(_fused_lanes)
put_lanes: Any = intrinsic(_put_lanes)
polynomial_lanes: Any = intrinsic(prefer_literal=True)(_polynomial_lanes)
sum_of_lanes: Any = intrinsic(_sum_of_lanes)
