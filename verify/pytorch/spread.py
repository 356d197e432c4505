"""This module compares the weights that a module holds with the weights that the theory draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import exp, hypot, log, log1p
from operator import mul
from types import FunctionType, MethodType
from weakref import ref

import torch
from torch import nn

from theory.errors import InvalidArgument
from verify.comparison.exact_values import known_spread
from verify.pytorch.independence import dependence
from verify.pytorch.learning_rates import exact_parts
from verify.pytorch.modules.computing import literal_layers, standard_deviations
from verify.pytorch.modules.layers import linear_layers, whole
from verify.pytorch.modules.model import ReadModel, network_of
from verify.pytorch.modules.probing import default_torch

__all__ = ["changed_in_words", "check_weights", "rms", "spread_in_words", "unlike_theory"]

_STANDARD_ERRORS, _ALLOWED, _TOGETHER_ALLOWED, _GAIN_ALLOWED = 5.0, 0.02, 0.1, 0.25
_INPUTS, _SEED = 16, 0x5F3759DF
_AT_FIRST = "expected at the first step the"


def rms(weight: torch.Tensor) -> float:
    """The root mean square of a weight matrix.

    >>> rms(torch.tensor([[3.0, -3.0, 3.0, -3.0]]))
    3.0
    """
    values = whole(weight)
    norm = torch.linalg.vector_norm(values, dtype=torch.float64)
    return float(norm / values.numel() ** 0.5)


def check_weights(read: ReadModel, readout_rate: float) -> None:
    """Raise `InvalidArgument` for weights that are not finite, and for a frozen readout that has a
    learning rate."""
    if name := _not_finite(read):
        raise InvalidArgument(
            f"expected finite weights, got NaN or infinity in '{name}.weight'; draw new weights "
            f"with initialise(model)"
        )
    if readout_rate and not read.readout.weight.requires_grad:
        *_, name = read.named
        raise InvalidArgument(
            f"expected a readout that is trained, got '{name}.weight' with requires_grad=False "
            f"and a learning rate of {readout_rate:.3g}; give a plan that leaves it, "
            f"such as AllHidden()"
        )


def spread_in_words(read: ReadModel) -> str | None:
    """A sentence where the weights that a module holds are not spread as the theory draws them,
    or not independent and normal."""
    *_, (last, readout) = read.named.items()
    if not whole(readout.weight).any():
        return (
            f"expected a readout with random weights, got only zeros at '{last}.weight': the "
            f"hidden layers have no gradient in the first step, which the rates exclude; call "
            f"initialise(model) first"
        )
    found = unlike_theory(read)
    return found and (
        f"expected independent normal weights, as initialise(model) draws them, which the rates "
        f"assume, got {found}; call initialise(model) first"
    )


def changed_in_words(read: ReadModel) -> Callable[[], str | None]:
    """A function that gives a sentence where the layers are no longer the layers of ``read``, or
    the weights are neither its weights nor as the theory draws them; it keeps no weight alive.

    It runs the module anew where a module in it has another class or another setting.
    """
    module, shapes, before = ref(read.module), _shapes(read.named), _sizes(read)
    network, steps, computes = read.network, read.steps, read.computes
    parts, weights = _parts(read.module), [ref(each.weight) for each in read.layers]

    def again() -> str | None:
        held = module()
        if held is None:
            return None
        try:
            named = linear_layers(held)
            same = _parts(held) == parts
            activation = network.activation if same else network_of(held).activation
        except InvalidArgument as error:
            return f"{_AT_FIRST} model that parameter_groups has seen, got this refusal: {error}"
        if _shapes(named) != shapes:
            return (
                f"{_AT_FIRST} layers that parameter_groups has seen, of the shapes {shapes}, got "
                f"{_shapes(named)}; make the groups once the model has all of its layers"
            )
        if activation != network.activation:
            return (
                f"{_AT_FIRST} activation that parameter_groups has seen, of the slope "
                f"{float(network.activation.slope):g} below zero, got "
                f"{float(activation.slope):g}; make the groups once the model has all of its layers"
            )
        pairs = zip(named.items(), weights, strict=True)
        new = [name for (name, layer), weight in pairs if weight() is not layer.weight]
        if new:
            return (
                f"{_AT_FIRST} weights that parameter_groups has seen, got another tensor at "
                f"'{new[0]}.weight', which its groups do not hold; make the groups, and the "
                f"optimiser, after new layers and load_state_dict(assign=True)"
            )
        now = ReadModel(held, named, network, steps, computes)
        with default_torch():
            found = None if _sizes(now) == before else unlike_theory(now)
        return found and (
            f"{_AT_FIRST} weights that parameter_groups has seen, or others that are drawn as "
            f"initialise(model) draws them, got {found}; give the weights first, and make the "
            f"groups then, or go on where this resumes a training"
        )

    return again


def _parts(module: nn.Module) -> list[tuple[object, ...]]:
    """The modules within, each with its name, its class and its settings: the numbers,
    words and functions in its attributes, such as the slope of an activation, or a separate
    ``forward``."""
    return [
        (name, type(each), {k: v for k, v in vars(each).items() if _is_setting(k, v)})
        for name, each in module.named_modules(remove_duplicate=False)
    ]


def _is_setting(name: str, value: object) -> bool:
    words = isinstance(value, (bool, int, float, str, FunctionType, MethodType))
    return words and name != "training" and not name.startswith("_")


def _shapes(named: Mapping[str, nn.Linear]) -> list[tuple[int, ...]]:
    return [tuple(layer.weight.shape) for layer in named.values()]


def _sizes(read: ReadModel) -> list[tuple[float, float]]:
    """Root mean square and mean of each layer's weights."""
    return [(rms(each.weight), float(whole(each.weight).double().mean())) for each in read.layers]


def unlike_theory(read: ReadModel) -> str | None:
    """A clause on weights that are not finite, not spread as the theory's, not independent normal,
    or trained."""
    if name := _not_finite(read):
        return f"numbers that are not finite at '{name}.weight'"
    spread = _other_spread(read) or _together(read)
    if spread:
        return spread + _gain_in_words(read)
    return next(dependence(read.named), None) or _trained(read)


def _not_finite(read: ReadModel) -> str | None:
    """The name of the first layer with a weight that is not finite."""
    finite = {name: torch.isfinite(whole(each.weight)).all() for name, each in read.named.items()}
    return next((name for name, all_are in finite.items() if not all_are), None)


def _other_spread(read: ReadModel) -> str | None:
    """A clause where a root mean square or a mean is not the theory's.

    The root mean square is known to 1/sqrt(2 count), the mean to 1/sqrt(count) in units of it; five
    times that, and 2 % of the root mean square, pass.
    """
    wrong = []
    rows = zip(read.named.items(), standard_deviations(read.network), strict=True)
    for (name, layer), right in rows:
        weight, found = whole(layer.weight), rms(layer.weight)
        count, mean = weight.numel(), float(weight.mean(dtype=torch.float64))
        spread = abs(found / right - 1) > _ALLOWED + _STANDARD_ERRORS / (2 * count) ** 0.5
        if spread or abs(mean / right) > _ALLOWED + _STANDARD_ERRORS / count**0.5:
            got = f"a root mean square of {found:.3g} and a mean of {mean:.2g} at '{name}.weight'"
            wrong.append((got, f"where the theory has {right:.3g} and 0"))
    others = f" and in {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return f"{others}, ".join(wrong[0]) if wrong else None


def _logs(read: ReadModel) -> list[tuple[float, int]]:
    """Log of each layer's root mean square r over the theory's, and the count of its weights, which
    gives the log a standard error of 1/sqrt(2 count).

    Below 1 it is (r^2 - 1)/2, the first order of the log: so both tails are no heavier than a
    normal one's, down to a single weight.
    """
    rows = zip(read.layers, standard_deviations(read.network), strict=True)
    found = [((rms(each.weight) / right) ** 2 - 1, each.weight.numel()) for each, right in rows]
    return [(min(square, log1p(max(square, 0.0))) / 2, count) for square, count in found]


def _together(read: ReadModel) -> str | None:
    """A clause where the spreads of all layers multiply to another E[(Delta z)^2].

    Law: the step of W_k moves the last of L hidden layers by a label part that is proportional to
    the readout and to the squares of all hidden layers but W_k, and the output part to f, which is
    proportional to all layers.  Hence E is proportional, to first order in the log spreads, to the
    power 4 (1 - 1/L) + 2 s of each hidden layer's spread and the power 2 + 2 s of the readout's,
    where s is the output part's share of E.
    """
    depth = read.network.layers
    label, output = exact_parts(read.network, depth)
    share = output / (label + output)
    powers = *(4 * (1 - 1 / depth) + 2 * share,) * depth, 2 + 2 * share
    rows = list(zip(powers, _logs(read), strict=True))
    grown = sum(power * ratio for power, (ratio, _) in rows)
    error = hypot(*(power / (2 * count) ** 0.5 for power, (_, count) in rows))
    if abs(grown) <= max(_STANDARD_ERRORS * error, log(1 + _TOGETHER_ALLOWED)):
        return None
    return (
        f"weights whose spreads pass in each layer, but together make E[(Δz)²] about "
        f"{exp(min(grown, 700.0)):.2g} times the theory's"
    )


def _trained(read: ReadModel) -> str | None:
    """A clause where E[(Delta z)^2] of the present weights is beyond the range of weights drawn
    anew.

    Law: at one input, its logarithm over weights is nearly normal, of variance s^2 and mean
    -s^2/2, where e^(s^2) - 1 is the exact relative variance; the mean over inputs varies less, and
    five s pass.  Below, the law fails in narrow networks, which may be nearly dead.
    """
    depth = read.network.layers
    ratio = _held_update(read) / sum(exact_parts(read.network, depth))
    variance = log1p(known_spread(read.network, depth) ** 2)
    if ratio <= exp(max(_STANDARD_ERRORS * variance**0.5 - variance / 2, 0.0)):
        return None
    return (
        f"weights that make E[(Δz)²] about {ratio:.2g} times the theory's at random inputs, as "
        f"training does"
    )


def _held_update(read: ReadModel) -> float:
    """E[(Delta z)^2]/eta^2 in the last hidden layer of the weights that are held, over random
    inputs and labels +-1.

    Law: Delta z_k = W_k D_k-1 Delta z_k-1 + |h_k-1|^2 g_k in units of eta (y - f), where g_k is the
    gradient of f in z_k, D_k the slopes of the activation and h_k the activated z_k.
    """
    slope = float(read.network.activation.slope)
    *hidden, readout = [whole(each.weight).float() for each in read.layers]
    generator = torch.Generator().manual_seed(_SEED)
    shape, kind = (_INPUTS, hidden[0].shape[1]), hidden[0].dtype
    x = torch.randn(shape, generator=generator, device="cpu", dtype=kind)
    x *= float(read.network.norm2) ** 0.5 / x.norm(dim=1, keepdim=True)
    *before, f = literal_layers([*hidden, readout], x, slope)
    slopes = [torch.where(z > 0, 1.0, slope).to(z) for z in before]
    norms2 = [h.square().sum(1, keepdim=True) for h in (x, *map(mul, before, slopes))]
    gradients = [readout * slopes[-1]]
    for weight, each in zip(hidden[:0:-1], slopes[-2::-1], strict=True):
        gradients.append(gradients[-1] @ weight * each)
    moved = gradients.pop() * norms2[0]
    for weight, each, norm2 in zip(hidden[1:], slopes, norms2[1:], strict=False):
        moved = (moved * each) @ weight.T + gradients.pop() * norm2
    return float(((f**2 + 1) * moved.square()).mean(dtype=torch.float64))


def _gain_in_words(read: ReadModel) -> str:
    """The gain where the hidden layers are spread as for ReLU, and the activation has a slope."""
    slope = float(read.network.activation.slope)
    if not slope:
        return ""
    *hidden, _ = _logs(read)
    found = sum(ratio * count for ratio, count in hidden) / sum(count for _, count in hidden)
    if abs(2 * found / log(1 + slope**2) - 1) > _GAIN_ALLOWED:
        return ""
    return (
        f": the gain sqrt(2), where LeakyReLU({slope:g}) has sqrt(2/(1 + {slope:g}²)) = "
        f"{(2 / (1 + slope**2)) ** 0.5:.4g}"
    )
