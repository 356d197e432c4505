"""This folder defines activations, their Gaussian means and their critical points."""

from theory.activations.activation import Activation
from theory.activations.named import (
    ELU,
    GELU,
    Arctan,
    Erf,
    Mish,
    SiLU,
    Sin,
    Softplus,
    Softsign,
    Tanh,
)
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
