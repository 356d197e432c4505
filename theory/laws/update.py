"""`squared_update` derives E[(Delta z)^2] of one gradient step, label and output parts apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import repeat
from typing import Any, ClassVar, overload

from mpmath import mpf
from sympy import Expr

from theory.coverage import answered
from theory.errors import NotSolved
from theory.exact.evaluation import DecimalRecursion
from theory.infinite_width.block_update import wide_update
from theory.infinite_width.laws import DepthLaw
from theory.infinite_width.wide_update import WideUpdate
from theory.laws.derivation_steps import DerivationSteps
from theory.laws.mean import PartOfMean
from theory.laws.spread import Spread
from theory.laws.whole_network import label_and_output
from theory.limits.infinite_width import MeanFieldLaw
from theory.networks.inputs import Inputs
from theory.networks.network import Network, checked_network, repeating_network
from theory.networks.roles import Branch
from theory.optimisers import GradientDescent, Optimiser
from theory.public_names import cached_property
from theory.symbols import B, L, b, ell, eta, n
from theory.validation import brief
from theory.words.observables import K, Observable, f, g
from theory.writing.blocks import Line
from theory.writing.notation import Math

__all__ = ["PARTS", "SquaredUpdate", "squared_update"]

_COMPARED = 500_000
"""Layers whose means are held at once; they take half a gigabyte."""
_MOVED = g @ K @ K @ g
PARTS: dict[str, Observable] = {"label": _MOVED, "output": f**2 * _MOVED}
"""|K g|^2 times the 1 and the f^2 of E_y (f - y)^2 = 1 + f^2, for a label y = +-1."""
_MOVED_INSIDE = Observable.of([(("gUVg",), Fraction(1))])
"""The same inside a branch: |K_zh g|^2, with the kernel from the stream h after the block."""


@dataclass(frozen=True)
class SquaredUpdate(PartOfMean):
    """E[(Delta z_i)^2] of a neuron in one hidden layer, for one linearised gradient step.

    Delta z = -(f - y) K g to first order in eta; the mean is over the initialisation and the
    label y = +-1.  Made by `squared_update`; `label` and `output` are values of the same type.

    >>> from theory import MLP, squared_update
    >>> squared_update(MLP())
    SquaredUpdate at layer L of MLP(): L**3*eta**2/3 to leading order
    """

    unit_of_step: ClassVar[Expr] = eta**2
    highest_power: ClassVar[int] = 0
    _drawn_as: ClassVar[str] = r"$E[(\Delta z)^2]/\eta^2$"
    _shared: ClassVar[frozenset[str]] = PartOfMean._shared | {"layer_means", "mean_over_layers"}

    @property
    def width_here(self) -> Expr:
        """The width of the layer."""
        return self.network._width_at(self.layer)

    @cached_property
    def derivation(self) -> DerivationSteps:
        """The steps from the definition to the law, each a checked identity.  `print` and notebooks
        show all steps.

        >>> from theory import MLP, squared_update
        >>> steps = squared_update(MLP()).derivation
        >>> print(steps[-1])
        Maximal learning rate
          The largest learning rate with E[(Δz_i)²] ≤ 1 in every hidden layer, of which the last
          layer binds:
            maximal learning rate ~ sqrt(3)/L**(3/2)
          checked: at this rate the mean squared update is 1 (1 equality)
          checked: from each layer to the next the update is proven to grow (1 equality)
        """
        repeating_network(self.network)
        return DerivationSteps(self)

    @cached_property
    def spread(self) -> Spread:
        """Mean and variance over networks of the squared update of a network, averaged over the
        neurons of the layer and over the label.

        >>> from theory import MLP, squared_update
        >>> spread = squared_update(MLP(depth=1)).spread
        >>> spread.mean
        eta**2*(n**2 + n + 5)/(2*n**2)
        """
        repeating_network(self.network)
        return Spread(self)

    def variance(self) -> Expr:
        """The variance over networks of the squared update averaged over neurons and label.

        Exact: a rational number times eta**4, or a closed form as `exact`, which takes a second
        for the label part, half a minute for the total, and more for a leaky slope.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP(16, 4)).label.variance()
        774166898976183*eta**4/137438953472
        """
        return self.spread.variance()

    def relative_standard_deviation(self, digits: int = 15) -> mpf:
        """The standard deviation over networks, over the mean; for a network in numbers of any
        depth.  Relative error below 10^-digits.

        >>> from theory import MLP, squared_update
        >>> round(float(squared_update(MLP(32, 8)).label.relative_standard_deviation()), 3)
        3.348
        """
        return self.spread.relative_standard_deviation(digits)

    @property
    def law(self) -> MeanFieldLaw:
        """The limit n = ∞ at eta = 1 of the dominant part, exact in ell and L.  `leading` gives its
        highest power of the depth.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).law
        MeanFieldLaw: ell**3/3 + ell/6 at layer ell of L, the value at n = ∞
        """
        laws = [derivation.law for derivation in self.derivations]
        law = max(laws, key=lambda each: each.power)
        return replace(law, power=law.power - 1)

    def infinite_width(self, depth: object = None) -> Any:
        """The value at eta = 1 and n = infinity of an `MLP` of ``depth`` layers, to a relative
        error of 1e-8; an array for a range of depths; None for the depth of the network.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).infinite_width([1, 2, 16]).round(9)
        array([5.000e-01, 3.000e+00, 1.368e+03])
        """
        found = self._wide.infinite_width(depth)
        return 0 * found if self.part == "output" else found

    def linearised_up_to(self, tolerance: object, depth: object = None) -> float:
        """The rate of a real step up to which this value, which is linearised, is within a relative
        ``tolerance`` of the value of the real step, at n = infinity and ``depth`` layers.

        >>> from theory import MLP, squared_update
        >>> round(squared_update(MLP()).linearised_up_to("0.1", 16), 5)
        0.0018
        """
        return self._wide.linearised_up_to(tolerance, depth)

    @property
    def depth_law(self) -> DepthLaw:
        """The law of the last layer in the depth as n -> infinity: exponent, constant and regime.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).depth_law.exponent
        3
        """
        return self._wide.depth_law

    def law_holds_from(self, tolerance: object) -> int:
        """The least depth from which on the law in the depth is within a relative ``tolerance`` of
        `infinite_width`, up to 10^5 layers.

        >>> from theory import MLP, squared_update
        >>> squared_update(MLP()).law_holds_from("0.01")
        8
        """
        return self._wide.law_holds_from(tolerance)

    @property
    def _wide(self) -> WideUpdate:
        return wide_update(self.network, self.layer, self.derivations[0].rates)

    def layer_means(self, context: Any) -> list[Any]:
        """The value at eta = 1 of every layer 1 to L of a network in numbers, in the arithmetic of
        ``context``."""
        if self.network.layers > _COMPARED:
            raise NotSolved(
                f"the {brief(self.network.layers)} layers are too many to compare one by one: give "
                f"criterion=LastLayer() or criterion=MeanOverLayers(), or at most {_COMPARED} "
                f"layers"
            )
        width = self.network.width
        widths = width if isinstance(width, tuple) else repeat(width, self.network.layers)
        parts = [each.all_means() for each in self._recursions(context)]
        means = zip(widths, *parts, strict=True)
        return [sum(values, context.zero) / int(each) for each, *values in means]

    def mean_over_layers(self, context: Any) -> Any:
        """The mean of the values of all layers at eta = 1, computed without the list."""
        means = (each.mean_over_layers() for each in self._recursions(context))
        return sum(means, context.zero)

    def _recursions(self, context: Any) -> Iterator[DecimalRecursion]:
        return (DecimalRecursion(each._recursion(), context) for each in self.derivations)

    def _lines(self) -> list[Line]:
        lines = [Line(self._symbol, Math.of(self._exact))]
        if self.network.width == n and self.layer in (L, ell, B, b, Branch(B), Branch(b)):
            lines.append(Line(self._symbol, Math.of(self.leading()), "~"))
        return lines

    @property
    def _symbol(self) -> Math:
        """The name of this value, with its part and layer."""
        part = rf"_{{\text{{{self.part}}}}}" if self.part else ""
        moved = self.network._moved(self.layer)
        return Math("", rf"\mathbb{{E}}\bigl[(\Delta {moved})^2\bigr]{part}")

    def __repr__(self) -> str:
        what = f"SquaredUpdate, {self.part} part," if self.part else "SquaredUpdate"
        where = f"{self.network._place(self.layer)} of {self.network}"
        return f"{what} {where}: {self._headline(' * eta**2')}"


@overload
def squared_update(
    network: Network, layer: object = None, rates: object = None
) -> SquaredUpdate: ...  # and a `WideUpdate` of a network that is solved at infinite width alone
@overload
def squared_update(
    network: Network,
    layer: object = None,
    rates: object = None,
    *,
    inputs: Inputs | None = None,
    optimiser: Optimiser | None = None,
    step: object = None,
) -> Any: ...  # a `WideUpdate`, unless nothing that needs infinite width is given
@answered
def squared_update(
    network: Network,
    layer: object = None,
    rates: object = None,
    *,
    inputs: Inputs | None = None,
    optimiser: Optimiser | None = None,
    step: object = None,
) -> SquaredUpdate | WideUpdate:
    """Derive E[(Delta z)^2] at a layer of ``network``, for one gradient step to first order.

    ``layer``: None for the last hidden layer, an int from 1 to L, or the symbol ``ell``.
    ``rates``: one non-negative multiplier of eta per hidden layer, 0 leaving it untrained; all 1
    for None.  Raises `InvalidArgument` for arguments of another kind.

    Piecewise linear activations are solved at every width.  The function returns a `WideUpdate`,
    solved as n -> infinity, for other activations, biases and norms, and if you give one of these:
    an ``optimiser`` other than gradient descent; ``inputs``, the input of the step; ``step``, the
    learning rate of a real step (the value is then E[(z' - z)^2]/step^2).

    >>> from theory import MLP, SignDescent, squared_update
    >>> squared_update(MLP(width=10, depth=2)).label.exact
    7*eta**2/2
    >>> squared_update(MLP(depth=2)).label.exact
    eta**2*(3*n + 5)/n
    >>> squared_update(MLP(depth=16), optimiser=SignDescent())
    WideUpdate at layer 16 of MLP(depth=16): 321.202 * n**2 at n = ∞; linearised step of \
SignDescent()
    """
    plain = inputs is None and step is None and optimiser in (None, GradientDescent())
    if not (checked_network(network)._is_exact and plain):
        return wide_update(network, layer, rates, inputs=inputs, optimiser=optimiser, step=step)
    if network._whole:
        return SquaredUpdate(label_and_output(network, layer, rates))
    moved = _MOVED_INSIDE if isinstance(layer, Branch) else _MOVED
    return SquaredUpdate.derived(moved, network, layer, rates)
