"""Laws of the mean squared update in the depth, as n -> infinity first.

With the own part alpha_l = own.g/|g|^2 of an optimiser, which is of degree -2 gamma in the
gradient, a layer moves by A g + xi, where A_l |g^l|^2 is the sum of alpha_j |g^j|^2 over the layers
j up to l, and each layer scatters a share of A_l g: with kappa = m_4/m_2^2,

    E = kappa/(m_2 tau_L^2) * sum over l of (sum over j <= l of alpha_j |g^j|^2)^2 * (1 + O(1/L)),

where |g^j|^2 = m_2 tau_j^2 and tau_j^2 is 1/(chi_1...chi_j) up to a factor.  With q ~ C l^(-s) and
chi ~ 1 - p/l both sums are sums of powers: alpha_j = a C^e j^(-s e) |g|^(-2 gamma) gives

    E ~ kappa m_2^(1 - 2 gamma) a^2 C^(2 e) L^(3 - 2 s e)/(d^2 (1 + 2 d)),

with d = 1 + p (1 - gamma) - s e where that is positive.  With q = C rho^l and chi = rho a factor
rho^((2 - 2 gamma) L) stands beside the same sums; with chi < 1 at fixed q both sums end near l = L,
and with chi > 1 the inner one ends near l = 1, so that E is a constant, or L chi^((2 - 2 gamma) L).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from sympy import Expr, Float, Integer, S, Symbol, simplify

from theory.activations.contact import half_line_slopes
from theory.algebra.numerals import formula_text
from theory.errors import NotSolved
from theory.infinite_width.expansion import DeepLayers, deep_layers
from theory.infinite_width.layers import wide_network
from theory.infinite_width.next_order import correction
from theory.networks.inputs import Inputs, asked_inputs
from theory.networks.mlp import MLP
from theory.optimisers import GradientDescent, Optimiser, SignDescent
from theory.optimisers.optimiser import Along
from theory.public_names import PlainText, cached_property
from theory.symbols import L, n

__all__ = ["DepthLaw", "depth_law"]

_DEEPEST = 2**16
"""Layers within which a transient that falls exponentially is over, or the law is refused."""
_KNOWN = 0.1
"""Relative error of a constant beyond which there is none."""
_AGREED, _ROUNDING, _NOISE = 1e-12, 1e-13, 1e-13
_QUADRATURE = 1e-11
"""Relative error of own parts that are integrated."""


class _Terms(NamedTuple):
    constant: Expr
    exponent: Expr
    base: Expr
    error: float = 0.0
    square: Expr = Integer(0)


@dataclass(frozen=True)
class DepthLaw(PlainText):
    """``constant`` * ``base``^L * L^``exponent``: E at the last of L layers, at eta = 1, in units
    of n^``width_power``; ``square``: E z^2 there, to leading order.

    ``error``: of the constant, relative; 0 where it is a closed form.  ``regime``: where it holds.
    ``size``: L, or the number of blocks B in its place.

    >>> from theory import MLP, Tanh
    >>> depth_law(MLP(activation=Tanh()))
    DepthLaw(L/12: n -> infinity, then L; E z^2 vanishes like 1/l at layer l)
    """

    constant: Expr
    exponent: Expr
    base: Expr
    width_power: int
    square: Expr
    error: float
    regime: str
    _asked: tuple[MLP, Optimiser, Inputs, DeepLayers] | None = field(default=None, compare=False)
    size: Symbol = L

    @property
    def kind(self) -> str:
        """What it is: "power", "constant" or "exponential".

        >>> from theory import MLP
        >>> depth_law(MLP(weight_variance=1)).kind
        'exponential'
        """
        if self.base != 1:
            return "exponential"
        return "power" if self.exponent != 0 else "constant"

    @property
    def leading(self) -> Expr:
        """The law as an expression in `size`, and in n for steps whose size grows with n.

        >>> from theory import MLP
        >>> depth_law(MLP()).leading
        L**3/3
        """
        size = self.size
        return self.constant * self.base**size * size**self.exponent * n**self.width_power

    @cached_property
    def next_order(self) -> Expr:
        """The term that follows `leading`, in L and n: a closed form, or a number of six digits
        where the first layers enter by a sum.

        Raises `NotSolved` where gradients grow or fade exponentially, with weight decay, and where
        no expansion deep in the network gives the term.

        >>> from theory import MLP, Tanh
        >>> depth_law(MLP()).next_order, depth_law(MLP(activation=Tanh())).next_order
        (L/6, 11*log(L)/72)
        """
        if self._asked is None:
            raise NotSolved("the next order is solved for an MLP: take infinite_width(depth)")
        term = self.leading * correction(*self._asked)
        return term.evalf(6) if term.has(Float) else simplify(term)

    def __repr__(self) -> str:
        return f"DepthLaw({self._said()}: {self.regime})"

    def _said(self, times: Expr = S.One) -> str:
        """`leading` times ``times``, and the error of its constant."""
        error = f" (constant to a relative {self.error:.0e})" if self.error else ""
        return f"{formula_text(self.leading * times)}{error}"


def depth_law(
    network: MLP, optimiser: Optimiser | None = None, inputs: Inputs | None = None
) -> DepthLaw:
    """The law of the last hidden layer of ``network``, all layers at one rate.

    ``inputs``: None for the network's own.  Raises `NotSolved` where there is no law.

    >>> from theory import MLP, ELU, SignDescent
    >>> depth_law(MLP(activation=ELU()), SignDescent()).leading
    8*L*n**2/(3*pi)
    """
    rule = GradientDescent() if optimiser is None else optimiser
    known = asked_inputs(network, inputs)
    deep = deep_layers(network, known.square)
    terms = _terms(network, known, rule, deep)
    if rule.weight_decay != 0:
        terms = _decayed(network, rule.weight_decay, deep, terms)
    constant = terms.constant
    regime = f"n -> infinity, then L; {deep.where}"
    if deep.off_critical > _ROUNDING:
        regime += f"; for L far below {1 / deep.off_critical:.0e}"
    error = terms.error if constant.has(Float) else 0.0
    if error > _KNOWN:
        raise NotSolved(
            f"the constant of the law of {network} is known to a relative {error:.0e} alone: ask "
            f"for infinite_width(depth)"
        )
    width_power = rule.unscaled.width_power
    square = _plain(terms.square if deep.variance is None else deep.variance)
    return DepthLaw(
        _plain(constant),
        terms.exponent,
        terms.base,
        width_power,
        square,
        error,
        regime,
        (network, rule, known, deep),
    )


def _terms(network: MLP, inputs: Inputs, optimiser: Optimiser, deep: DeepLayers) -> _Terms:
    """The law without weight decay."""
    rule = optimiser.unscaled
    if isinstance(rule, SignDescent) and rule.epsilon != 0:
        return _with_epsilon(network, inputs, optimiser, rule.epsilon, deep)
    own = optimiser.along
    if deep.is_critical:
        terms = _critical(deep, own)
    elif deep.falls_with or deep.gain > 1:
        terms = _exponential(network, inputs, optimiser, deep)
    else:
        terms = _ordered(network, inputs, optimiser, deep)
    return terms._replace(constant=terms.constant * network.s ** (1 - 2 * own.gradient))


def _with_epsilon(
    network: MLP, inputs: Inputs, optimiser: Optimiser, epsilon: Expr, deep: DeepLayers
) -> _Terms:
    """Entries G of the gradient keep their law from layer to layer, fall far below epsilon, where
    the step is G/epsilon, or grow far above epsilon, where the step is sign(G)."""
    point = deep.fixed_point
    if not deep.is_critical or point.gradient * (point.gradient - point.power) > 0:
        raise NotSolved(
            f"the law with an epsilon above 0 is solved at critical points where gradients keep "
            f"their size, or fall with E z^2, got {network}: give epsilon=0, or take "
            f"infinite_width(depth)"
        )
    if point.power != 0:
        falls = point.power > 0
        terms = _terms(network, inputs, GradientDescent() if falls else SignDescent(), deep)
        factor = optimiser.multiple / (epsilon if falls else 1)
        return terms._replace(constant=terms.constant * factor**2)
    along, error = _along_deep(network, inputs, optimiser)
    constant = point.kurtosis * Float(along * float(optimiser.multiple)) ** 2 / (3 * point.m2)
    return _Terms(constant, Integer(3), Integer(1), 2 * error + point.error)


def _along_deep(network: MLP, inputs: Inputs, optimiser: Optimiser) -> tuple[float, float]:
    """E own.h deep in the network, at gradients of the last layer, and its relative error."""
    wide, last, depth = wide_network(network, inputs), 0.0, 8
    while depth <= _DEEPEST:
        layers = wide.layers(depth)
        at_end = replace(layers, variances=layers.variances[-2:], gradient=float(network.s) ** 0.5)
        along = float(optimiser.own_part(at_end).along[-1])
        error = abs(along - last) / along
        if error < _AGREED:
            return along, error + _QUADRATURE + 9 * wide.moments.error
        last, depth = along, 2 * depth
    raise NotSolved(
        f"the first layers matter for more than {_DEEPEST:,} layers so near to criticality: take "
        f"infinite_width(depth)"
    )


def _decayed(network: MLP, decay: Expr, deep: DeepLayers, terms: _Terms) -> _Terms:
    """With weight decay, which moves z by c_l z and a rest: c_l <- decay + c_l d ln q/d ln Q.

    Where E z^2 keeps or approaches a value, or grows, that adds at most order L^2, or L^3 beside
    L^4 and more.  Where E z^2 vanishes, c_l ~ decay l/2, and the rest is (s + 2) (1 - p/s)/(2 - s +
    p) of (c_l z)^2: the share of phi' z across phi is (s + 2) (1 - p/s)/l, and chi carries it on.
    """
    if network.norm is not None or not deep.is_critical:
        raise NotSolved(
            f"the law with weight decay is solved at critical points without norms, got {network}: "
            f"leave the decay out, or ask for infinite_width(depth)"
        )
    power, gradient = deep.fixed_point.power, deep.fixed_point.gradient
    if power <= 0 or 2 - power < terms.exponent:
        return terms
    assert deep.variance is not None
    rest = (power + 2) * (1 - gradient / power) / (2 - power + gradient)
    added = (decay / 2) ** 2 * deep.variance * L**power * (1 + rest)
    if 2 - power == terms.exponent:
        return terms._replace(constant=terms.constant + added)
    return terms._replace(constant=added, exponent=2 - power, error=0.0)


def _critical(deep: DeepLayers, own: Along) -> _Terms:
    """Sums of powers."""
    point, gamma = deep.fixed_point, own.gradient
    falls = point.power * (own.q + own.q1 / 2)
    inner = 1 + point.gradient * (1 - gamma) - falls
    outer = 1 + 2 * inner
    if not inner > 0:
        raise NotSolved(
            f"E is set by the first layers where chi ~ 1 + {-float(point.gradient):.4g}/l, with no "
            f"law that holds at usable depths: move to the stable edge, critical(...).edge(Q)"
        )
    alpha = _own(deep, own) * point.constant ** (own.q + own.q1 / 2)
    constant = point.kurtosis * point.m2 * alpha**2 / (inner**2 * outer)
    return _Terms(constant, 3 - 2 * falls, Integer(1), point.error)


def _own(deep: DeepLayers, own: Along) -> Expr:
    """The own part along the gradient over q^e, at tau = 1."""
    point = deep.fixed_point
    means = point.spread**own.q1 * point.m1**own.m1
    return own.factor * means * point.m2 ** (own.m2 - own.gradient)


def _ordered(network: MLP, inputs: Inputs, optimiser: Optimiser, deep: DeepLayers) -> _Terms:
    """Geometric sums that end at the last layer."""
    point, own, chi = deep.fixed_point, optimiser.along, deep.gain
    if optimiser.unscaled.width_power:
        return _settled_entrywise(network, inputs, optimiser, deep)
    alpha = _own(deep, own) * point.constant ** (own.q + own.q1 / 2)
    inner, outer = chi ** (1 - own.gradient), chi ** (2 - 2 * own.gradient)
    scattered = point.kurtosis * outer / (1 - outer)
    constant = point.m2 * alpha**2 / (1 - inner) ** 2 * (1 + scattered)
    return _Terms(constant, Integer(0), Integer(1), point.error)


def _settled_entrywise(
    network: MLP, inputs: Inputs, optimiser: Optimiser, deep: DeepLayers
) -> _Terms:
    """The fixed point of the recursion, for an own part that is not along the gradient."""
    depth = min(_DEEPEST, 8 + int(40 / -np.log(float(deep.gain))))
    layers = wide_network(network, inputs).layers(depth)
    own, m2, chi = optimiser.own_part(layers), layers.slope(2)[-1], layers.gain[-1]
    along, degree = float(own.along[-1]), optimiser.unscaled.degree
    step = chi ** ((1 + degree) / 2)
    a = along * step / (1 - step) / m2
    mixed = own.slope_square[-1] + 2 * a * own.slope_along[-1] + a**2 * layers.slope(4)[-1]
    fresh = float(network.c) * chi**degree * mixed / (1 - chi ** (1 + degree))
    value = own.square[-1] + 2 * a * along + a**2 * m2 + fresh
    error = 9 * layers.wide.moments.error + deep.fixed_point.error
    multiple = float(optimiser.multiple) ** 2
    return _Terms(Float(float(multiple * value)), Integer(0), Integer(1), error)


def _exponential(network: MLP, inputs: Inputs, optimiser: Optimiser, deep: DeepLayers) -> _Terms:
    """The inner sum grows linearly where q falls with the gradient, and ends at once elsewhere."""
    point, own, chi = deep.fixed_point, optimiser.along, deep.gain
    fall = 1 - own.gradient
    base, shared = chi ** (2 * fall), point.kurtosis / point.m2
    alike = half_line_slopes(network.activation)
    if alike and deep.falls_with and network.bias_variance == 0:
        share = _own(deep, own) * point.m2 * (inputs.square / chi) ** (own.q + own.q1 / 2)
        square = network.c * inputs.square * chi ** (L - 1)
        return _Terms(shared * share**2 / 3, Integer(3), base, 0.0, square)
    share, scale, error = _transient(network, inputs, optimiser, deep)
    error += point.error
    if deep.falls_with:
        square = Float(scale) * chi**L
        return _Terms(shared * Float(share**2) / 3, Integer(3), base, error, square)
    return _Terms(shared * Float(share**2), Integer(1), base, error)


def _transient(
    network: MLP, inputs: Inputs, optimiser: Optimiser, deep: DeepLayers
) -> tuple[float, float, float]:
    """The last summand alpha_l |g^l|^2 over tau_L where q falls with the gradient, else their sum,
    times the root of the product of chi_l over chi; E z^2 over chi^l; and the relative error."""
    wide, chi = wide_network(network, inputs), float(deep.gain)
    fall = float(1 - optimiser.along.gradient)
    depth, last = 64, 0.0
    while depth <= _DEEPEST:
        layers = wide.layers(depth)
        beyond = np.log(layers.gain / chi)
        beyond[np.abs(beyond) < _NOISE] = 0
        gains = np.cumsum(beyond) + np.log(chi) * np.arange(1, depth + 1)
        along = float(optimiser.multiple) * np.asarray(optimiser.own_part(layers).along)
        shares = along * np.exp(-fall * gains)
        share = float(shares[-1] if deep.falls_with else shares.sum())
        share *= float(np.exp(fall * beyond.sum()))
        if abs(share - last) < _AGREED * share:
            error = wide.moments.error * float(np.count_nonzero(beyond) + 4)
            scale = float(layers.variances[-1] * np.exp(-np.log(chi) * depth))
            return share, scale, 2 * (error + abs(last / share - 1))
        depth, last = 2 * depth, share
    raise NotSolved(
        f"the first layers matter for more than {_DEEPEST:,} layers so near to criticality: ask "
        f"for infinite_width(depth)"
    )


def _plain(constant: Expr) -> Expr:
    return constant.evalf(15) if constant.has(Float) else simplify(constant)
