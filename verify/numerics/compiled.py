"""Decorators compile all kernels with the same options and key their disk cache by a digest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

from llvmlite import ir
from numba import config, njit, types
from numba.core.event import Event, Listener, register
from numba.extending import intrinsic

from theory.errors import InvalidArgument
from theory.waiting import delayed

__all__ = [
    "PACKAGE",
    "Array",
    "bits_of_double",
    "bits_of_single",
    "compiling",
    "double_of_bits",
    "formula",
    "fused",
    "kernel",
    "ones",
    "part",
    "single_of_bits",
    "sources_digest",
]

Array: TypeAlias = Any
"""An array of numbers, as kernels take it."""
PACKAGE = Path(__file__).parents[1]
"""The folder of ``verify``."""
_IMPORT = re.compile(
    r"^from (verify[\w.]*) import (\([^)]*\)|[^\n]*)|^import (verify[\w.]*)", re.MULTILINE
)
Function = TypeVar("Function", bound=Callable[..., Any])

if config.DISABLE_JIT:  # type: ignore[attr-defined]
    raise InvalidArgument(
        "expected NUMBA_DISABLE_JIT to be 0 or not set, got 1; the samplers are made of compiled "
        "functions alone: unset it"
    )


class _Compilation(Listener):
    """Numba's reports of its work, which its lock leaves to one thread at a time."""

    def __init__(self) -> None:
        self.depth, self.named = 0, ExitStack()

    def on_start(self, event: Event) -> None:
        """A function is compiled, perhaps for another function."""
        self.depth += 1
        if self.depth == 1:
            self.named.enter_context(delayed("compiling, for up to a minute on a first run"))

    def on_end(self, event: Event) -> None:
        """It is compiled."""
        self.depth -= 1
        if self.depth == 0:
            self.named.close()


_compilation = _Compilation()
register("numba:compile", _compilation)  # type: ignore[no-untyped-call]


def compiling() -> bool:
    """Whether a thread of this process compiles a function, which nothing can interrupt."""
    return _compilation.depth > 0


def _compiled(function: Function, inline: bool, counts: bool = True) -> Function:
    """Compile ``function`` when first called, without the GIL, division by zero as IEEE has it.

    No fast-math flag is set: an operation is rounded where the source has it, in the source's
    order.  Each of these flags leaves a choice to the compiler, which depends on the surrounding
    code: a kernel from the disk cache was compiled in other surroundings than a kernel that new
    code calls, and would draw other bits.  So a sum that is to run in vector lanes names its lanes
    (`verify.numerics.lanes`), and a product that is to be rounded with its sum says `fused`.

    Numba keeps a compiled function on disk for as long as its own file is unchanged, even where
    a function of another file that was compiled into it has changed.  So the version that Numba
    compares before it reads an entry is joined by a digest of every module that the code may come
    from: an entry that names a module of older sources is then not read at all.
    """
    options: dict[str, Any] = {"error_model": "numpy", "nogil": True}
    options |= {"forceinline": inline, "fastmath": False, "_nrt": counts}
    try:
        compiled: Any = njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to write to: compiled anew by each process
        return cast(Function, njit(**options)(function))
    file = compiled._cache._cache_file
    file._version += f" {sources_digest(Path(function.__code__.co_filename))}"
    return cast(Function, compiled)


def kernel(function: Function) -> Function:
    """A compiled kernel, with the same bits in all code that calls it."""
    return _compiled(function, inline=False)


def borrowing_kernel(function: Function) -> Function:
    """As `kernel`, of a function that makes and returns no array: it counts no references to its
    arrays, which its caller holds.

    Each `part` that takes a tuple of arrays counts a reference to each of them otherwise.
    """
    return _compiled(function, inline=False, counts=False)


def part(function: Function) -> Function:
    """A piece of a kernel, compiled as if it stood where it is called: it saves compiling twice."""
    compiled: Any = njit(inline="always")(function)
    return cast(Function, compiled)


def formula(function: Function) -> Function:
    """A compiled function of numbers, put in line wherever it is called, so that loops over it can
    run in vector lanes."""
    return _compiled(function, inline=True)


def _reinterpret(source: Any, target: Any, name: str) -> Any:
    """The same bits under another type."""
    widths = {
        types.int32: ir.IntType(32),
        types.uint64: ir.IntType(64),
        types.float32: ir.FloatType(),
        types.float64: ir.DoubleType(),
    }

    def typed(context: Any, value: Any) -> Any:
        return target(source), lambda context, builder, signature, values: builder.bitcast(
            values[0], widths[target]
        )

    typed.__name__ = typed.__qualname__ = name
    return intrinsic(typed)


bits_of_single = _reinterpret(types.float32, types.int32, "bits_of_single")
single_of_bits = _reinterpret(types.int32, types.float32, "single_of_bits")
bits_of_double = _reinterpret(types.float64, types.uint64, "bits_of_double")
double_of_bits = _reinterpret(types.uint64, types.float64, "double_of_bits")


def _fused(context: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once, of three floats of one type."""
    return a(a, a, a), lambda context, builder, signature, numbers: builder.fma(*numbers)


def _ones(context: Any, word: Any) -> Any:
    """The number of bits of an integer that are 1."""
    return word(word), lambda context, builder, signature, words: builder.ctpop(*words)


fused: Any = intrinsic(_fused)
ones: Any = intrinsic(_ones)


@cache
def sources_digest(source: Path, package: Path = PACKAGE) -> str:
    """A digest of the file ``source`` and of the modules of ``verify``, in the folder ``package``,
    that it imports, directly or not: all code that a function of ``source`` may call or inline."""
    texts = _texts(package)
    own = source.read_text(encoding="utf-8")
    reached: set[str] = set()
    ahead = _imported(own) & texts.keys()
    while ahead:
        reached |= ahead
        ahead = set[str]().union(*(_imported(texts[name]) for name in ahead))
        ahead = (ahead & texts.keys()) - reached
    parts = [own, *(f"{name}\n{texts[name]}\n" for name in sorted(reached))]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


@cache
def _texts(package: Path) -> dict[str, str]:
    """Sources of all modules of ``package`` and its folders, by dotted name."""
    return {
        ".".join(("verify", *path.relative_to(package).with_suffix("").parts)): path.read_text(
            encoding="utf-8"
        )
        for path in package.rglob("*.py")
        if path.name != "__init__.py"
    }


def _imported(text: str) -> set[str]:
    """Dotted names that a source imports: modules, and names in modules, which may be modules."""
    found = set()
    for base, names, module in _IMPORT.findall(text):
        found |= {base or module, *(f"{base}.{name}" for name in re.findall(r"\w+", names))}
    return found
