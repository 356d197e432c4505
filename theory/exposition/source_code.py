"""`source_code` spells E[(Delta z)^2] and the maximal rate in a language, without a library.

With p = delta/alpha, the positive sum of `theory.algebra.two_powers` is a mean over coin tosses,

    y(L) = beta^L sum_i binom(L, i) (delta/beta)^i q_i = alpha^L E[q_X],  X ~ Binomial(L, p),

and all q_i are non-negative.  The code sums the terms from the likeliest X outwards, their
probabilities relative to its own, over 9 standard deviations and 40 more, beyond which less than
10^-17 is left.  Every term of every sum is non-negative, at every size: nothing cancels, and no
case has to be distinguished from another.

Error bound: absolute error of log E below 10^-12 max(1, |log E|) for 1 <= n <= 10^9 and
1 <= L <= 10^6.  A probability i steps from the likeliest carries 4 i units of 2^-53, and all
probabilities that count lie within 9 standard deviations, of at most 500 steps; polynomials of
positive coefficients and the power add some 30 units.  Measured: 10^-15 up to L = 10^4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from string import Template

from sympy import Expr, Integer, Poly, Symbol, expand_log, horner, jscode, log, pycode
from sympy import Rational as Number

from theory.algebra.two_powers import Rational, TwoPowers
from theory.errors import NotSolved
from theory.laws.mean import Mean
from theory.laws.update import squared_update
from theory.rates.hidden_rate import MaximalLearningRate
from theory.symbols import L

__all__ = ["JAVASCRIPT", "PYTHON", "Language", "source_code"]

_M = Symbol("m")


@dataclass(frozen=True)
class Language:
    """How a programming language spells the code.

    ``spell``: an expression.  ``support``: the two sums.  ``part``, ``term``, ``whole``: a part of
    the update, one of its closed forms, and the value made of the parts.
    """

    spell: Callable[[Expr], str]
    support: str
    part: Template
    term: Template
    whole: Template


JAVASCRIPT = Language(
    spell=jscode,
    support="""\
// The logarithm of a sum, from the logarithms of its terms.
function logSum(logs) {
  const top = Math.max(...logs);
  return top + Math.log(logs.reduce((sum, each) => sum + Math.exp(each - top), 0));
}

// log E[q_X] for X ~ Binomial(L, 1/(1 + odds)): q_i is head[i], then sum_j binom(k, j) tail[j],
// k = i - head.length.
function logMean(L, odds, head, tail) {
  const chance = 1 / (1 + odds);
  const middle = Math.min(L, Math.floor((L + 1) * chance));
  const reach = Math.ceil(9 * Math.sqrt(L * chance * (1 - chance)) + 40);
  function q(i) {
    const k = i - head.length;
    if (k < 0) return head[i];
    let sum = 0;
    for (let j = tail.length - 1; j >= 0; j--) sum = tail[j] + sum * (k - j) / (j + 1);
    return sum;
  }
  let mass = 1;
  let mean = q(middle);
  for (let i = middle, weight = 1; i < Math.min(L, middle + reach); i++) {
    weight *= (L - i) / ((i + 1) * odds);
    mass += weight;
    mean += weight * q(i + 1);
  }
  for (let i = middle, weight = 1; i > Math.max(0, middle - reach); i--) {
    weight *= i * odds / (L - i + 1);
    mass += weight;
    mean += weight * q(i - 1);
  }
  return Math.log(mean / mass);
}
""",
    part=Template("""
function $name(n, L) {
  const m = n - 1;
  return logSum([
$terms
  ]);
}
"""),
    term=Template("""\
    ($depth) * Math.log1p($growth)
      + logMean($depth, $odds, [$head], [$tail]),"""),
    whole=Template("""
function total(n, L) {
  return logSum([label(n, L), output(n, L)]);
}

function rate(n, L) {
  return ($bound - total(n, L)) / 2;
}

function law(n, L) {
  return $law;
}
"""),
)

PYTHON = Language(
    spell=pycode,
    support='''\
import math


def log_sum(logs):
    """The logarithm of a sum, from the logarithms of its terms."""
    top = max(logs)
    return top + math.log(sum(math.exp(each - top) for each in logs))


def log_mean(L, odds, head, tail):
    """log E[q_X] for X ~ Binomial(L, 1/(1 + odds)): q_i is head[i], then sum_j binom(k, j) tail[j],
    k = i - len(head)."""
    chance = 1 / (1 + odds)
    middle = min(L, math.floor((L + 1) * chance))
    reach = math.ceil(9 * math.sqrt(L * chance * (1 - chance)) + 40)

    def q(i):
        k = i - len(head)
        if k < 0:
            return head[i]
        sum = 0
        for j in range(len(tail) - 1, -1, -1):
            sum = tail[j] + sum * (k - j) / (j + 1)
        return sum

    mass, mean = 1, q(middle)
    weight = 1
    for i in range(middle, min(L, middle + reach)):
        weight *= (L - i) / ((i + 1) * odds)
        mass += weight
        mean += weight * q(i + 1)
    weight = 1
    for i in range(middle, max(0, middle - reach), -1):
        weight *= i * odds / (L - i + 1)
        mass += weight
        mean += weight * q(i - 1)
    return math.log(mean / mass)
''',
    part=Template("""

def $name(n, L):
    m = n - 1
    return log_sum([
$terms
    ])
"""),
    term=Template("""\
        ($depth) * math.log1p($growth)
        + log_mean($depth, $odds, [$head], [$tail]),"""),
    whole=Template("""

def total(n, L):
    return log_sum([label(n, L), output(n, L)])


def rate(n, L):
    return ($bound - total(n, L)) / 2


def law(n, L):
    return $law
"""),
)


def source_code(rate: MaximalLearningRate, language: Language) -> str:
    """Functions of n and L that return natural logarithms at eta = 1, in ``language``.

    ``label``, ``output``, ``total``: of E[(Delta z)^2] at the last hidden layer; ``rate``: of the
    maximal learning rate ``rate``; ``law``: of its leading term.

    Raises `NotSolved` where more than width and depth is a symbol, where the last layer is not
    proven to bind, and where a term is not proven to be non-negative.

    >>> from theory import MLP, maximal_learning_rate
    >>> text = source_code(maximal_learning_rate(MLP()), JAVASCRIPT)
    >>> "Math.log1p(5/(m + 1))" in text, "cancel" in text
    (True, False)
    """
    if rate.layer != L:
        raise NotSolved(
            "code needs a network whose last hidden layer binds: give MLP(), or equal multipliers"
        )
    update = squared_update(rate.network, rates=rate.rates)
    parts = {"label": update.label, "output": update.output}
    spell = language.spell
    return language.support + "".join(
        [
            *(_part(name, part, language) for name, part in parts.items()),
            language.whole.substitute(
                bound=spell(log(rate.criterion.bound)),
                law=spell(expand_log(log(rate.leading()), force=True)),
            ),
        ]
    )


def _part(name: str, part: Mean, language: Language) -> str:
    terms = [_term(weight, TwoPowers.of(form), language) for weight, form in part.sums]
    return language.part.substitute(name=name, terms="\n".join(terms))


def _term(weight: Expr, form: TwoPowers, language: Language) -> str:
    if not weight.is_Rational:
        raise NotSolved(
            f"code needs a number for everything but n and L, got the factor {weight}: give a "
            f"number for each other symbol"
        )

    def spelled(functions: Iterable[Rational]) -> str:
        return ", ".join(language.spell(weight * _quotient(each)) for each in functions)

    return language.term.substitute(
        depth=language.spell(L - form.shift),
        growth=language.spell(_quotient(form.alpha_less_1)),
        odds=language.spell(1 / _quotient(form.ratio_less_1)),
        head=spelled(form.head),
        tail=spelled(form.tail),
    )


def _quotient(function: Rational) -> Expr:
    """A rational function in m = n - 1, as polynomials of non-negative coefficients."""
    return _nested(function.numerator) / _nested(function.denominator)


def _nested(coefficients: tuple[int, ...]) -> Expr:
    if any(coefficient < 0 for coefficient in coefficients):
        raise NotSolved(
            "code needs a closed form proven to be a sum of non-negative terms: give the update at "
            "the last hidden layer of MLP()"
        )
    return horner(Poly([Number(c) for c in reversed(coefficients)] or [Integer(0)], _M))
