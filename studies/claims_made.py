"""This module makes claims of known truth: laws, rewritten and changed, in every form."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from inspect import Parameter, Signature
from typing import Any

from sympy import Add, Expr, Integer, Mul, Pow, Rational, sqrt

from theory import MLP, LeakyReLU, maximal_learning_rate, squared_update
from theory.symbols import L, a, ell, eta, n, n_0, t

__all__ = ["Made", "made_claims"]

LEAKY = MLP(activation=LeakyReLU(a))
INPUT = MLP(input_width=n_0)


@dataclass(frozen=True)
class Made:
    """A claim: the formula, the law that it was made from, the ``form`` that is checked, the
    ``change`` that was made to the law, whether the claim is right, and the arguments of
    `verify.check`."""

    expression: Expr
    law: Expr
    form: str
    change: str
    right: bool
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def formula(self) -> Any:
        """The formula as a user gives it."""
        if self.form == "text":
            return str(self.expression)
        if self.form == "function":
            return _function(self.expression)
        return self.expression


def _function(expression: Expr) -> Callable[..., Expr]:
    """A function of the sizes by name, exact at numbers."""
    names = sorted(symbol.name for symbol in expression.free_symbols) or ["n"]

    def formula(**sizes: Expr) -> Expr:
        return expression.subs({s: sizes[s.name] for s in expression.free_symbols})

    given = [Parameter(name, Parameter.KEYWORD_ONLY) for name in names]
    formula.__signature__ = Signature(given)  # type: ignore[attr-defined]
    return formula


def made_claims(count: int, seed: int) -> Iterator[Made]:
    """``count`` claims, the same for the same seed."""
    rng = random.Random(seed)
    while count:
        place = rng.randrange(len(_claims()))
        options, expression = _claims()[place], _law(place)
        claim = options["claim"]
        changes = _RIGHT[claim] if rng.random() < 0.5 else _WRONG[claim]
        name, change = rng.choice(changes)
        changed = change(expression, rng)
        if changed is None or changed == expression:
            continue
        form = rng.choice(("text", "expression", "function"))
        if form == "text" and len(str(changed)) > 3000:
            continue
        yield Made(changed, expression, form, name, changes is _RIGHT[claim], options)
        count -= 1


@cache
def _claims() -> tuple[dict[str, Any], ...]:
    """The arguments of `verify.check` for every claim."""
    made = []
    for network in (MLP(depth=1), MLP(depth=2), MLP(depth=3), MLP(width=1), MLP(width=3), MLP()):
        made += [_of(network, part=part) for part in _PARTS]
        made.append(_of(network, quantity="rate"))
    for network in (INPUT, MLP(depth=2, input_width=n_0), MLP(depth=2, activation=LeakyReLU(a))):
        made += [_of(network, part=part) for part in _PARTS[:2]]
    made += [_of(MLP(), part="label", layer=ell), _of(MLP(depth=3), layer=ell)]
    for network in (MLP(), LEAKY, INPUT):
        made += [_of(network, claim) for claim in ("leading", "joint")]
        made.append(_of(network, "leading", quantity="rate"))
    return (*made, _of(MLP(), "leading", part="output"), _of(MLP(), "leading", layer=ell))


_PARTS = ("total", "label", "output")


def _of(network: MLP, claim: str = "exact", **more: Any) -> dict[str, Any]:
    return {"network": network, "claim": claim, **more}


@cache
def _law(place: int) -> Expr:
    """The law that the arguments at a place of the claims name."""
    options = _claims()[place]
    network, claim = options["network"], options["claim"]
    if "quantity" in options:
        rate = maximal_learning_rate(network)
        return rate.exact if claim == "exact" else rate.leading()
    whole = squared_update(network, options.get("layer"))
    part = options.get("part", "total")
    value = whole if part == "total" else getattr(whole, part)
    return {"exact": lambda: value.exact, "leading": value.leading, "joint": value.joint_limit}[
        claim
    ]()


Change = Callable[[Expr, random.Random], Expr | None]


def _positive(rng: random.Random) -> Expr:
    """A polynomial that is positive at all sizes."""
    return rng.choice((n + 1, L + n, L**2 + 3, n_0 + L, n * L + 2, n**2 + n + 1, 2 * n + 3 * L))


def _named(rng: random.Random, expression: Expr) -> Expr:
    """A positive polynomial in the formula's own sizes, or a number."""
    for _ in range(6):
        found = _positive(rng)
        if found.free_symbols <= expression.free_symbols:
            return found
    symbols = sorted(expression.free_symbols & {n, L, n_0, ell}, key=str)
    return rng.choice(symbols) + rng.randint(1, 5) if symbols else Integer(rng.randint(2, 9))


def _one(expression: Expr, rng: random.Random) -> Expr:
    """1, written with roots or powers."""
    x, y = _named(rng, expression), _named(rng, expression) + 1
    k = rng.choice((Rational(1, 2), Rational(1, 3), Rational(3, 4)))
    return rng.choice((x**k * y**k * Pow(x * y, -k, evaluate=False), sqrt(x * y) * sqrt(x / y) / x))


def _zero(expression: Expr, rng: random.Random) -> Expr:
    x = _named(rng, expression)
    if L in expression.free_symbols and rng.random() < 0.5:
        return 6**L - 2**L * 3**L
    return sqrt(x * (x + 1)) * sqrt(x * (x + 2)) - x * sqrt((x + 1) * (x + 2))


def _with_ratio(expression: Expr, rng: random.Random) -> Expr | None:
    return expression.subs(L, t * n) if {L, n} <= expression.free_symbols else None


def _terms(expression: Expr) -> list[Expr]:
    return list(Add.make_args(expression.expand()))


def _one_term_changed(expression: Expr, rng: random.Random) -> Expr:
    terms = _terms(expression)
    at = rng.randrange(len(terms))
    factor = rng.choice((Integer(2), Integer(-1), Rational(3, 2), 1 + Rational(1, 10**11)))
    return expression + terms[at] * (factor - 1)


def _symbol_changed(expression: Expr, rng: random.Random) -> Expr | None:
    symbols = sorted(expression.free_symbols & {n, L, n_0, ell, a}, key=str)
    if not symbols:
        return None
    symbol = rng.choice(symbols)
    other = [s for s in symbols if s != symbol] + [2 * symbol]
    return expression.xreplace({symbol: rng.choice(other)})


def _shifted(expression: Expr, rng: random.Random) -> Expr | None:
    symbols = sorted(expression.free_symbols & {n, L, n_0, ell}, key=str)
    if not symbols:
        return None
    symbol = rng.choice(symbols)
    return expression.xreplace({symbol: symbol + 1})


def _power_changed(expression: Expr, rng: random.Random) -> Expr | None:
    symbols = sorted(expression.free_symbols & {n, L, n_0, ell}, key=str)
    if not symbols:
        return None
    return expression * rng.choice(symbols) ** rng.choice(
        (Rational(1, 2), Rational(-1, 3), Integer(1), Rational(1, 100), Integer(-2))
    )


def _root_changed(expression: Expr, rng: random.Random) -> Expr:
    x = _named(rng, expression)
    return expression * rng.choice((sqrt(x) / sqrt(x + 1), sqrt(x * (x + 2)) / (x + 1)))


def _base_changed(expression: Expr, rng: random.Random) -> Expr | None:
    powers = sorted((p for p in expression.atoms(Pow) if not p.exp.is_number), key=str)
    if not powers:
        return expression * (sqrt(3) - sqrt(2))
    power = rng.choice(powers)
    return expression.xreplace({power: Pow(power.base + Rational(1, 7), power.exp)})


def _vanishing_at_small_sizes(expression: Expr, rng: random.Random) -> Expr | None:
    symbols = sorted(expression.free_symbols & {n, L, n_0}, key=str)
    if not symbols:
        return None
    symbol = rng.choice(symbols)
    return expression + Mul(*(symbol - k for k in range(1, rng.randint(2, 9))))


def _right_at_some_rates(expression: Expr, rng: random.Random) -> Expr | None:
    if eta not in expression.free_symbols:
        return None
    return rng.choice(
        (
            expression * (1 + (eta - 1) * (eta - 2)),
            expression * (3 * eta - 2) / eta**2,
            expression * eta,
            expression * (1 + (eta - 1) * (eta - 3) * (eta - 2) / 7),
        )
    )


def _root_of_a_negative(expression: Expr, rng: random.Random) -> Expr | None:
    if not {n, n_0} <= expression.free_symbols:
        return None
    m = n - n_0
    return expression + sqrt(m * (m + 1)) * sqrt(m * (m + 2)) - m * sqrt((m + 1) * (m + 2))


def _alternating(expression: Expr, rng: random.Random) -> Expr | None:
    return expression * (-1) ** L if L in expression.free_symbols else None


def _lower_term(expression: Expr, rng: random.Random) -> Expr:
    x = rng.choice((L + 1, L + 7, 2 * L + 5, L**2 + L + 3))
    return expression * rng.choice(
        (
            1 + Rational(rng.randint(-9, 9) or 1, 4) / x,
            sqrt(x / (x + 1)),
            sqrt(L * (L + 1)) / L,
            1 + L**2 / n,
            (1 + Rational(5) / n) ** L,
            (1 + 1 / x) ** rng.randint(1, 5),
            n / (n + 3),
            1 + 2 ** (-L),
        )
    )


def _lower_term_in_width(expression: Expr, rng: random.Random) -> Expr:
    return expression * rng.choice(
        (1 + t**2 / n, n / (n + 3), sqrt((n + L) / (n + L + 1)), (1 + 1 / n**2) ** L, 1 + 1 / L)
    )


def _growth(expression: Expr, rng: random.Random) -> Expr:
    return expression * (1 + 1 / L) ** (L * rng.choice((1, -1)))


_REWRITTEN: list[tuple[str, Change]] = [
    ("expanded", lambda e, r: e.expand()),
    ("times one", lambda e, r: e * _one(e, r)),
    ("plus zero", lambda e, r: e + _zero(e, r)),
    ("factored", lambda e, r: e.factor(deep=False) if len(str(e)) < 400 else None),
    ("per eta2", lambda e, r: (e / eta**2).expand() if eta in e.free_symbols else None),
]
_CHANGED: list[tuple[str, Change]] = [
    ("term", _one_term_changed),
    ("symbol", _symbol_changed),
    ("power", _power_changed),
    ("sign", lambda e, r: -e),
    ("root", _root_changed),
    ("base", _base_changed),
    ("eta", _right_at_some_rates),
    ("alternating", _alternating),
]
_RIGHT = {
    "exact": [*_REWRITTEN, ("ratio", _with_ratio)],
    "leading": [*_REWRITTEN, ("lower term", _lower_term), ("shift", _shifted)],
    "joint": [*_REWRITTEN, ("lower term", _lower_term_in_width)],
}
_WRONG = {
    "exact": [
        *_CHANGED,
        ("shift", _shifted),
        ("vanishing", _vanishing_at_small_sizes),
        ("complex", _root_of_a_negative),
    ],
    "leading": [(name, change) for name, change in _CHANGED if name != "root"]
    + [("growth", _growth)],
    "joint": [(name, change) for name, change in _CHANGED if name not in ("root", "alternating")],
}
