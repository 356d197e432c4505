"""`readout_update` derives how far a gradient step of the readout alone moves the output f.

The gradient of the loss (f - y)^2/2 with respect to v is (f - y) x^(L), so a step of the readout
alone changes the output, exactly and not only to first order, by

    Delta f = -eta (f - y) |x^(L)|^2,    E[(Delta f)^2] = eta^2 E[(1 + f^2) |x^(L)|^4].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sympy import Expr

from theory.coverage import answered
from theory.laws.mean import PartOfMean
from theory.networks.network import Network, repeating_network
from theory.symbols import eta
from theory.words.observables import x
from theory.writing.blocks import Line
from theory.writing.notation import Math

__all__ = ["ReadoutUpdate", "readout_update"]


@dataclass(frozen=True)
class ReadoutUpdate(PartOfMean):
    """E[(Delta f)^2] for one gradient step of the readout alone.

    Made by `readout_update`; `label` and `output` are values of the same type.

    >>> from theory import MLP, readout_update
    >>> readout_update(MLP())
    ReadoutUpdate, E[(Δf)²] of MLP(): eta**2*n**2 to leading order
    """

    unit_of_step: ClassVar[Expr] = eta**2
    _drawn_as: ClassVar[str] = r"$E[(\Delta f)^2]/\eta^2$"
    highest_power: ClassVar[int] = 2

    def __repr__(self) -> str:
        return f"ReadoutUpdate, E[(Δf)²] of {self.network}: {self._headline(' * eta**2')}"

    def _lines(self) -> list[Line]:
        return [Line(Math.spelled("E[(Δf)²]"), Math.of(self._exact))]


@answered
def readout_update(network: Network) -> ReadoutUpdate:
    """Derive E[(Delta f)^2] for one gradient step of the readout of ``network`` alone.

    >>> from theory import MLP, readout_update
    >>> readout_update(MLP(4, 2)).exact
    306*eta**2
    """
    repeating_network(network)
    return ReadoutUpdate.derived((x @ x) ** 2, network, None, None)
