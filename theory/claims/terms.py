"""Differences that lie in few terms of a formula's normal form: a power or its coefficient."""

from __future__ import annotations

from sympy import Expr, Mul, exp, factor, fraction, together

from theory.claims.search import Difference, excess_text
from theory.claims.target import Claim, Target
from theory.claims.variants import Kind
from theory.errors import InvalidArgument, NotSolved
from theory.formulas.normal_form import NOT_DECIDED, NormalForm, Powers, normal_form
from theory.formulas.positivity import EVERYWHERE
from theory.symbols import n

__all__ = ["term_difference"]

_DOMAIN = EVERYWHERE.from_(n, 2)
"""Where the bases of the laws are positive: 1 - 1/n is 0 at n = 1."""


def term_difference(expression: Expr | None, target: Target, claim: Claim) -> Difference | None:
    """The terms in which the formula differs from the law, where others are right."""
    if expression is None:
        return None
    laws = {Claim.EXACT: target.exact, Claim.LEADING: target.leading, Claim.JOINT: target.joint}
    try:
        yours, law = (normal_form(each, _DOMAIN) for each in (expression, laws[claim]()))
        excess = yours - law
    except (*NOT_DECIDED, NotSolved, InvalidArgument):
        return None
    wrong = [powers for powers in excess.terms if powers in law.terms]
    foreign = [powers for powers in excess.terms if powers not in law.terms]
    if len(wrong) + len(foreign) >= len(set(law.terms) | set(yours.terms)):
        return None
    if len(excess.terms) == 1:
        return _one_term(excess, law)
    if len(wrong) == len(foreign) == 1 and not yours.terms.get(wrong[0]):
        return Difference(
            _kind(foreign[0] | wrong[0]),
            f"it has {_text(foreign[0])} in place of {_text(wrong[0])}; all other terms are right",
        )
    return None


def _one_term(excess: NormalForm, law: NormalForm) -> Difference:
    ((powers, value),) = excess.terms.items()
    too_much = factor(value.as_expr())
    if powers not in law.terms:
        whole = f"({too_much})*{_text(powers)}" if powers else str(too_much)
        sentence = f"it has a term {whole} that does not belong; all other terms are right"
        return Difference(Kind.TERM, sentence)
    where = f"the coefficient of {_text(powers)}" if powers else "what stands without powers"
    small = _degree(too_much) < _degree(law.terms[powers].as_expr())
    kind = Kind.WIDTH_TERM if small else Kind.TERM
    sentence = f"{where} is {excess_text(too_much)}; all other terms are right"
    return Difference(kind, sentence)


def _kind(powers: Powers) -> Kind:
    """A base that tends to 1 differs from another in its 1/n."""
    symbols = {symbol for base, _ in powers for symbol in base.free_symbols}
    return Kind.WIDTH_TERM if n in symbols else Kind.TERM


def _degree(expression: Expr) -> int:
    above, below = fraction(together(expression))
    return int(above.as_poly(n).degree() - below.as_poly(n).degree())


def _text(powers: Powers) -> str:
    """Powers with one exponent joined, as in ((n + 5)/n)**L."""
    joined: dict[Expr, Expr] = {}
    for base, exponent in powers:
        if base == exp(1):
            joined[exponent] = joined.get(exponent, 1) * base
            continue
        constant, rest = exponent.as_coeff_Mul()
        joined[rest] = joined.get(rest, 1) * base**constant
    return str(Mul(*(base**exponent for exponent, base in joined.items()), evaluate=False))
