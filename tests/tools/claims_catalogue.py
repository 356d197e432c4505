"""Errors that people make in these laws, generated: a right law, what was done to it, its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sympy import Expr, Integer, Rational, exp, sqrt

from theory import (
    MLP,
    ByGroup,
    LeakyReLU,
    MeanOverLayers,
    ReLU,
    maximal_learning_rate,
    squared_update,
)
from theory.symbols import L, a, ell, eta, n, n_0, t
from verify.claims import Kind

HALF = LeakyReLU("0.5")
WHOLE = MLP()


@dataclass(frozen=True)
class Error:
    """A wrong formula, the arguments it is checked with, and what must be said of it.

    ``kind``: None for an error that is not one of the known differences.
    """

    name: str
    formula: Expr
    kind: Kind | None
    words: str = ""
    options: dict[str, Any] = field(default_factory=dict)


@cache
def update(network: MLP = WHOLE, layer: Any = None, part: str = "total") -> Any:
    whole = squared_update(network, layer)
    return whole if part == "total" else getattr(whole, part)


def catalogue() -> list[Error]:
    return [
        *factors(),
        *powers(),
        *shifts(),
        *parts(),
        *width_terms(),
        *inputs(),
        *networks(),
        *limits(),
        *rates(),
    ]


def factors() -> Iterator[Error]:
    total, label = update().exact, update(part="label").exact
    yield Error("2 E", 2 * total, Kind.FACTOR, "2 times")
    yield Error("E/4", label / 4, Kind.FACTOR, "1/4 times", {"part": "label"})
    yield Error("-E", -total, Kind.FACTOR, "-1 times")
    yield Error("3/2 E(ell)", Rational(3, 2) * update(MLP(), ell).exact, Kind.FACTOR, "3/2 times")
    yield Error("1.01 E(n_0)", Rational(101, 100) * with_input(), Kind.FACTOR, "101/100 times")
    slope = update(MLP(activation=LeakyReLU(a)), None, "label").exact
    yield Error("2 E(a)", 2 * slope, Kind.FACTOR, "2 times", {"part": "label"})
    leading = {"claim": "leading"}
    yield Error("2 leading", 2 * update().leading(), Kind.FACTOR, "2 times", leading)
    yield Error("leading/3", update(MLP(), ell).leading() / 3, Kind.FACTOR, "1/3 times", leading)
    joint = {"claim": "joint"}
    yield Error("4 joint", 4 * update().joint_limit(), Kind.FACTOR, "4 times", joint)
    fixed = {"network": MLP(depth=3)}
    yield Error("5 E at depth 3", 5 * update(MLP(depth=3)).exact, Kind.FACTOR, "5 times", fixed)


def with_input() -> Expr:
    return update(MLP(input_width=n_0)).exact


def powers() -> Iterator[Error]:
    total, label = update().exact, update(part="label").exact
    yield Error("L^(1/10) E", L ** Rational(1, 10) * total, Kind.POWER, "L**(1/10)")
    yield Error("E/n", label / n, Kind.POWER, "1/n", {"part": "label"})
    yield Error("sqrt(n) E", sqrt(n) * total, Kind.POWER, "sqrt(n)")
    yield Error("E/ell", update(MLP(), ell).exact / ell, Kind.POWER, "1/ell")
    yield Error("2 L E", 2 * L * total, Kind.POWER, "2*L")
    leading = {"claim": "leading"}
    yield Error("L^(7/2)/3", eta**2 * L ** Rational(7, 2) / 3, Kind.POWER, "sqrt(L)", leading)
    yield Error("n L^3/3", eta**2 * L**3 / 3 * n, Kind.POWER, "n times", leading)
    for power, words in ((297, "L**(-3/100)"), (299, "L**(-1/100)"), (301, "L**(1/100)")):
        law = L ** Rational(power, 100) / 3
        yield Error(f"L^{power / 100}/3", law, Kind.POWER, f"is {words} times the law", leading)
    yield Error("t joint", t * update().joint_limit(), Kind.POWER, "t", {"claim": "joint"})
    yield Error("joint/n", update().joint_limit() / n, Kind.POWER, "1/n", {"claim": "joint"})


def shifts() -> Iterator[Error]:
    total, label = update().exact, update(part="label").exact
    yield Error("E(L + 1)", total.subs(L, L + 1), None)
    yield Error("E(L - 1)", label.subs(L, L - 1), None, "", {"part": "label"})
    at = update(MLP(), ell, "label").exact
    yield Error("E(ell + 1)", at.subs(ell, ell + 1), None, "", {"part": "label"})
    whole = update(MLP(), ell).exact
    yield Error("E(ell - 1)", whole.subs(ell, ell - 1), None)
    yield Error("2 E(L + 1)", 2 * total.subs(L, L + 1), None)
    linear = MLP(activation=HALF)
    shifted = update(linear).exact.subs(L, L + 1)
    yield Error("leaky E(L + 1)", shifted, None, "", {"network": linear})


def parts() -> Iterator[Error]:
    label, output = update(part="label").exact, update(part="output").exact
    yield Error("no output", label, Kind.PART, "output part is missing")
    yield Error("no label", output, Kind.PART, "label part is missing")
    yield Error("label twice", 2 * label + output, None)
    yield Error("output minus", label - output, None)
    alone = Rational(101, 100) * label
    yield Error("1.01 label", alone, Kind.PART, "is 101/100 times the label part")
    yield Error("total for label", update().exact, Kind.PART, "it is the total", {"part": "label"})
    leaky = MLP(activation=HALF)
    missing = update(leaky, None, "label").exact
    yield Error("leaky, no output", missing, Kind.PART, "missing", {"network": leaky})
    joint = {"claim": "joint"}
    alone = update(part="output").joint_limit()
    yield Error("joint output", alone, Kind.PART, "label part is missing", joint)


def width_terms() -> Iterator[Error]:
    label = update(part="label")
    options = {"part": "label"}
    five, minus = 1 + 5 / n, 1 - 1 / n
    yield Error("4/n for 5/n", label.exact.xreplace({five: 1 + 4 / n}), None, "", options)
    yield Error("no -1/n", label.exact.xreplace({minus: Integer(1)}), None, "", options)
    yield Error(
        "n for n + 2", label.exact.xreplace({n + 2: n}), Kind.TERM, "the exact value plus", options
    )
    for order in (0, 1):
        series = sum(c * n**-k for k, c in enumerate(label.width_series(order)))
        words = f"1/n^{order + 1} on" if order else "the value at n = ∞"
        yield Error(f"series {order}", eta**2 * series, Kind.WIDTH_TERM, words, options)
    deep = MLP(depth=2)
    exact = update(deep).exact
    dropped = exact - eta**2 * 8 / n
    yield Error("no 8/n", dropped, Kind.TERM, "is the exact value minus 8/n", {"network": deep})
    wrong = exact + eta**2 / n**2
    yield Error("46/n^2", wrong, Kind.TERM, "is the exact value plus n**(-2)", {"network": deep})


def inputs() -> Iterator[Error]:
    exact = with_input()
    yield Error("n for n_0", exact.subs(n_0, n), None, "", {"network": MLP(input_width=n_0)})
    yield Error("|x|^2 for |x|^4", exact / n_0, Kind.POWER, "1/n_0")
    norm = update(MLP(input_width=n_0, input_norm2=n)).exact
    yield Error("|x|^2 = n", norm, None)
    first = squared_update(MLP(input_width=n_0), rates=ByGroup(first=0)).exact
    options = {"network": MLP(input_width=n_0)}
    yield Error("first untrained", first, None, "", options)


def networks() -> Iterator[Error]:
    leaky = MLP(activation=HALF)
    relu = update(MLP(activation=ReLU()))
    yield Error("ReLU", relu.exact, None, "", {"network": leaky})
    two = update(MLP(activation=HALF, weight_variance=2)).exact
    yield Error("variance 2", two, None, "", {"network": leaky})
    large = update(MLP(readout_variance=n)).exact
    yield Error("readout 1/n", large, None)
    options = {"network": MLP(activation=LeakyReLU(a)), "claim": "leading"}
    yield Error("ReLU leading", relu.leading(), Kind.TERM, "(a**2 + 1)/(a**4 + 1)", options)
    options = {"network": leaky, "claim": "joint"}
    yield Error("ReLU joint", relu.joint_limit(), None, "", options)


def limits() -> Iterator[Error]:
    yield Error("leading as exact", update().leading(), Kind.LIMIT, "the law, claimed as exact")
    joint = update().joint_limit()
    yield Error("joint as exact", joint, Kind.LIMIT, "L = t n")
    options = {"claim": "joint"}
    yield Error("leading as joint", eta**2 * (t * n) ** 3 / 3, Kind.LIMIT, "first", options)
    four = joint.xreplace({exp(5 * t): exp(4 * t)})
    yield Error("exp(4 t)", four, None, "", options)
    yield Error("no exp(-t)", joint.xreplace({exp(-t): Integer(0)}), Kind.TERM, "exp(-t)", options)


def rates() -> Iterator[Error]:
    rate = maximal_learning_rate(MLP())
    options = {"quantity": "rate"}
    label = 1 / sqrt(update(part="label").per_eta2)
    yield Error("rate, no output", label, Kind.PART, "output part is missing", options)
    yield Error("2 rate", 2 * rate.exact, Kind.FACTOR, "2 times", options)
    yield Error("no root", 1 / update().per_eta2, None, "", options)
    yield Error("rate(L + 1)", rate.exact.subs(L, L + 1), None, "", options)
    mean = maximal_learning_rate(MLP(depth=2), criterion=MeanOverLayers()).exact
    fixed = options | {"network": MLP(depth=2)}
    yield Error("mean rate", mean, None, "", fixed)
    leading = options | {"claim": "leading"}
    yield Error("L^-1.4", sqrt(3) / L ** Rational(7, 5), Kind.POWER, "L**(1/10)", leading)
    close = sqrt(3) / L ** Rational(1499, 1000)
    yield Error("L^-1.499", close, Kind.POWER, "L**(1/1000)", leading)
    rounded = Rational("1.73205080756888") / L ** Rational(3, 2)
    yield Error("1.732.../L^3/2", rounded, Kind.FACTOR, "15 digits only", leading)
    yield Error("L^-3/2", L ** Rational(-3, 2), Kind.FACTOR, "sqrt(3)/3 times", leading)
