"""The activation that a word on a command line names."""

from __future__ import annotations

from theory.activations.named.arctan import Arctan
from theory.activations.named.elu import ELU
from theory.activations.named.erf import Erf
from theory.activations.named.gelu import GELU
from theory.activations.named.mish import Mish
from theory.activations.named.silu import SiLU
from theory.activations.named.sin import Sin
from theory.activations.named.softplus import Softplus
from theory.activations.named.softsign import Softsign
from theory.activations.named.tanh import Tanh
from theory.activations.nonlinearity import Nonlinearity
from theory.activations.piecewise_linear import LeakyReLU, Linear, ReLU
from theory.coverage import outside

__all__ = ["outside_of_commands"]

_KINDS: tuple[type[Nonlinearity], ...] = (
    *(Arctan, ELU, Erf, GELU, LeakyReLU, Linear, Mish, ReLU, SiLU, Sin, Softplus, Softsign, Tanh),
)
_CODES = {kind.__name__.lower(): f"{kind.__name__}()" for kind in _KINDS}


def outside_of_commands(name: str, value: str) -> str:
    """`outside` for an option that no command has; ``value``: its text on the command line.

    >>> outside_of_commands("activation", "tanh")
    'it belongs to the network: give MLP(activation=Tanh())'
    """
    word = value.lower().replace("_", "").partition("(")[0]
    return outside(name, _CODES.get(word, "") if name == "activation" else "")
