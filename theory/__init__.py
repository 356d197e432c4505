"""`theory` derives exactly how learning rates must scale with depth."""

from theory import command  # noqa: F401, since Ctrl-C is then a sentence while the rest is loaded
from theory.activations import (
    ELU,
    GELU,
    Activation,
    Arctan,
    Erf,
    LeakyReLU,
    Linear,
    Mish,
    ReLU,
    SiLU,
    Sin,
    Softplus,
    Softsign,
    Tanh,
)
from theory.activations.critical import Critical, CriticalPoint, critical
from theory.errors import InvalidArgument, MupDepthError, NotSolved
from theory.exposition import from_definition  # noqa: F401, which says how values are explained
from theory.exposition.citation import bibtex
from theory.infinite_width.block_update import WideBlockUpdate
from theory.infinite_width.wide_update import WideUpdate
from theory.laws.alignment import Alignment, alignment
from theory.laws.criteria import (
    Branches,
    EveryHiddenLayer,
    LastLayer,
    MeanOverLayers,
    NetworkOutput,
    Relative,
    Stream,
    StreamAndBranches,
)
from theory.laws.derivation_steps import DerivationSteps
from theory.laws.expression_numbers import numbers
from theory.laws.readout import ReadoutUpdate, WideReadoutUpdate, readout_update
from theory.laws.spread import Spread, tangent_kernel
from theory.laws.update import SquaredUpdate, squared_update
from theory.networks.convolution import Convolution
from theory.networks.graph import Graph
from theory.networks.groups import FirstLayer, HiddenLayers, Readout
from theory.networks.inputs import Inputs
from theory.networks.mlp import MLP
from theory.networks.multipliers import ByGroup, TrainedLayers
from theory.networks.norms import LayerNorm, RMSNorm
from theory.networks.residual import Residual
from theory.networks.roles import ActivatedThenWeights, Branch, ByRole, UpDown, WeightsThenActivated
from theory.optimisers import GradientDescent, Momentum, Normalised, SignDescent, WeightDecay
from theory.public_names import listed
from theory.rates.block_rate import BlockLearningRate
from theory.rates.hidden_rate import MaximalLearningRate
from theory.rates.layer_rates import LayerRates, layer_rates
from theory.rates.learning_rate import ReadoutLearningRate
from theory.rates.rate import maximal_learning_rate
from theory.rates.transfer import OutsideValidity, TransferredLearningRate, transfer_learning_rate
from theory.rates.wide_layer_rates import WideBlockLayerRates, WideLayerRates
from theory.rates.wide_rate import WideBlockLearningRate, WideLearningRate
from theory.solutions.derivation import Derivation, derive
from theory.writing.step import Step

__all__ = [
    "ELU",
    "GELU",
    "MLP",
    "ActivatedThenWeights",
    "Activation",
    "Alignment",
    "Arctan",
    "BlockLearningRate",
    "Branch",
    "Branches",
    "ByGroup",
    "ByRole",
    "Convolution",
    "Critical",
    "CriticalPoint",
    "Derivation",
    "DerivationSteps",
    "Erf",
    "EveryHiddenLayer",
    "FirstLayer",
    "GradientDescent",
    "Graph",
    "HiddenLayers",
    "Inputs",
    "InvalidArgument",
    "LastLayer",
    "LayerNorm",
    "LayerRates",
    "LeakyReLU",
    "Linear",
    "MaximalLearningRate",
    "MeanOverLayers",
    "Mish",
    "Momentum",
    "MupDepthError",
    "NetworkOutput",
    "Normalised",
    "NotSolved",
    "OutsideValidity",
    "RMSNorm",
    "ReLU",
    "Readout",
    "ReadoutLearningRate",
    "ReadoutUpdate",
    "Relative",
    "Residual",
    "SiLU",
    "SignDescent",
    "Sin",
    "Softplus",
    "Softsign",
    "Spread",
    "SquaredUpdate",
    "Step",
    "Stream",
    "StreamAndBranches",
    "Tanh",
    "TrainedLayers",
    "TransferredLearningRate",
    "UpDown",
    "WeightDecay",
    "WeightsThenActivated",
    "WideBlockLayerRates",
    "WideBlockLearningRate",
    "WideBlockUpdate",
    "WideLayerRates",
    "WideLearningRate",
    "WideReadoutUpdate",
    "WideUpdate",
    "alignment",
    "bibtex",
    "critical",
    "derive",
    "layer_rates",
    "maximal_learning_rate",
    "numbers",
    "readout_update",
    "squared_update",
    "tangent_kernel",
    "transfer_learning_rate",
]


def __dir__() -> list[str]:
    return listed(globals(), "observables", "symbols")
