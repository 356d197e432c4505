"""`verify.pytorch` gives the layers of a PyTorch model their weights and learning rates, and tests
its steps.

Nothing else in this software imports PyTorch.  See docs/train.md.
"""

try:
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ModuleNotFoundError(
        "verify.pytorch needs PyTorch, which is not installed; install it with "
        "pip install 'mup-depth[pytorch]'",
        name="torch",
    ) from None

from theory.public_names import listed
from verify.pytorch.check_result import CoordinateCheck, LayerCheck
from verify.pytorch.coordinate_checks import coordinate_check
from verify.pytorch.initialisation import initialise
from verify.pytorch.learning_rates import AllHidden, EqualShares, Transferred
from verify.pytorch.modules.model import network_of
from verify.pytorch.rate_groups import parameter_groups

__all__ = [
    "AllHidden",
    "CoordinateCheck",
    "EqualShares",
    "LayerCheck",
    "Transferred",
    "coordinate_check",
    "initialise",
    "network_of",
    "parameter_groups",
]


def __dir__() -> list[str]:
    return listed(globals())
