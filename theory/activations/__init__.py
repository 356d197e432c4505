"""This folder defines activations, their Gaussian means and their critical points."""

from theory.activations.activation import Activation
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
from theory.activations.nonlinearity import Nonlinearity, checked_nonlinearity
from theory.activations.piecewise_linear import (
    LeakyReLU,
    Linear,
    PiecewiseLinear,
    ReLU,
    checked_activation,
)

__all__ = [
    "ELU",
    "GELU",
    "Activation",
    "Arctan",
    "Erf",
    "LeakyReLU",
    "Linear",
    "Mish",
    "Nonlinearity",
    "PiecewiseLinear",
    "ReLU",
    "SiLU",
    "Sin",
    "Softplus",
    "Softsign",
    "Tanh",
    "checked_activation",
    "checked_nonlinearity",
]
