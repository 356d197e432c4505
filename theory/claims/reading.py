"""A `Reading` joins a formula to its target: it turns symbols into sizes, and a rate into E."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any

from sympy import Expr, Integer, Pow, Symbol

from theory.activations import LeakyReLU
from theory.claims.target import Claim, Point, Quantity, Target, as_layers, is_of, sizes
from theory.coverage import NoOperators
from theory.errors import InvalidArgument, NotSolved
from theory.formulas.evaluation import (
    DECIMALS,
    EXACT_TOLERANCE,
    FLOAT_TOLERANCE,
    Number,
    Undefined,
    bits_of,
    decimal,
    enclosure,
    evaluate,
)
from theory.formulas.formula import Formula, asked_by_name, read
from theory.formulas.normal_form import NOT_DECIDED, normal_form, why
from theory.laws.criteria import BlockCriterion, Criterion, block_criterion, layer_criterion
from theory.laws.update import PARTS, SquaredUpdate
from theory.networks.mlp import MLP
from theory.networks.multipliers import ByGroup, multiplier_runs, open_ends
from theory.networks.network import Network, asked_layer, asked_rates, numeric_depth
from theory.networks.residual import Residual
from theory.networks.roles import Branch, ByRole
from theory.rates.block_rate import BlockLearningRate
from theory.rates.hidden_rate import MaximalLearningRate
from theory.solutions.derivation import Derivation
from theory.solutions.value import Number as ExactNumber
from theory.solutions.value import Value
from theory.symbols import B, L, a, b, ell, eta, n, n_0, t
from theory.validation import brief, typed
from theory.words.observables import checked_observable

__all__ = [
    "Reading",
    "default_network",
    "law_of",
    "layer_of",
    "observable_of",
    "rates_of",
    "read_claim",
]

_Rate = MaximalLearningRate | BlockLearningRate
_Law = SquaredUpdate | _Rate | Derivation
_OPEN = frozenset({n, L, n_0, a, B})
_LONGEST_POWER = 2_000_000
"""Bits of a power of numbers."""


def read_claim(
    value: object,
    *,
    name: str = "formula",
    claim: Claim = Claim.EXACT,
    quantity: Quantity = Quantity.UPDATE,
    network: MLP | Residual | None = None,
    layer: object = None,
    part: object = None,
    rates: object = None,
    criterion: Criterion | BlockCriterion | None = None,
    observable: object = None,
) -> Reading:
    """A formula and the target that it is claimed for, as `verify.check` describes them.

    ``value``: text, a SymPy expression, a number, a function of sizes, of network, layer and
    rates, or a result of `theory`, which is compared with its own law: network, layer, part, rates
    and criterion then come from the value.  Raises `InvalidArgument` for anything else, for a
    target that does not exist, and for a value with arguments that name another law.

    >>> read_claim("L**3/3 + ell", network=MLP(8, 2)).expression
    ell + 8/3
    """
    observable = observable_of(value, observable)
    asked_observable = None if observable is None else checked_observable(observable)
    if asked_observable is not None:
        _check_observable_arguments(quantity, part)
    elif isinstance(value, ExactNumber):
        _check_kind(value, quantity, name)
    if isinstance(value, NoOperators) and not isinstance(value, Value):
        raise InvalidArgument(
            f"expected a formula or a value at finite width for {name}, got {name}={typed(value)}; "
            f"give a formula, such as its leading(), or measure an update at infinite width with "
            f"compare_infinite_width(update, widths=(100, 200, 400), samples=1000, seed=1)"
        )
    if isinstance(value, Value) and not isinstance(value, ExactNumber):
        raise InvalidArgument(
            f"expected one number for {name}, got the several numbers of {name}={typed(value)}; "
            f"give a single number, such as value.exact[0]"
        )
    formula = read(value._exact if isinstance(value, ExactNumber) else value, name)
    own: Any = value.network if isinstance(value, ExactNumber) else default_network(formula)
    net = own if network is None else _checked_network(network, quantity)
    if isinstance(value, _Law):
        named = {"layer": layer, "part": part, "rates": rates, "criterion": criterion}
        layer, part, rates, criterion = _of_value(value, name, net, named)
    part = "total" if part is None else part
    if part not in ("total", *PARTS):
        raise InvalidArgument(
            f"expected 'total', 'label' or 'output' for part, got part={typed(part)}; 'total' is "
            f"both"
        )
    if quantity is Quantity.RATE:
        _check_rate_arguments(layer, part)
    elif criterion is not None:
        raise InvalidArgument(
            f"expected no criterion with quantity='update', got criterion={typed(criterion)}; "
            f"give quantity='rate'"
        )
    at = net._depths.get(ell, ell)
    if layer is None and quantity is Quantity.UPDATE and claim is not Claim.JOINT:
        layer = at if at in formula.symbols else None
    if isinstance(layer, Expr) and layer.free_symbols and not layer.is_Symbol:
        raise InvalidArgument(
            f"expected an int, None or a symbol for layer, got layer={typed(layer)}; write the "
            f"formula in {at}, which stands for every layer, and leave layer out"
        )
    asked = None if layer is None else asked_layer(net, layer)
    multipliers = asked_rates(net, rates)
    checked_criterion = layer_criterion if net._is_chain else block_criterion
    bounded = checked_criterion(criterion) if quantity is Quantity.RATE else None
    target = Target(net, quantity, asked, str(part), multipliers, bounded, asked_observable)
    _check_limit(target, claim, formula)
    return Reading(formula, target)


def _check_kind(value: ExactNumber, quantity: Quantity, name: str) -> None:
    """Refuse a result of `theory` that is another quantity than the claimed one."""
    kinds: dict[Quantity, Any] = {Quantity.UPDATE: SquaredUpdate, Quantity.RATE: _Rate}
    if not isinstance(value, kinds[quantity]):
        fix = "give squared_update(...), and .exact to compare a formula of another quantity"
        if name == "formula":
            fix = "give .exact to compare its formula with this quantity"
        if name == "formula" and isinstance(value, _Rate | SquaredUpdate):
            fix = "leave quantity out" if quantity is Quantity.RATE else "give quantity='rate'"
        raise InvalidArgument(
            f"expected a formula of the {quantity.value} for {name}, got {name}={typed(value)}; "
            f"{fix}"
        )


def _of_value(value: _Law, name: str, net: Any, named: dict[str, Any]) -> Any:
    """Layer, part, rates and criterion of a result of `theory`, read for the network ``net``.

    ``named``: the arguments of the caller by name, None for absent ones.  Raises `InvalidArgument`
    where the value is of another network or law than ``named``.
    """
    if not is_of(value.network, net):
        raise InvalidArgument(
            f"expected {name} and network of one law, got {name} of {value.network} and "
            f"network={net}; leave the network out, or derive the value of the other network"
        )
    own: dict[str, Any] = {"rates": asked_rates(net, rates_of(value))}
    if isinstance(value, _Rate):
        own["criterion"] = value.criterion
    else:
        last, inside = value.network.depth, isinstance(value.layer, Branch)
        own["layer"] = value.layer
        if value.layer in (last, Branch(last) if inside else last):
            own["layer"] = Branch(net.depth) if inside else net.depth
    if isinstance(value, SquaredUpdate):
        own["part"] = value.part or "total"
    asked = dict(named, rates=asked_rates(net, named["rates"]))
    if named["layer"] is not None:
        asked["layer"] = asked_layer(net, named["layer"])
    for what, mine in own.items():
        other = asked[what]
        if named[what] is None or mine in (other, ell, b, Branch(b)):
            continue
        if what != "rates" or _runs(mine, net) != _runs(other, net):
            raise InvalidArgument(
                f"expected {name} and {what} of one law, got {name} with {what}={mine!r} and "
                f"{what}={typed(named[what])}; leave {what} out, or give the value's .exact to "
                f"compare the formula with another law"
            )
    if own.get("layer") == net.depth:
        own["layer"] = None
    return tuple(
        own.get(what) if asked[what] is None else asked[what]
        for what in ("layer", "part", "rates", "criterion")
    )


def observable_of(value: object, observable: Any) -> Any:
    """The observable that a claim is about: as given, else the observable of a
    derivation; None for the update."""
    return value.observable if observable is None and isinstance(value, Derivation) else observable


def rates_of(value: _Law) -> Any:
    """The multipliers of eta that a result of `theory` is for."""
    return value.derivations[0].rates if isinstance(value, SquaredUpdate) else value.rates


def _runs(rates: Any, network: Any) -> object:
    """Multipliers in a form in which equal multipliers compare equal."""
    if not network._is_chain:
        return rates or ByRole()
    if not isinstance(network.depth, int) or open_ends(rates):
        return ByGroup() if rates is None else rates
    runs = groupby(multiplier_runs(rates, network.depth), key=itemgetter(0))
    return [(rate, sum(count for _, count in each)) for rate, each in runs]


def law_of(value: Any, observable: object = None) -> Callable[[Any, Any], Any]:
    """The law E[(Delta z)^2] per eta^2, or the mean of an ``observable``, of a network in numbers,
    at a layer: ``value`` itself where it is a function of these two by place, else the formula that
    it is, as for `read_claim`.

    >>> law_of("L**3/3")(MLP(8, 2), 2)
    Fraction(8, 3)
    """
    formula = isinstance(value, Expr | NoOperators) or not callable(value)
    parts = isinstance(value, SquaredUpdate) and value.part
    if isinstance(value, SquaredUpdate | Derivation) and (parts or rates_of(value) is not None):
        raise InvalidArgument(
            f"expected the whole update with all multipliers 1 for law, got law={typed(value)}; "
            f"give it to verify.check, which simulates parts and rates too"
        )

    def of_formula(network: MLP, layer: int) -> Any:
        reading = read_claim(value, name="law", network=network, layer=layer, observable=observable)
        called = reading.called()
        number = None if called is None else called.number
        if number is None:
            why = reading.obstacle({}) or "it is not proportional to eta**2"
            what, fix = "a value per eta**2", "write eta**2, or leave eta out"
            if observable is not None:
                what, fix = "a number", "give a law that is defined there"
            raise InvalidArgument(
                f"expected a law with {what} at {network}, got law={typed(value)}: {why}; {fix}"
            )
        return number

    def of_network(network: MLP, layer: int) -> Any:
        found = value(network, layer)
        return found / eta**2 if isinstance(found, Expr) and found.has(eta) else found

    return of_formula if formula or asked_by_name(value) else of_network


def layer_of(value: Any, network: Any) -> int:
    """The hidden layer of a network in numbers at which a law is compared by default: the layer of
    a squared update or a derivation, else the last."""
    own = value.layer if isinstance(value, SquaredUpdate | Derivation) else None
    return own if isinstance(own, int) and own != value.network.depth else numeric_depth(network)


def default_network(formula: Formula) -> MLP | Residual:
    """The default network, in which the sizes that the formula names are symbols."""
    options: dict[str, Any] = {}
    if n_0 in formula.symbols:
        options["input_width"] = n_0
    if a in formula.symbols:
        options["activation"] = LeakyReLU(a)
    return Residual(**options) if formula.symbols & {B, b} else MLP(**options)


def _checked_network(network: object, quantity: Quantity) -> Any:
    """A network whose open sizes may occur in formulas: n, L or B, n_0 and a."""
    if not isinstance(network, MLP | Residual):
        fix = "give MLP() or MLP(64, 4)"
        if isinstance(network, Network):
            fix = "compare the formula with squared_update(network).exact or .leading()"
        raise InvalidArgument(
            f"expected an MLP or a Residual for network, got network={typed(network)}; {fix}"
        )
    if not network._is_exact:
        call = "maximal_learning_rate" if quantity is Quantity.RATE else "squared_update"
        raise NotSolved(
            f"a formula is tested against exact values at finite width, which {brief(network)} "
            f"does not have: compare it with {call}(network).leading()"
        )
    foreign = network.free_symbols - _OPEN
    if foreign:
        raise InvalidArgument(
            f"expected a network in n, L or B, n_0 and a, got one with "
            f"{', '.join(sorted(map(str, foreign)))}; give numbers for the other symbols"
        )
    return network


def _check_rate_arguments(layer: object, part: object) -> None:
    """Raise `InvalidArgument` for a layer or a part with a rate."""
    given = [f"layer={typed(layer)}"] if layer is not None else []
    given += [f"part={typed(part)}"] if part != "total" else []
    if given:
        raise InvalidArgument(
            f"expected neither layer nor part with quantity='rate', got {' and '.join(given)}; "
            f"the criterion names the bounded quantity"
        )


def _check_observable_arguments(quantity: Quantity, part: object) -> None:
    """Raise `InvalidArgument` for another quantity, or a part, together with an observable."""
    if quantity is not Quantity.UPDATE or part not in (None, "total"):
        raise InvalidArgument(
            f"expected neither quantity nor part with an observable, whose mean is one number, got "
            f"quantity={quantity.value!r} and part={typed(part)}; leave them out"
        )


def _check_limit(target: Target, claim: Claim, formula: Formula) -> None:
    """Raise `InvalidArgument` where the claimed limit does not exist for network and formula."""
    network = target.network
    depth, at = (network._depths.get(symbol, symbol) for symbol in (L, ell))
    if claim is Claim.JOINT and target.layer is None and at in formula.symbols:
        raise InvalidArgument(
            f"expected a formula without {at} with claim='joint', got one with {at}; the joint "
            f"limit is solved at the last hidden layer: write {depth}"
        )
    if claim is not Claim.EXACT and isinstance(target.layer, int) and depth in network.free_symbols:
        raise InvalidArgument(
            f"expected no number for layer with claim={claim.value!r}, got layer={target.layer}; "
            f"the limit takes the layer to infinity too: leave layer out, and write {at} for it"
        )
    needed = {Claim.EXACT: [], Claim.LEADING: [n], Claim.JOINT: [n, depth]}[claim]
    if any(symbol not in network.free_symbols for symbol in needed):
        raise InvalidArgument(
            f"expected a network with {' and '.join(map(str, needed))} open for "
            f"claim={claim.value!r}, got {network}; {network._open_sizes}"
        )


def _refuse_long_powers(expression: Expr, sizes_: dict[Symbol, Expr]) -> None:
    """Refuse a formula in which SymPy would multiply out a power of numbers without end."""
    values = {s: Fraction(int(v.p), int(v.q)) for s, v in sizes_.items() if v.is_Rational}
    for power in expression.atoms(Pow):
        try:
            base, exponent = (evaluate(each, values) for each in power.args)
        except Undefined:
            continue
        bits = bits_of(base) if isinstance(base, Fraction) else 1
        if power.free_symbols and abs(exponent) * bits > _LONGEST_POWER:
            raise InvalidArgument(
                f"expected a formula whose powers can be multiplied out at the network's sizes, "
                f"got {str(power)[:60]}; leave the sizes open"
            )


@dataclass(frozen=True)
class Reading:
    """A formula, and the target that it is read for.

    A formula of the update that does not name eta is read per eta^2.  Raises `InvalidArgument` for
    a formula with a symbol that the target lacks.
    """

    formula: Formula
    target: Target

    def __post_init__(self) -> None:
        if self.target.quantity is Quantity.RATE and self.formula.has_rate:
            raise InvalidArgument(
                "expected a formula without eta with quantity='rate', got one with eta; the "
                "formula is for the largest eta itself"
            )
        depth, at = (self.target.network._depths.get(symbol, symbol) for symbol in (L, ell))
        if self.target.quantity is Quantity.RATE and at in self.formula.symbols:
            raise InvalidArgument(
                f"expected a formula without {at} with quantity='rate', got one with {at}; a "
                f"maximal rate has no layer: leave {at} out, or write {depth}"
            )
        if self.target.observable is not None and self.formula.has_rate:
            raise InvalidArgument(
                f"expected a formula without eta for the observable {self.target.observable}, got "
                f"one with eta; an observable is of the network before a step"
            )
        missing = self.formula.symbols - set(sizes(self.target)) - {eta}
        if missing:
            names = ", ".join(sorted(map(str, missing)))
            why, fix = "whose widths differ", "give a network of one width"
            if missing & {L, ell, B, b}:
                unit = "blocks" if self.target.network._depths else "layers"
                why = f"whose depth is the number {depth} of {unit} and whose layer is {at}"
                fix = f"write {depth} for the depth, and {at} for a layer"
            raise InvalidArgument(
                f"expected a formula without {names} for {self.target.network}, {why}, got one "
                f"with {names}; {fix}"
            )

    @cached_property
    def expression(self) -> Expr | None:
        """The formula in the sizes that are open; None for a function of numbers."""
        if self.formula.expression is None:
            return None
        known = {s: value for s, value in sizes(self.target).items() if s != t}
        _refuse_long_powers(self.formula.expression, known)
        return as_layers(self.formula.expression.xreplace(known))

    @cached_property
    def implied(self) -> Expr | None:
        """The value of E per eta^2 that the formula implies, with an eta that does not cancel; for
        a rate bound/rate^2.  None for a function of numbers, and for a rate of 0."""
        formula, of_rate = self.expression, self.target.quantity is Quantity.RATE
        if formula is None or (of_rate and formula == 0):
            return None
        if of_rate:
            return self.target.bound * formula**-2
        return formula / eta**2 if self.formula.has_rate else formula

    @cached_property
    def traced(self) -> Reading | None:
        """The reading of the formula that a function returned for symbols."""
        formula = self.formula.traced
        return None if formula is None else Reading(formula, self.target)

    @cached_property
    def moved(self) -> Reading | None:
        """The reading of the formula with its rounded floats moved; of any other formula itself."""
        formula = self.formula.moved if self.formula.rounded else self.formula
        return None if formula is None else Reading(formula, self.target)

    def at(self, point: Point) -> Reading:
        """The reading for the target with numbers for some of its sizes."""
        return Reading(self.formula, self.target.at(point))

    def sizes_at(self, point: Point, rate: Fraction = Fraction(1)) -> dict[Symbol, Fraction]:
        """The value of each symbol of the formula at a point, and eta = ``rate``."""
        at = sizes(self.target.at(point))
        return {s: Fraction(int(v.p), int(v.q)) for s, v in at.items()} | {eta: rate}

    def value(self, point: Point, rate: Fraction = Fraction(1)) -> Number | None:
        """The formula's own value at a point, at eta = ``rate``."""
        return self.formula.value(self.sizes_at(point, rate), **self._others(point))

    def obstacle(self, point: Point) -> str:
        """Why the formula has no value at a point."""
        return self.formula.obstacle(self.sizes_at(point), **self._others(point))

    def enclosed(self, point: Point, rate: Fraction) -> Any:
        """The value of an expression at a point, as `enclosure`."""
        assert self.formula.expression is not None
        return enclosure(self.formula.expression, self.sizes_at(point, rate))

    def _others(self, point: Point) -> dict[str, object]:
        """Parameters that a function may have besides sizes."""
        if self.formula.names <= set(map(str, self.formula.symbols)):
            return {}
        there = self.target.at(point)
        layer = there.network.layers if there.layer is None else there.layer
        rates = there.multipliers() or (Integer(1),) * there.network.layers
        return {"network": there.network, "layer": layer, "rates": rates}

    def called(self) -> Reading | None:
        """The reading of the formula's value for a target in numbers: a function is called once;
        None where it has no value."""
        formula = self.formula.called(self.sizes_at({}), **self._others({}))
        return None if formula is None else Reading(formula, self.target)

    @property
    def number(self) -> Number | None:
        """The value for a target in numbers, per eta^2; None where there is none, or it is not
        proportional to eta^2."""
        value = self.value({})
        if value is None or not self.formula.has_rate or self.implied is None:
            return value
        try:
            per_rate = normal_form(self.implied.xreplace({t: self.target.ratio})).expression
        except NOT_DECIDED as reason:
            raise InvalidArgument(
                f"expected a formula proportional to eta**2, got {brief(self.formula, write=str)}: "
                f"{why(reason)}; leave eta out"
            ) from None
        return None if per_rate.has(eta) else value

    def unlifted(self, value: Number | None) -> Number | None:
        """A value of E as one of the quantity: for a rate, (bound/E)^(1/2)."""
        if value is None or self.target.quantity is Quantity.UPDATE:
            return value
        if value <= 0:
            return None
        bound = Fraction(int(self.target.bound.p), int(self.target.bound.q))
        return DECIMALS.sqrt(decimal(bound) / decimal(value))

    @property
    def tolerance(self) -> Number:
        """The relative error of the formula's values that are not rational."""
        return FLOAT_TOLERANCE if self.formula.in_floats else EXACT_TOLERANCE

    @property
    def closeness(self) -> str:
        """How closely values that are not rational were compared."""
        return ", floats to nine digits" if self.formula.in_floats else ""
