"""This module checks the inputs and labels of the user and weights E[(Delta z)^2] by them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.masked import MaskedTensor

from theory.errors import InvalidArgument
from theory.networks.mlp import MLP
from theory.validation import brief, typed
from verify.numerics.arrays import FloatArray
from verify.pytorch.learning_rates import exact_parts
from verify.pytorch.modules.layers import PRECISIONS

__all__ = ["Case", "Examples", "check_norm", "checked_examples"]

_ALLOWED, _VARIED, _RARE = 0.05, 1.5, 100
_MOST_SCALED = 1e10


@dataclass(frozen=True, eq=False)
class Examples:
    """``inputs``: shape ``(examples, ...)``.  ``labels``: one number for each, or None for +-1 at
    equal chance."""

    inputs: torch.Tensor
    labels: torch.Tensor | None

    @cached_property
    def norms2(self) -> FloatArray:
        """|x|^2 of each example, shape ``(examples,)``."""
        norms = torch.linalg.vector_norm(self.inputs.flatten(1).cpu(), dim=1, dtype=torch.float64)
        found: FloatArray = norms.square().numpy()
        return found

    @property
    def norm2(self) -> float:
        """The mean of |x|^2, to six digits."""
        return float(f"{self.norms2.mean():.6g}")

    @property
    def labels2(self) -> FloatArray:
        """y^2 of each example, shape ``(examples,)``."""
        if self.labels is None:
            return np.ones(len(self.inputs))
        found: FloatArray = self.labels.flatten().double().square().cpu().numpy()
        return found

    def shares(self, label: float, output: float) -> FloatArray:
        """E[(Delta z)^2] at each example, shape ``(examples,)``.

        ``label`` and ``output``: its parts at |x|^2 = `norm2` and y = +-1.
        Law: the label part is proportional to y^2 |x|^4, the output part to |x|^6.
        """
        scale = self.norms2 / self.norm2
        shares: FloatArray = label * self.labels2 * scale**2 + output * scale**3
        return shares

    def other_labels(self) -> tuple[str, str] | None:
        """The root mean square of the labels, and the advice, where it is not 1, or where the
        labels are class numbers."""
        size = float(self.labels2.mean()) ** 0.5
        if size == 0:
            return "0", "give the labels of your training, which distinguish the examples"
        y = torch.ones(1) if self.labels is None else self.labels
        if (y >= 0).all() and (y == y.round()).all() and (y != y.flatten()[0]).any():
            return f"{size:.3g}, as of class numbers", "give two classes the labels -1 and 1"
        return None if abs(size - 1) <= _ALLOWED else (f"{size:.3g}", "divide the labels by it")

    def drawn(self, samples: int, seed: int) -> torch.Tensor:
        """Which example each of ``samples`` steps takes, drawn with replacement.

        >>> examples = checked_examples([[3.0, 4.0], [0.0, 5.0]], None, width=2)
        >>> examples.norm2, len(examples.drawn(9, seed=1))
        (25.0, 9)
        """
        generator = torch.Generator().manual_seed(seed % 2**64)
        return torch.randint(len(self.inputs), (samples,), generator=generator, device="cpu")


@dataclass(frozen=True)
class Case:
    """The network read from a model, with |x|^2 = n_0, and the user's examples, if any."""

    read: MLP
    examples: Examples | None

    @property
    def network(self) -> MLP:
        """The network at the mean |x|^2 of the examples."""
        return self.read if self.examples is None else self._at(self.examples.norm2)

    @property
    def largest(self) -> MLP:
        """The network at an |x|^2 at which a step is as large as at any example: |y| |x|^2 at a
        label y.

        Inputs s times as large, s < 1, have pre-activations s times as large too, beside which a
        step has to be small: |y| |x|^2/s.
        """
        if self.examples is None:
            return self.read
        size = np.maximum(np.sqrt(self.examples.labels2), 1.0)
        norms2 = self.examples.norms2
        return self._at((np.maximum(norms2, np.sqrt(norms2 * float(self.read.norm2))) * size).max())

    @property
    def heaviest(self) -> MLP:
        """The network at an |x|^2 at which updates are as heavy-tailed as at any example.

        In units of the label y, the output is that at |x|^2/y^2; without a label, a large one.
        """
        if self.examples is None:
            return self.read
        size = np.maximum(self.examples.labels2, 1e-6)
        return self._at((self.examples.norms2 / size).max())

    def in_words(self) -> list[str]:
        """Sentences where the examples differ from the examples that the rates of `read` assume."""
        if self.examples is None:
            return []
        found, right, norm2 = [], float(self.read.norm2), self.examples.norm2
        if abs(norm2 / right - 1) > _ALLOWED:
            found.append(
                f"expected inputs of mean |x|^2 = {right:.6g}, which the rates assume, got "
                f"{norm2:.6g}; leave out input_norm2, and the inputs say it"
            )
        if varied := self.varied():
            found.append(f"expected inputs of similar |x|^2, got {'; '.join(varied)}")
        if rare := self.rare():
            found.append(f"expected examples that move the network alike, got {rare}")
        if other := self.examples.other_labels():
            found.append(
                "expected labels of root mean square 1, which the rates assume, got "
                + "; ".join(other)
            )
        return found

    def varied(self) -> tuple[str, str] | None:
        """How |x|^2 varies, alone or along with y^2, and the advice, where the mean of
        E[(Delta z)^2] over the examples differs from its value at the mean |x|^2 and mean y^2."""
        if self.examples is None:
            return None
        norms2, labels2 = self.examples.norms2, self.examples.labels2
        label, output = exact_parts(self.network, self.network.layers)
        right = label * float(labels2.mean()) + output
        grown = float(self.examples.shares(label, output).mean()) / right
        if 1 / _VARIED <= grown <= _VARIED:
            return None
        along = ""
        if labels2.std() > _ALLOWED * labels2.mean():
            along = f", at a correlation of {np.corrcoef(norms2, labels2)[0, 1]:.2g} with y^2"
        return (
            f"some from {norms2.min():.3g} to {norms2.max():.3g}{along}: the mean of E[(Δz)²] "
            f"over the examples is {grown:.3g} times that at the mean |x|^2 and y^2",
            f"normalise them, or divide the rates by {grown**0.5:.3g}",
        )

    def rare(self) -> str | None:
        """A clause where one example alone has far more than the mean of E[(Delta z)^2]."""
        if self.examples is None:
            return None
        shares = self.examples.shares(*exact_parts(self.network, self.network.layers))
        k = int(shares.argmax())
        times, size = shares[k] / shares.mean(), self.examples.labels2[k] ** 0.5
        if not times > _RARE:
            return None
        return (
            f"one of |x|^2 = {self.examples.norms2[k]:.3g} and |y| = {size:.3g}, whose own step "
            f"has {times:.3g} times the mean E[(Δz)²]; clip large labels and inputs, or take "
            f"batches that average such examples out"
        )

    def _at(self, norm2: float) -> MLP:
        scale: Any = float(f"{norm2:.6g}")
        return self.read if scale == self.read.norm2 else replace(self.read, input_norm2=scale)

    def exact(self, layer: int, samples: int, seed: int) -> tuple[float, FloatArray]:
        """E[(Delta z)^2]/eta^2, its mean over all examples, and over that mean at the example of
        each sample, shape ``(samples,)``."""
        label, output = exact_parts(self.network, layer)
        if self.examples is None:
            return label + output, np.ones(samples)
        shares = self.examples.shares(label, output)
        mean = float(shares.mean())
        return mean, shares[self.examples.drawn(samples, seed).numpy()] / mean


def checked_examples(inputs: Any, labels: Any, width: int) -> Examples | None:
    """The user's inputs and labels, as tensors; None without inputs.

    ``width``: numbers in one input of the model.
    """
    if inputs is None:
        if labels is not None:
            raise InvalidArgument(
                "expected inputs with their labels, got labels alone; give inputs= too"
            )
        return None
    x = _tensor("inputs", inputs)
    if x.ndim < 2 or x[:1].numel() != width:
        raise InvalidArgument(
            f"expected inputs of shape (examples, {width}), got inputs of shape "
            f"{tuple(x.shape)}; give at least one example, with as many numbers as the model takes"
        )
    examples = Examples(x, _labels(labels, len(x)))
    zeros = len(x) - int(x.flatten(1).any(1).sum())
    if zeros:
        raise InvalidArgument(
            f"expected inputs that are not zero, got {zeros} with |x|^2 = 0 "
            f"of {len(x)}; leave out these examples, from which a network without biases learns "
            f"nothing"
        )
    for norm2 in (examples.norms2.min(), examples.norms2.max()):
        check_norm("inputs", norm2, width)
    return examples


def check_norm(name: str, norm2: Any, width: int) -> None:
    """Raise `InvalidArgument` for an |x|^2 whose steps are lost to rounding, or overflow."""
    if not width / _MOST_SCALED <= norm2 <= width * _MOST_SCALED:
        raise InvalidArgument(
            f"expected inputs of |x|^2 from {width / _MOST_SCALED:.3g} to "
            f"{width * _MOST_SCALED:.3g} for {name}, got {float(norm2):.3g}; scale the inputs to "
            f"|x|^2 = {width}, their width"
        )


def _labels(labels: Any, count: int) -> torch.Tensor | None:
    if labels is None:
        return None
    y = _tensor("labels", labels)
    if y.numel() != count or y.shape[:1] != (count,):
        raise InvalidArgument(
            f"expected as many labels as inputs, got labels of shape {tuple(y.shape)} and {count} "
            f"inputs; give one number for each input"
        )
    return y


def _converted(values: Any) -> torch.Tensor:
    """Numbers of any array, such as a table of pandas, which PyTorch alone reads by columns, a view
    that runs backwards, or one in another byte order."""
    if isinstance(values, list | tuple) and any(isinstance(each, np.ndarray) for each in values):
        values = np.stack(values)
    if not hasattr(values, "__array__"):
        return torch.as_tensor(values, device="cpu")
    array = np.require(values, requirements=("C", "W"))
    return torch.as_tensor(array.astype(array.dtype.newbyteorder("="), copy=False), device="cpu")


def _masked(values: Any) -> int:
    """How many numbers are masked, by NumPy in an array or in the arrays of a list, or by PyTorch:
    in a tensor they become numbers that the user did not give."""
    if isinstance(values, list | tuple):
        return sum(_masked(each) for each in values if isinstance(each, np.ma.MaskedArray))
    if isinstance(values, MaskedTensor):
        given: Any = values
        return int((~given.get_mask()).sum())
    return int(np.ma.getmaskarray(values).sum()) if isinstance(values, np.ma.MaskedArray) else 0


def _instead(name: str, values: Any) -> str:
    """The fix in a refusal of ``values``, which are no array of numbers."""
    several = isinstance(values, list | tuple) and bool(values)
    if several and all(isinstance(each, torch.Tensor) for each in values):
        return f"give torch.stack({name}), of tensors of one shape"
    return f"give a torch.Tensor of floats with one row of {name} for each example"


def _tensor(name: str, values: Any) -> torch.Tensor:
    """Finite floating point numbers, detached."""
    if masked := _masked(values):
        raise InvalidArgument(
            f"expected an array without a mask for {name}, got {masked:,} masked numbers; leave "
            f"out the examples that have some, or fill them as your training does"
        )
    try:
        tensor = values if isinstance(values, torch.Tensor) else _converted(values)
    except (TypeError, ValueError, RuntimeError, LookupError) as error:
        raise InvalidArgument(
            f"expected an array of numbers for {name}, got {name}={typed(values)}, which PyTorch "
            f"does not read: {brief(str(error), 80, str)}; {_instead(name, values)}"
        ) from error
    held = name if isinstance(values, torch.Tensor) else f"torch.as_tensor({name})"
    if tensor.is_nested or tensor.layout is not torch.strided or tensor.is_quantized:
        got, fix = "a sparse, nested or quantised tensor", "give a dense one"
    elif tensor.is_floating_point() and tensor.dtype not in PRECISIONS:
        got, fix = f"{name} of {tensor.dtype}", f"give {name}.float()"
    elif name == "inputs" and not (tensor.is_floating_point() or tensor.is_complex()):
        got = f"{name} of integers, {tensor.dtype}"
        scale = "" if tensor.dtype is torch.bool else " / 255"
        fix = f"convert and scale them as your training does, such as {held}.float(){scale}"
    elif tensor.is_complex():
        got, fix = f"complex {name}", f"give real numbers, such as {held}.real"
    elif tensor.is_meta:
        got, fix = f"{name} on the meta device", "give values"
    elif wrong := int((~torch.isfinite(tensor)).sum()):
        got = f"{wrong:,} NaN or infinite of {tensor.numel():,} numbers"
        fix = "leave out the examples that have some"
    else:
        return tensor.detach() if tensor.is_floating_point() else tensor.double()
    raise InvalidArgument(
        f"expected a dense array of finite real numbers of 16, 32 or 64 bits for {name}, got "
        f"{got}; {fix}"
    )
