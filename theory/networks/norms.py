"""This module defines normalisations, of the input of every matrix or of the pre-activations."""

from __future__ import annotations

from dataclasses import dataclass

from theory.coverage import answered_class
from theory.errors import InvalidArgument
from theory.public_names import PlainText
from theory.validation import call_it, typed

__all__ = ["LayerNorm", "Norm", "RMSNorm", "checked_norm"]

_PLACES = ("weights", "activation")


@dataclass(frozen=True)
class Norm(PlainText):
    """A normalisation before every matrix except the first and before the readout
    (``before="weights"``), or before every activation (``before="activation"``).  Abstract: use
    `RMSNorm` or `LayerNorm`."""

    before: str = "weights"

    def __post_init__(self) -> None:
        if self.before not in _PLACES:
            raise InvalidArgument(
                f"expected 'weights' or 'activation' for before, got before={typed(self.before)}; "
                f"give {type(self).__name__}(before='weights'), say"
            )


@answered_class
@dataclass(frozen=True)
class RMSNorm(Norm):
    """Divides every neuron by the root mean square of its layer.

    ``before="weights"`` normalises before every matrix except the first, and before the readout;
    ``before="activation"`` normalises before every activation.

    >>> RMSNorm(before="activation")
    RMSNorm(before='activation')
    """


@answered_class
@dataclass(frozen=True)
class LayerNorm(Norm):
    """Subtracts the mean of the layer from every neuron, and divides by its standard deviation, at
    the places of `RMSNorm`.

    >>> LayerNorm()
    LayerNorm(before='weights')
    """


def checked_norm(norm: object) -> None:
    """Raise `InvalidArgument` for a value that is neither a normalisation nor None."""
    if norm is not None and not isinstance(norm, RMSNorm | LayerNorm):
        raise InvalidArgument(
            f"expected RMSNorm() or LayerNorm() for norm, got norm={typed(norm)}; "
            f"{call_it(norm, RMSNorm | LayerNorm, 'leave it out for none')}"
        )
