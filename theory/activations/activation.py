"""`Activation`: a nonlinearity that a user writes as a formula in z."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from math import isfinite
from operator import add, mul, neg, pos, sub, truediv
from typing import Any

import numpy as np
import sympy
from sympy import Expr

from theory.activations.nonlinearity import FloatArray, Nonlinearity, erf_values, z
from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.public_names import cached_property
from theory.validation import brief, exact_number, typed

__all__ = ["Activation"]

_LONGEST = 400
"""Characters of a formula."""
_TRIED = np.array([-2.7, -1.3, -0.4, 0.4, 1.3, 2.7])
"""Numbers z at which every formula has a value and a slope."""
_SAME_NAME = (
    "exp log sqrt sinh cosh tanh sin cos tan asinh atan erf erfc Abs sign Max Min Heaviside"
)
_FUNCTIONS: dict[str, Callable[..., Expr]] = {
    **{name: getattr(sympy, name) for name in _SAME_NAME.split()},
    "abs": sympy.Abs,
    "max": sympy.Max,
    "min": sympy.Min,
    "arctan": sympy.atan,
    "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
}
_NAMED = {
    "relu": "ReLU()",
    "leaky_relu": "LeakyReLU(0.1)",
    "gelu": "GELU()",
    "silu": "SiLU()",
    "swish": "SiLU()",
    "elu": "ELU()",
    "mish": "Mish()",
    "softplus": "Softplus()",
    "softsign": "Softsign()",
}
"""Activations of other names than the functions of a formula."""
_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: add,
    ast.Sub: sub,
    ast.Mult: mul,
    ast.Div: truediv,
    ast.USub: neg,
    ast.UAdd: pos,
    ast.Pow: sympy.Pow,
}


@answered_class
@dataclass(frozen=True)
class Activation(Nonlinearity):
    """The activation given by the formula ``text``, such as "z/(1 + z**4)**(1/4)".

    The formula may contain numbers, z, pi, the operators ``+ - * /`` and ``**``, and exp, log,
    sqrt, sinh, cosh, tanh, sin, cos, tan, asinh, atan, erf, erfc, sigmoid, abs, sign, max, min and
    Heaviside.  Text is parsed, never evaluated; SymPy takes the derivative.  Raises
    `InvalidArgument` for any other text.

    >>> from theory import Activation
    >>> Activation("z/(1 + z**4)**(1/4)").formula
    z/(z**4 + 1)**(1/4)
    """

    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise InvalidArgument(
                f"expected a formula in z as text, got {typed(self.text)}; give "
                f"Activation('z/(1 + z**2)'), say"
            )
        if not self.formula.has(z) or self.formula.has(sympy.zoo, sympy.nan, sympy.I):
            raise _refused(self.text, "a real formula that holds z")
        self._check_values()

    def _check_values(self) -> None:
        """Refuse a formula without a real value and slope in floats on both sides of 0."""
        real = "a real function with values and slopes in the range of floats"
        try:
            off = ~np.isfinite([self.value(_TRIED), self.derivative(_TRIED)]).all(axis=0)
        except OverflowError:
            raise _refused(self.text, real, "a number beyond it") from None
        except (KeyError, TypeError):  # such as re(z), which the derivative of abs(sqrt(z)) holds
            raise _refused(self.text, real) from None
        if off.any():
            raise _refused(self.text, real, f"none at z = {_TRIED[off][0]:g}")

    def __repr__(self) -> str:
        return f"Activation({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Activation) and self.formula == other.formula

    def __hash__(self) -> int:
        return hash(self.formula)

    @cached_property
    def formula(self) -> Expr:
        """The formula in z, as SymPy reads it.

        >>> from theory import Activation
        >>> Activation("abs(z)/(1 + z^2)").formula
        Abs(z)/(z**2 + 1)
        """
        text = self.text.replace("^", "**").strip()
        if len(text) > _LONGEST:
            raise _refused(
                self.text, f"a formula of at most {_LONGEST} characters", f"{len(text)} of them"
            )
        try:
            return sympy.sympify(_read(ast.parse(text, mode="eval").body, self.text))
        except InvalidArgument:
            raise
        except SyntaxError as error:
            wanted = "a formula in z with * for products and exp() for powers of e"
            raise _refused(self.text, wanted, f"an error: {error.msg}", _in_python(text)) from None
        except (ValueError, RecursionError, MemoryError):
            raise _refused(self.text, "a formula in z of fewer brackets, real and finite") from None

    @cached_property
    def slope_formula(self) -> Expr:
        """phi'(z), in the symbol z.

        >>> from theory import Activation
        >>> Activation("tanh(2*z)").slope_formula
        2 - 2*tanh(2*z)**2
        """
        return self.formula.diff(z)

    @cached_property
    def kinks(self) -> tuple[float, ...]:  # type: ignore[override]  # noqa: D102
        arguments: set[Expr] = set()
        for part in self.formula.atoms(sympy.Abs, sympy.sign, sympy.Heaviside):
            arguments.add(part.args[0])
        for several in self.formula.atoms(sympy.Max, sympy.Min):
            first, *others = several.args
            arguments |= {first - other for other in others}
        found: set[float] = set()
        for argument in arguments:
            roots = sympy.solveset(argument, z, sympy.S.Reals)
            if not (roots.is_empty or isinstance(roots, sympy.FiniteSet)):
                raise _refused(self.text, "kinks at points that can be solved for")
            found |= {float(root) for root in roots}
        return tuple(sorted(found))

    def value(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return _numbers(self.formula, np.asarray(z, dtype=np.float64))

    def derivative(self, z: FloatArray) -> FloatArray:  # noqa: D102
        return _numbers(self.slope_formula, np.asarray(z, dtype=np.float64))


def _read(node: ast.AST, text: str) -> Any:
    """The expression of a node of the syntax tree, of the kinds that are listed alone."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            if isfinite(number):
                return exact_number("a number in the formula", number)
        case ast.Name(id="z"):
            return z
        case ast.Name(id="pi"):
            return sympy.pi
        case ast.BinOp() if type(node.op) in _OPERATORS:
            left, right = _read(node.left, text), _read(node.right, text)
            if isinstance(node.op, ast.Pow):
                _check_power(left, right, text)
            return _OPERATORS[type(node.op)](left, right)
        case ast.UnaryOp() if type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](_read(node.operand, text))
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _FUNCTIONS:
            several = name.lower() in ("max", "min")
            if len(node.args) == 1 or (several and node.args):
                return _FUNCTIONS[name](*(_read(part, text) for part in node.args))
            wanted = f"{'arguments' if several else 'one argument'} in {name}()"
            raise _refused(text, wanted, f"{len(node.args)} in it")
    known = f"numbers, z, pi, + - * / ** and {', '.join(_FUNCTIONS)}"
    raise _refused(text, known, _named(node), _meant(node, text))


def _meant(node: ast.AST, text: str) -> str:
    """The activation, or the formula, that a part which is not read may stand for."""
    match node:
        case ast.Call(func=ast.Name(id=name)) if name.lower() in _NAMED:
            if re.fullmatch(rf"{name}\(z\b[^-+*/^()]*\)", text.strip()):
                return _NAMED[name.lower()]
            written = re.sub(r"(?i)\brelu\(", "max(0, ", text).replace("^", "**")
            return written * ({*re.findall(r"[^\W\d]\w*", written)} <= {*_FUNCTIONS, "z", "pi"})
        case ast.Name(id=name) if not re.search(r"\bz\b", text):
            return re.sub(rf"\b{name}\b", f"{name}(z)" if name in _FUNCTIONS else "z", text)
    return ""


def _check_power(base: Expr, exponent: Expr, text: str) -> None:
    if not (exponent.is_Rational and abs(exponent) <= 100):
        wanted = "numbers of at most 100 as exponents, and exp() for others"
        raise _refused(text, wanted, f"the exponent {brief(exponent)}")
    if base.is_Rational and max(abs(base.p), base.q).bit_length() * abs(exponent) > 1024:
        raise _refused(text, "numbers in the range of floats", f"a power of {brief(base)}")


def _named(node: ast.AST) -> str:
    """The part of a formula that is not read, in words."""
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in _FUNCTIONS:
            return f"{name}() with a keyword or a starred argument"
        case ast.Call(func=ast.Name(id=name)):
            near = "".join(get_close_matches(name, _FUNCTIONS, 1) * (name.lower() not in _NAMED))
            return f"the unknown function {name}()" + f", perhaps {near}()" * bool(near)
        case ast.Name(id=name) if name in _FUNCTIONS:
            return f"{name} without an argument in brackets"
        case ast.Name(id=name):
            return f"the unknown symbol {name}"
    return brief(ast.unparse(node), write=str)


def _refused(text: str, expected: str, got: str = "", instead: str = "") -> InvalidArgument:
    """The refusal of ``text``; ``instead``: a text that may be meant, or the activation."""
    part = f" with {got}" * bool(got)
    if instead not in _NAMED.values():
        instead = f"Activation({instead if _parses(instead) else 'z/(1 + z**4)**(1/4)'!r}), say"
    return InvalidArgument(
        f"expected {expected} for an activation, got {typed(text)}{part}; give {instead}"
    )


def _in_python(text: str) -> str:
    """A formula of a paper with its products, brackets and powers of e as Python spells them."""
    products = re.sub(r"(?<=[0-9z)}])\s*(?=[a-z({])", "*", text)
    brackets = products.replace("{", "(").replace("}", ")")
    return re.sub(r"\be\*\*", "exp", brackets)


def _parses(text: str) -> bool:
    try:
        return bool(text) and ast.parse(text, mode="eval") is not None
    except SyntaxError:
        return False


_FAST_POWERS = 64
"""Quarters in a power that is multiplied out, which takes a fraction of the time of np.power."""


def _power(base: Any, power: Any) -> Any:
    """``base`` to a number; multiples of 1/4 by square roots and products."""
    left = abs(4 * power)
    if left != int(left) or not 0 < left <= _FAST_POWERS or not np.ndim(base):
        return np.power(base, power)
    shared = math.gcd(int(left), 4)
    for _ in range({1: 2, 2: 1, 4: 0}[shared]):
        base = np.sqrt(base)
    left = int(left) // shared
    found: Any = 1.0
    while left:
        found = found * base if left % 2 else found
        base, left = base * base, left // 2
    return 1 / found if power < 0 else found


_NUMPY: dict[type, Callable[..., Any]] = {
    **{getattr(sympy, name): getattr(np, name) for name in ("exp", "log", "sinh", "cosh", "tanh")},
    **{getattr(sympy, name): getattr(np, name) for name in ("sin", "cos", "tan", "sign")},
    sympy.Abs: np.abs,
    sympy.atan: np.arctan,
    sympy.asinh: np.arcsinh,
    sympy.erf: erf_values,
    sympy.erfc: lambda x: 1 - erf_values(x),
    sympy.Max: lambda *values: reduce(np.maximum, values),
    sympy.Min: lambda *values: reduce(np.minimum, values),
    sympy.Heaviside: lambda x, half=0.5: np.heaviside(x, half),
    sympy.DiracDelta: lambda x: 0 * x,
    sympy.Add: lambda *values: reduce(np.add, values),
    sympy.Mul: lambda *values: reduce(np.multiply, values),
    sympy.Pow: lambda base, power: _power(base, power),
}


def _numbers(expression: Expr, z_values: FloatArray) -> FloatArray:
    """``expression`` at every entry, which walks its tree."""
    with np.errstate(all="ignore"):
        return np.broadcast_to(_walk(expression, z_values), z_values.shape).astype(np.float64)


def _walk(expression: Expr, values: FloatArray) -> Any:
    if expression == z:
        return values
    if expression.is_number:
        return float(expression)
    return _NUMPY[expression.func](*(_walk(part, values) for part in expression.args))
