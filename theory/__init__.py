"""Exact theory of how learning rates must scale with depth: derived, not quoted."""

from theory import command  # noqa: F401, since Ctrl-C is then a sentence while the rest is loaded
from theory.alignment import Alignment, alignment
from theory.citation import bibtex
from theory.criteria import EveryHiddenLayer, LastLayer, MeanOverLayers, NetworkOutput
from theory.derivation import Derivation, derive
from theory.derivation_steps import DerivationSteps
from theory.errors import InvalidArgument, MupDepthError, NotSolved
from theory.expression_numbers import numbers
from theory.groups import FirstLayer, HiddenLayers, Readout
from theory.hidden_rate import MaximalLearningRate
from theory.network import MLP, LeakyReLU, Linear, ReLU
from theory.numerals import allow_long_numerals
from theory.public_names import listed
from theory.rate import maximal_learning_rate
from theory.readout import ReadoutLearningRate, ReadoutUpdate, readout_update
from theory.schedule import ByGroup, TrainedLayers
from theory.spread import Spread, tangent_kernel
from theory.steps import Step
from theory.together import LayerRates, layer_rates
from theory.transfer import OutsideValidity, TransferredLearningRate, transfer_learning_rate
from theory.update import SquaredUpdate, squared_update

__all__ = [
    "MLP",
    "Alignment",
    "ByGroup",
    "Derivation",
    "DerivationSteps",
    "EveryHiddenLayer",
    "FirstLayer",
    "HiddenLayers",
    "InvalidArgument",
    "LastLayer",
    "LayerRates",
    "LeakyReLU",
    "Linear",
    "MaximalLearningRate",
    "MeanOverLayers",
    "MupDepthError",
    "NetworkOutput",
    "NotSolved",
    "OutsideValidity",
    "ReLU",
    "Readout",
    "ReadoutLearningRate",
    "ReadoutUpdate",
    "Spread",
    "SquaredUpdate",
    "Step",
    "TrainedLayers",
    "TransferredLearningRate",
    "alignment",
    "bibtex",
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


allow_long_numerals()
