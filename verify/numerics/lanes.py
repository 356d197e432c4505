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
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

__all__ = ["LANES", "fused_lanes", "lanes_at", "no_lanes", "sum_of_lanes"]

LANES = 32
"""Enough for four registers of eight doubles, or eight of four, to be summed at a time."""

_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_WORDS = ir.VectorType(ir.IntType(32), LANES)
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
    count = _spread(builder, builder.trunc(rest, _WORDS.element), _WORDS)
    mask = builder.icmp_signed("<", ir.Constant(_WORDS, list(range(LANES))), count)
    kind = ir.FunctionType(entries, [place.type, _WORDS.element, mask.type, entries])
    name = f"llvm.masked.load.v{LANES}f{8 * size}.p0"
    load = _declared(builder.module, kind, name)
    aligned, zeros = ir.Constant(_WORDS.element, size), ir.Constant(entries, None)
    return builder.call(load, [place, aligned, mask, zeros])


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
sum_of_lanes: Any = intrinsic(_sum_of_lanes)
