"""Decoupled weight decay."""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Expr

from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.optimisers.optimiser import Optimiser
from theory.validation import non_negative_value, typed, written

__all__ = ["WeightDecay"]


@answered_class
@dataclass(frozen=True, repr=False)
class WeightDecay(Optimiser):
    """The step of ``optimiser``, and eta times ``decay`` times the weights themselves (AdamW).

    For `SignDescent`, ``decay`` is torch's ``weight_decay`` divided by the width.

    >>> from theory import GradientDescent, WeightDecay
    >>> WeightDecay(GradientDescent(), "0.1")
    WeightDecay(GradientDescent(), '1/10')
    """

    optimiser: Optimiser
    decay: Expr

    def __post_init__(self) -> None:
        if not isinstance(self.optimiser, Optimiser):
            raise InvalidArgument(
                f"expected an optimiser first for WeightDecay, got "
                f"optimiser={typed(self.optimiser)}; give WeightDecay(GradientDescent(), '0.1')"
            )
        if isinstance(self.optimiser, WeightDecay):
            raise InvalidArgument(
                f"expected an optimiser without weight decay, got optimiser="
                f"{typed(self.optimiser)}; give the sum of both decays"
            )
        object.__setattr__(self, "decay", non_negative_value("decay", self.decay))

    def __repr__(self) -> str:
        return f"WeightDecay({self.optimiser!r}, {written(self.decay)})"

    @property
    def multiple(self) -> Expr:
        """The `multiple` of the wrapped optimiser.

        >>> from theory import Normalised, WeightDecay
        >>> WeightDecay(Normalised(2), 1).multiple
        2
        """
        return self.optimiser.multiple

    @property
    def unscaled(self) -> Optimiser:
        """The `unscaled` of the wrapped optimiser.

        >>> from theory import Normalised, WeightDecay
        >>> WeightDecay(Normalised(2), 1).unscaled
        Normalised()
        """
        return self.optimiser.unscaled

    @property
    def weight_decay(self) -> Expr:
        """The decay.

        >>> from theory import Normalised, WeightDecay
        >>> WeightDecay(Normalised(2), "1/2").weight_decay
        1/2
        """
        return self.decay
