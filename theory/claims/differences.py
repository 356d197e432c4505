"""This module finds the first size at which a formula is wrong, and its exact difference from the
law.

A wrong formula may be the law of another part, a limit, a series in 1/n that stops too early, a
multiple of the law or of a part, or the law and one term more.  Normal forms prove each of these.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import islice

from sympy import Add, Expr, Integer, Rational, factor, log

from theory.algebra.numerals import formula_text, number_text, real_text
from theory.claims.reading import Reading
from theory.claims.target import Claim, Point, Quantity, Target, as_layers, point_name
from theory.coverage import Answering
from theory.errors import InvalidArgument, NotSolved
from theory.formulas.evaluation import DECIMALS, DIGITS, Number, close, decimal, quotient
from theory.formulas.normal_form import (
    NORMAL_FIELD,
    NOT_DECIDED,
    SIZES,
    NormalForm,
    Normaliser,
    normal_form,
    powers_text,
)
from theory.formulas.positivity import EVERYWHERE
from theory.laws.criteria import Branches, MeanOverLayers, StreamAndBranches
from theory.symbols import L, eta, n, t

__all__ = [
    "Counterexample",
    "Difference",
    "Kind",
    "find_difference",
    "numbers_in_words",
    "values_in_words",
]

_DOMAIN = EVERYWHERE.from_(n, 2)
"""The bases of the laws are positive here: 1 - 1/n is 0 at n = 1."""
_ORDERS = 3
"""The longest series in 1/n that a formula is compared with, in terms beyond the first."""
_LONGEST = 100
"""Characters of the sentence on a factor, or on a term, that is named."""
_SHORT_FACTOR = 30
"""Characters of a factor that is written as it is."""
_ROUNDED_DIGITS = 6
"""The number of right digits from which a constant counts as rounded."""
_DENOMINATORS = 3000
"""A float is read as a fraction with a denominator up to this, where it is as near as rounding."""
_MOST_TERMS = 30
"""The most terms of the numerator and the denominator of a rational function that is factored."""
_MOST_POINTS = 40
_PARTS = {"total": "the total", "label": "the label part", "output": "the output part"}
_OTHER_PARTS = {
    ("total", "label"): "it is the label part alone: the output part is missing",
    ("total", "output"): "it is the output part alone: the label part is missing",
    ("label", "total"): "it is the total: the output part does not belong to the label part",
    ("output", "total"): "it is the total: the label part does not belong to the output part",
    ("label", "output"): "it is the output part, not the label part",
    ("output", "label"): "it is the label part, not the output part",
}


class Kind(enum.Enum):
    """The kinds of difference between a formula and the law."""

    FACTOR = "a constant factor"
    POWER = "a power of a size"
    PART = "a part"
    LIMIT = "a limit"
    WIDTH_TERM = "terms in 1/n"
    TERM = "a term"


@dataclass(frozen=True)
class Difference(Answering):
    """The difference between a formula and the law: its kind, and a sentence, "it is ...".

    >>> from verify import check
    >>> print(check("L**3", claim="leading", simulate=False).difference)
    it is 3 times the law
    """

    kind: Kind
    sentence: str

    def __str__(self) -> str:
        return self.sentence

    def __repr__(self) -> str:
        return f"Difference, {self.kind.value}: {self.sentence}"


@dataclass(frozen=True)
class Counterexample(Answering):
    """Sizes at which a formula differs from the law, and both values; None where a value does not
    exist.

    ``limits``: whether the values are values of the leading terms.

    >>> from verify import check
    >>> example = check("L**2/3", claim="leading", simulate=False).counterexample
    >>> example.where, str(example.formula), str(example.law)
    ('L = 2', '4/3', '8/3')
    """

    point: Point
    formula: Number | None
    law: Number
    limits: bool = False

    def __repr__(self) -> str:
        return f"Counterexample: {values_in_words(self)}"

    @property
    def inner(self) -> Point:
        """The point with blocks counted as layers.

        >>> from verify import check
        >>> check("B", claim="leading", simulate=False).counterexample.inner
        {L: 1}
        """
        return {as_layers(size): value for size, value in self.point.items()}

    @property
    def where(self) -> str:
        """The sizes as text.

        >>> from verify import check
        >>> check("L**2/3", claim="leading", simulate=False).counterexample.where
        'L = 2'
        """
        return point_name(self.point) or "this network"


def _number_in_words(value: Number | None) -> str:
    """A value: exact where it is rational and short, else in ten digits."""
    if value is None:
        return "no value"
    if isinstance(value, Fraction):
        return number_text(Rational(value.numerator, value.denominator))
    return str(DECIMALS.nstr(value, 10))


def numbers_in_words(one: Number | None, two: Number) -> tuple[str, str]:
    """Two different values: exact where they are rational and short, else in ten digits, or in
    more where these do not distinguish them.

    >>> from mpmath import mpf
    >>> numbers_in_words(mpf("1.732050807570"), mpf("1.732050807568"))
    ('1.73205080757', '1.732050807568')
    """
    words = _number_in_words(one), _number_in_words(two)
    for digits in range(15, DIGITS + 1, 5):
        if one is None or one == two or len({text.partition(" (")[0] for text in words}) == 2:
            break
        words = DECIMALS.nstr(decimal(one), digits), DECIMALS.nstr(decimal(two), digits)
    return words


def values_in_words(example: Counterexample) -> str:
    """Both values at a counterexample."""
    mine, law = numbers_in_words(example.formula, example.law)
    if example.limits:
        return f"{example.where}: leading terms {mine} (formula) and {law} (law)"
    return f"{example.where}: {_labelled(mine, 'formula')} and {_labelled(law, 'exact')}"


def _labelled(number: str, label: str) -> str:
    """A number in words with its label, which stands before the length of a long number.

    >>> _labelled("1.5 (exact: 287 digits over 284)", "exact")
    '1.5 (exact, 287 digits over 284)'
    """
    value, _, length = number.partition(" (exact: ")
    return f"{value} ({label}, {length}" if length else f"{number} ({label})"


def find_difference(reading: Reading, claim: Claim, expression: Expr | None) -> Difference | None:
    """The difference from the law, where it is one of the known differences.

    ``expression``: the value of E per eta^2 that the formula, or its leading term, implies, which
    is compared at eta = 1; None for a function of numbers, of which only a constant factor is
    found.
    """
    found = _found(reading, claim, expression)
    return found and Difference(found.kind, reading.target.spoken_text(found.sentence))


def _found(reading: Reading, claim: Claim, expression: Expr | None) -> Difference | None:
    """The difference, in layers."""
    if expression is None:
        return _multiple_of_function(reading, claim)
    target = reading.target
    ratio = target.ratio if claim is Claim.EXACT else t
    yours = _form(lambda: expression.xreplace({t: ratio, eta: Integer(1)}))
    law = _form(partial(target.law, claim))
    if yours is None or law is None:
        return None
    of_one_layer = not isinstance(target.criterion, MeanOverLayers | Branches | StreamAndBranches)
    parts = _laws_of_parts(target, claim) if of_one_layer else {}
    for part, form in parts.items():
        if not yours - form:
            return Difference(Kind.PART, _OTHER_PARTS[target.part, part])
    for kind, sentence, other in _other_laws(yours, target, claim):
        limit = _form(other)
        if limit is not None and not yours - limit:
            return Difference(kind, sentence)
    multiple = _multiple(yours, law, reading)
    if multiple is not None and not multiple.has(Add):
        return _of_law(multiple, reading, claim)
    for part, form in parts.items():
        of_part = _multiple(yours, form, reading)
        if of_part is not None and not of_part.has(Add):
            whose = "" if target.quantity is Quantity.UPDATE else "the rate of "
            return Difference(
                Kind.PART, f"it is {_product_text(of_part)} times {whose}{_PARTS[part]}"
            )
    sentences = [
        *(
            []
            if multiple is None
            else [f"it is {_product_text(multiple)} times {_law_name(target, claim)}"]
        ),
        *_one_term_more(yours - law, target, claim),
    ]
    sentences = [each for each in sentences if len(each) <= _LONGEST]
    return Difference(Kind.TERM, min(sentences, key=len)) if sentences else None


def _law_name(target: Target, claim: Claim) -> str:
    """The quantity with which a formula is compared: a law has the depth in it, and a network of a
    depth in numbers has a limit, or the leading term of a mean that grows."""
    if claim is Claim.EXACT:
        return "the exact value"
    if not isinstance(target.network.depth, int):
        return "the law"
    try:
        grows = target.law(claim).has(n)
    except (NotSolved, InvalidArgument):  # a width in numbers has no limit
        grows = False
    return f"the {'leading term' if grows else 'limit'} as n → ∞"


def _form(expression: Callable[[], Expr]) -> NormalForm | None:
    """The normal form of an expression, where it exists and has one."""
    try:
        return normal_form(expression(), _DOMAIN)
    except (*NOT_DECIDED, NotSolved, InvalidArgument):
        return None


def _with_part(target: Target, part: str) -> Target:
    return replace(target, part=part, quantity=Quantity.UPDATE)


def _laws_of_parts(target: Target, claim: Claim) -> dict[str, NormalForm]:
    """The laws of the other parts."""
    others = [part for part in _PARTS if part != target.part]
    forms = {part: _form(partial(_with_part(target, part).law, claim)) for part in others}
    return {part: form for part, form in forms.items() if form is not None}


def _other_laws(
    yours: NormalForm, target: Target, claim: Claim
) -> Iterator[tuple[Kind, str, Callable[[], Expr]]]:
    """The limits and series that may have been written instead, the likeliest first."""
    leading, joint = partial(target.law, Claim.LEADING), partial(target.law, Claim.JOINT)
    if claim is Claim.JOINT:
        sentence = "it is the law for n -> infinity first, in which L/n is small"
        yield Kind.LIMIT, sentence, lambda: leading().xreplace({L: t * n})
    if claim is not Claim.EXACT:
        return
    named = f"it is {_law_name(target, Claim.LEADING)}, claimed as exact"
    yield Kind.LIMIT, f"{named}: give claim='leading'", leading
    if isinstance(target.network.width, int):
        yield from _series_at_width(target, target.network.width)
    order = _largest_power(yours)
    if order is not None and order <= _ORDERS:
        yield Kind.WIDTH_TERM, _series_in_words(order), lambda: _series(target, order)
    sentence = "it is the limit n -> infinity with L = t n, claimed as exact"
    yield Kind.LIMIT, sentence, lambda: joint().xreplace({t: L / n})


def _series_in_words(order: int) -> str:
    if order:
        return f"it is the series in 1/n: the terms from 1/n^{order + 1} on are dropped"
    return "it is the value at n = ∞, claimed as exact"


def _series_at_width(target: Target, width: int) -> Iterator[tuple[Kind, str, Callable[[], Expr]]]:
    """The limit and the series in 1/n of a network whose width is a number."""
    opened = replace(target, network=target.network._with(width=None))
    for order in range(2 if target.network._is_chain else 1):  # in blocks, more take seconds
        yield Kind.WIDTH_TERM, _series_in_words(order), partial(_series_at, opened, order, width)


def _series_at(target: Target, order: int, width: int) -> Expr:
    return _series(target, order).subs(n, width)


def _largest_power(form: NormalForm) -> int | None:
    """The largest power of 1/n in a polynomial in 1/n; None for every other form."""
    place, order = SIZES.index(n), 0
    for powers, value in form.terms.items():
        below = {monomial[place] for monomial in value.denom}
        if len(below) > 1 or any(each.has(n) for pair in powers for each in pair):
            return None
        order = max(order, below.pop() - min(monomial[place] for monomial in value.numer))
    return order


def _series(target: Target, order: int) -> Expr:
    terms = map(as_layers, target.update.width_series(order))
    return Add(*(term * n**-power for power, term in enumerate(terms)))


def _multiple(yours: NormalForm, law: NormalForm, reading: Reading) -> Expr | None:
    """The factor between formula and law, as one of the quantity itself, where it is one term."""
    if not yours or len(yours.terms) != len(law.terms):
        return None
    try:
        powers, value = next(iter(law.terms.items()))
        over = Normaliser(_DOMAIN).power(NormalForm({powers: value}), Integer(-1))
        for key, mine in yours.terms.items():
            found = NormalForm({key: mine}) * over
            if not yours - found * law:
                return _of_quantity(found, reading)
    except NOT_DECIDED:
        pass
    return None


def _term(form: NormalForm) -> Expr | None:
    """A form of one term as a product; None where it is too long to be factored and shown."""
    ((powers, value),) = form.terms.items()
    if len(value.numer) + len(value.denom) > _MOST_TERMS:
        return None
    return factor(NORMAL_FIELD.to_sympy(value)) * powers_text(powers)


def _of_quantity(form: NormalForm, reading: Reading) -> Expr | None:
    term = _term(form)
    if term is None:
        return None
    constant, rest = term.as_coeff_Mul()
    if reading.formula.rounded:
        constant = _simple(constant, reading)
    whole = constant * rest
    return whole if reading.target.quantity is Quantity.UPDATE else whole ** Rational(-1, 2)


def _simple(constant: Rational, reading: Reading) -> Rational:
    """The simple fraction that a constant made of floats stands for, or the constant."""
    exact = Fraction(int(constant.p), int(constant.q))
    near = exact.limit_denominator(_DENOMINATORS)
    rounded = close(decimal(exact), near, reading.tolerance)
    return Rational(near.numerator, near.denominator) if rounded else constant


def _of_law(ratio: Expr, reading: Reading, claim: Claim) -> Difference | None:
    """The difference of a formula that is ``ratio`` times the law."""
    target = reading.target
    if ratio == 1:
        return None
    if not ratio.is_number:
        return Difference(
            Kind.POWER, f"it is {_product_text(ratio)} times {_law_name(target, claim)}"
        )
    digits = round(float(-log(abs(ratio - 1), 10).evalf(15)))
    if digits < _ROUNDED_DIGITS:
        return Difference(
            Kind.FACTOR, f"it is {_factor_text(ratio)} times {_law_name(target, claim)}"
        )
    sentence = f"it is {_law_name(target, claim)} to {digits} digits only"
    if reading.formula.has_decimals:
        constant = _constant_of_law(target, claim)
        sentence = f"{sentence}, and a decimal is read exactly: write {constant}"
    return Difference(Kind.FACTOR, sentence)


def _product_text(product: Expr) -> str:
    """A constant factor times powers, the factor in decimals where it is long."""
    constant, rest = product.as_coeff_Mul()
    if _is_short(constant):
        return formula_text(product)
    return f"{_factor_text(constant)} times {formula_text(rest)}"


def _factor_text(factor: Expr) -> str:
    """A constant factor, in decimals where it is long."""
    return formula_text(factor) if _is_short(factor) else f"about {real_text(factor)}"


def _is_short(constant: Expr) -> bool:
    """Whether a constant has a short text; Python writes no numbers of thousands of digits."""
    numbers = (max(abs(each.p), each.q) for each in constant.atoms(Rational))
    return all(each < 10**_SHORT_FACTOR for each in numbers) and len(str(constant)) <= _SHORT_FACTOR


def _constant_of_law(target: Target, claim: Claim) -> str:
    """The constant that a formula must have exactly, where the law has one alone."""
    if claim is Claim.LEADING:
        rate = target.quantity is Quantity.RATE
        law = target.rate.leading() if rate else target.law(claim)
        constant, _ = law.as_independent(*law.free_symbols, as_Add=False)
        if constant != 1:
            return formula_text(constant)
    return "exact constants, such as 1/3 or sqrt(3)"


def _one_term_more(excess: NormalForm, target: Target, claim: Claim) -> Iterator[str]:
    """The sentence for a formula that is the law plus one short term."""
    if len(excess.terms) != 1 or target.quantity is Quantity.RATE:
        return
    term = _term(excess)
    if term is not None:
        negative = term.could_extract_minus_sign()
        sign = "minus" if negative else "plus"
        yield f"it is {_law_name(target, claim)} {sign} {formula_text(-term if negative else term)}"


def _multiple_of_function(reading: Reading, claim: Claim) -> Difference | None:
    """A constant factor of a function of numbers, at all points that have a value."""
    points = list(islice(reading.target.points(6, 8), _MOST_POINTS))
    values = [(reading.value(p), reading.unlifted(reading.target.value(p))) for p in points]
    ratios = [quotient(mine, law) for mine, law in values if mine is not None and law]
    if not ratios or not all(close(each, ratios[0], reading.tolerance) for each in ratios):
        return None
    first = ratios[0] if isinstance(ratios[0], Fraction) else DECIMALS.nstr(ratios[0], DIGITS)
    constant = _simple(Rational(str(first)), reading)
    text = f"it is {_factor_text(constant)} times {_law_name(reading.target, claim)}"
    return None if constant == 1 else Difference(Kind.FACTOR, text)
