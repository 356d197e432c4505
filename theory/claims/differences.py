"""What is off in a wrong formula: named only where the corrected formula is exactly the law.

A difference is looked for among laws that are easily written instead, constants and powers, parts,
and terms in 1/n.  Each is tested at many points, exactly; one that fails anywhere is not named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from sympy import Rational, Symbol

from theory.claims.monomial import Function, Monomial, fit_monomial
from theory.claims.search import Difference, Search
from theory.claims.target import Claim, Quantity, Target
from theory.claims.variants import Kind, Variant, variants
from theory.claims.width_terms import limit_difference, width_term_difference
from theory.errors import InvalidArgument, NotSolved
from theory.formulas.evaluation import DECIMALS, DIGITS, Number, decimal
from theory.symbols import n_0

__all__ = ["find_difference"]

_ROUNDED = 6
"""A constant that is right to so many digits is called rounded, not a factor."""
_LIKELY = frozenset({Kind.PART, Kind.LAYER, Kind.ACTIVATION})


def find_difference(search: Search) -> Difference | None:
    """What is off, if it is one of the known differences."""
    finders: tuple[Callable[[Search], Difference | None], ...] = (
        _likely_variant,
        _factor_or_power,
        _variant,
        _square,
        _mixture,
        limit_difference,
        width_term_difference,
        _variant_and_factor,
    )
    for finder in finders:
        found = finder(search)
        if found is not None:
            return found
    return None


def _laws(
    search: Search, kinds: frozenset[Kind] = frozenset(Kind)
) -> Iterator[tuple[Variant, Function]]:
    """Variants of some kinds with their laws; those that have none are left out."""
    for variant in variants(search.target):
        if variant.kind not in kinds:
            continue
        if search.claim is Claim.EXACT:
            yield variant, _valued(variant, search.target)
            continue
        other = variant.of(search.target)
        try:
            if other is not None:
                yield variant, search.view(other)
        except (InvalidArgument, NotSolved):
            continue


def _valued(variant: Variant, target: Target) -> Function:
    def function(point: Mapping[Symbol, Rational]) -> Number | None:
        try:
            other = variant.of(target.at(point))
            return None if other is None else other.value({})
        except (InvalidArgument, NotSolved):
            return None

    return function


def _likely_variant(search: Search) -> Difference | None:
    """Those that say more than a factor does, though in a limit they may differ by one alone."""
    return _variant(search, _LIKELY)


def _variant(search: Search, kinds: frozenset[Kind] = frozenset(Kind)) -> Difference | None:
    for variant, law in _laws(search, kinds):
        if search.agrees(law):
            return Difference(variant.kind, variant.sentence)
    return None


def _factor_or_power(search: Search) -> Difference | None:
    truth = search.view(search.target)
    found = fit_monomial(search.yours, truth, search.points, search.tolerance)
    if found is None:
        return None
    return _worded(_of_formula(found, search.target), search)


def _of_formula(found: Monomial, target: Target) -> Monomial:
    """What a factor of the squared update is for the formula itself."""
    return found if target.quantity is Quantity.UPDATE else found.root(-2)


def _worded(found: Monomial, search: Search) -> Difference | None:
    if not found.exponents:
        if found.constant == 1:
            return None
        digits = _digits_right(found.constant)
        if digits < _ROUNDED:
            return Difference(Kind.FACTOR, f"it is {found} times the law")
        sentence = (
            f"it is the law to {digits} digits only, and a decimal is read exactly: write "
            f"{_constant_of_law(search)}"
        )
        return Difference(Kind.FACTOR, sentence)
    if set(found.exponents) == {n_0}:
        sentence = f"it is {found} times the law: a power of the input norm |x|^2 = n_0 is off"
        return Difference(Kind.INPUT, sentence)
    return Difference(Kind.POWER, f"it is {found} times the law")


def _digits_right(factor: Number) -> int:
    """The decimal digits, about, to which a factor is 1; `DIGITS` where it is 1 to all of them."""
    excess = abs(decimal(factor - 1))
    return int(DECIMALS.nint(-DECIMALS.log10(excess))) if excess else DIGITS


def _constant_of_law(search: Search) -> str:
    """The constant that a formula must have exactly, where the law has one alone."""
    if search.claim is Claim.LEADING:
        target = search.target
        rate = target.quantity is Quantity.RATE
        law = target.rate.leading() if rate else target.leading()
        constant, _ = law.as_independent(*law.free_symbols, as_Add=False)
        if constant != 1:
            return str(constant)
    return "exact constants, such as 1/3 or sqrt(3)"


def _square(search: Search) -> Difference | None:
    truth = search.view(search.target)
    squared, root = "the square of the law", "the square root of the law"
    for power, sentence in ((Fraction(2), squared), (Fraction(1, 2), root)):
        if search.agrees(_raised(truth, power)):
            return Difference(Kind.ROOT, f"it is {sentence}")
    return None


def _raised(law: Function, power: Fraction) -> Function:
    def function(point: Mapping[Symbol, Rational]) -> Number | None:
        value = law(point)
        if value is None or (isinstance(value, Fraction) and power == 2):
            return None if value is None else value**2
        return decimal(value) ** decimal(power)

    return function


def _mixture(search: Search) -> Difference | None:
    """Both parts with other constants than 1."""
    target = search.target
    if target.part != "total" or search.claim is not Claim.EXACT:
        return None
    update = replace(target, quantity=Quantity.UPDATE)
    label, output = (replace(update, part=part).value for part in ("label", "output"))
    weights = _solved(search, label, output)
    if weights is None or not search.agrees(_combined(weights, label, output)):
        return None
    return Difference(Kind.PART, f"it is {_weighted(*weights)}")


def _weighted(label: Fraction, output: Fraction) -> str:
    """Both parts times their constants, in words, as a sum or a difference.

    >>> _weighted(Fraction(101, 100), Fraction(0)), _weighted(Fraction(-1), Fraction(2))
    ('the label part alone, times 101/100', '2 times the output part minus the label part')
    """
    terms = [(label, "the label part"), (output, "the output part")]
    present = [term for term in terms if term[0]]
    if len(present) == 1:
        ((factor, name),) = present
        return f"{name} alone, times {factor}"
    if label < 0 < output:
        terms.reverse()
    (first, name), (second, other) = terms
    sign = "plus" if second > 0 else "minus"
    return f"{_times(first)}{name} {sign} {_times(abs(second))}{other}"


def _times(factor: Fraction) -> str:
    return "" if factor == 1 else f"{factor} times "


def _solved(search: Search, one: Function, two: Function) -> tuple[Fraction, Fraction] | None:
    """The constants of two functions, from two points; None where they are not rational."""
    first, second = search.points[0], search.points[-1]
    rows: list[tuple[Any, Any, Any]] = [
        (one(point), two(point), search.yours(point)) for point in (first, second)
    ]
    if not all(isinstance(value, Fraction) for row in rows for value in row):
        return None
    (p, q, u), (r, s, v) = rows
    determinant = p * s - q * r
    if determinant == 0:
        return None
    return (u * s - q * v) / determinant, (p * v - u * r) / determinant


def _combined(weights: tuple[Fraction, Fraction], one: Function, two: Function) -> Function:
    def function(point: Mapping[Symbol, Rational]) -> Number | None:
        left, right = one(point), two(point)
        if not (isinstance(left, Fraction) and isinstance(right, Fraction)):
            return None
        return weights[0] * left + weights[1] * right

    return function


def _variant_and_factor(search: Search) -> Difference | None:
    for variant, law in _laws(search):
        found = fit_monomial(search.yours, law, search.points, search.tolerance)
        if found is None or variant.kind in (Kind.FACTOR, Kind.POWER):
            continue
        own = _of_formula(found, search.target)
        return Difference(variant.kind, f"{variant.sentence}; and it is {own} times that law")
    return None
