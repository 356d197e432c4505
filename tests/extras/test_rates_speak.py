"""Parameter groups say where their rates do not hold: weights, inputs, precision, optimisers."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn, optim

from theory import MLP, InvalidArgument, OutsideValidity
from verify.pytorch import (
    AllHidden,
    EqualShares,
    Transferred,
    initialise,
    network_of,
    parameter_groups,
)
from verify.pytorch.learning_rates import exact_parts
from verify.pytorch.modules.computing import draw_weights, standard_deviations
from verify.pytorch.modules.model import read_model
from verify.pytorch.modules.probing import default_torch
from verify.pytorch.spread import _held_update, spread_in_words

from .models import Functional, mlp

Groups = list[dict[str, Any]]


def groups(*arguments: Any, **keywords: Any) -> Groups:
    return parameter_groups(initialise(mlp(16, 32, 32), seed=1), *arguments, **keywords)


QUIET: dict[str, Callable[[Groups], Any]] = {
    "plain": lambda g: optim.SGD(g),
    "fused": lambda g: optim.SGD(g, fused=True),
    "a little decay": lambda g: optim.SGD(g, weight_decay=1e-4),
    "momentum, scaled": lambda g: optim.SGD([{**x, "lr": x["lr"] * 0.1} for x in g], momentum=0.9),
    "momentum, damped": lambda g: optim.SGD(g, momentum=0.9, dampening=0.9),
    "a copy": lambda g: copy.deepcopy(optim.SGD(copy.deepcopy(g))),
    "read by a user": lambda g: [x["lr"] for x in g],
}
SPEAKING: dict[str, tuple[Callable[[Groups], Any], str]] = {
    "Adam": (lambda g: optim.Adam(g), "got Adam, whose steps have another size"),
    "AdamW": (lambda g: optim.AdamW(g), "got AdamW"),
    "RMSprop": (lambda g: optim.RMSprop(g), "got RMSprop"),
    "Muon": (lambda g: optim.Muon(g), "got Muon"),
    "momentum": (
        lambda g: optim.SGD(g, momentum=0.9),
        r"SGD with momentum=0\.9, whose steps grow to 10 times the size; multiply .* by 0\.1",
    ),
    "Nesterov": (lambda g: optim.SGD(g, momentum=0.5, nesterov=True), r"momentum=0\.5"),
    "a group's momentum": (lambda g: optim.SGD([{**x, "momentum": 0.9} for x in g]), "momentum"),
    "decay": (
        lambda g: optim.SGD(g, weight_decay=0.5),
        r"weight_decay=0\.5.* by about \d\d % in a step, and by half in \d;",
    ),
    "dictionaries copied": (lambda g: optim.Adam([dict(x) for x in g]), "got Adam"),
    "weights and rates": (
        lambda g: optim.Adam([{"params": x["params"], "lr": x["lr"]} for x in g]),
        "got Adam",
    ),
    "a second optimiser": (lambda g: (optim.SGD(g), optim.Adam(g)), "got Adam"),
    "a group added": (
        lambda g: optim.Adam([nn.Parameter(torch.ones(1))]).add_param_group(g[0]),
        "got Adam",
    ),
}


@pytest.mark.parametrize("case", QUIET)
def test_plain_gradient_descent_says_nothing(case: str) -> None:
    QUIET[case](groups())


@pytest.mark.parametrize("case", SPEAKING)
def test_another_optimiser_is_warned_of_once_as_it_is_built(case: str) -> None:
    build, words = SPEAKING[case]
    given = groups()
    with pytest.warns(OutsideValidity, match=words) as caught:
        build(given)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_an_optimiser_keeps_plain_groups() -> None:
    optimiser = optim.SGD(groups())
    for group in optimiser.param_groups:
        assert type(group) is dict
        assert type(group["params"]) is list
    assert type(pickle.loads(pickle.dumps(groups()))) is list
    again = optim.SGD(groups())
    again.load_state_dict(optimiser.state_dict())
    assert [g["name"] for g in again.param_groups] == ["layer 1", "layer 2", "readout"]


@pytest.mark.parametrize(
    "schedule",
    [
        lambda o: optim.lr_scheduler.LambdaLR(o, [lambda _: 0.5] * 3),
        lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 10),
        lambda o: optim.lr_scheduler.SequentialLR(
            o,
            [optim.lr_scheduler.ConstantLR(o), optim.lr_scheduler.ExponentialLR(o, 0.9)],
            [2],
        ),
        lambda o: optim.lr_scheduler.ReduceLROnPlateau(o),
    ],
    ids=["lambda", "cosine", "sequential", "plateau"],
)
def test_schedules_run_on_the_groups(schedule: Callable[[Any], Any]) -> None:
    model = initialise(mlp(16, 32, 32), seed=1)
    optimiser = optim.SGD(parameter_groups(model))
    scheduler, before = schedule(optimiser), next(model.parameters()).detach().clone()
    model(torch.ones(1, 16)).sum().backward()
    optimiser.step()
    scheduler.step(*([1.0] if isinstance(scheduler, optim.lr_scheduler.ReduceLROnPlateau) else []))
    assert not torch.equal(before, next(model.parameters()))


def changed(change: Callable[[Any], Any]) -> nn.Sequential:
    model = mlp(16, 32, 32)
    initialise(model, seed=1)
    with torch.no_grad():
        change(model)
    return model


SPREADS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "never initialised": (
        lambda: mlp(64, 64, 64),
        r"root mean square of 0\.07.* at '0\.weight' and in 2 more, where the theory has 0\.177",
    ),
    "a zero readout": (lambda: changed(lambda m: m[-1].weight.zero_()), "only zeros at '4.weight'"),
    "a tiny readout": (
        lambda: changed(lambda m: m[-1].weight.mul_(1e-9)),
        r"e-11 .*at '4\.weight', where",
    ),
    "one layer off": (lambda: changed(lambda m: m[2].weight.mul_(1.2)), r"at '2\.weight', where"),
    "constant": (lambda: changed(lambda m: m[0].weight.fill_(8**-0.5)), r"a mean of 0\.35 at '0"),
}


@pytest.mark.parametrize("case", SPREADS)
def test_weights_of_another_spread_are_warned_of(case: str) -> None:
    make, words = SPREADS[case]
    with pytest.warns(OutsideValidity, match=words) as caught:
        parameter_groups(make())
    assert caught[0].filename == __file__


def kaiming(*widths: int, slope: float, gain: float) -> nn.Sequential:
    """Layers of a gain that is the wrong one, with the theory's readout."""
    torch.manual_seed(1)
    model: Any = initialise(mlp(*widths, activation=lambda: nn.LeakyReLU(slope)), seed=1)
    for layer in model[:-1:2]:
        nn.init.normal_(layer.weight, std=gain / layer.in_features**0.5)
    return model


TOGETHER = {
    "the gain of ReLU": (
        (128, 24, 0.2, 2**0.5),
        r"together make E.* about (5|6|7)\.?\d* times .*: the gain sqrt\(2\), where "
        r"LeakyReLU\(0\.2\) has sqrt\(2/\(1 \+ 0\.2²\)\) = 1\.387; call",
    ),
    "a little more in each layer": ((64, 16, 0.0, 1.04 * 2**0.5), r"about (8|9|1\d) times"),
    "a little less in each layer": ((256, 40, 0.0, 0.98 * 2**0.5), r"about 0\.0[3-6]\d? times"),
    "another gain": ((128, 24, 0.2, 1.36), r"about 0\.(1\d|2) times the theory's; call"),
    "a layer too": ((256, 2, 0.5, 2**0.5), r"where the theory has .*: the gain sqrt\(2\), where"),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_layers_that_are_a_little_off_together_are_warned_of(case: str) -> None:
    (width, depth, slope, gain), words = TOGETHER[case]
    model = kaiming(*[width] * (depth + 1), slope=slope, gain=gain)
    with pytest.warns(OutsideValidity, match=words):
        parameter_groups(model, Transferred(model, hidden="0.1"))


def test_the_factor_of_all_layers_together_is_that_of_the_exact_law() -> None:
    """E at weights of c times 1.02 by `MLP`, whose first-order factor is within 10 %."""
    right = network_of(mlp(*[256] * 21))
    wide = replace(right, weight_variance="2.04")
    factor = sum(exact_parts(wide, 20)) / sum(exact_parts(right, 20))
    model: Any = initialise(mlp(*[256] * 21), seed=1)
    with torch.no_grad():
        for layer, sd in zip(model[::2], standard_deviations(wide), strict=True):
            layer.weight.mul_(sd / layer.weight.square().mean().sqrt())
    with pytest.warns(OutsideValidity, match="together make") as caught:
        parameter_groups(model)
    said = str(caught[0].message).partition(" about ")[2].split()[0]
    assert float(said) == pytest.approx(factor, rel=0.1)


def drawn(draw: Callable[[Any], torch.Tensor]) -> nn.Module:
    """A model whose middle weights are others, with the spread that they should have."""

    def change(model: Any) -> None:
        weight, new = model[2].weight, draw(model[2].weight)
        weight.copy_(new * (2 / 64) ** 0.5 / new.square().mean().sqrt())

    torch.manual_seed(1)
    model = initialise(mlp(64, 64, 64), seed=1)
    with torch.no_grad():
        change(model)
    return model


def gram(rank: int) -> Callable[[Any], torch.Tensor]:
    return lambda _: torch.randn(64, rank) @ torch.randn(rank, 64)


def again(model: Any) -> Any:
    """Each layer drawn from one seed."""
    for layer in model[::2]:
        torch.manual_seed(0)
        fan_in = layer.weight.shape[1]
        last = layer is model[-1]
        nn.init.normal_(layer.weight, std=1 / fan_in if last else (2 / fan_in) ** 0.5)
    return model


def tied(new: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> nn.Module:
    """A model of four square layers whose last hidden weights are made of those of the second."""
    torch.manual_seed(1)
    model: Any = initialise(mlp(64, 64, 64, 64, 64), seed=1)
    with torch.no_grad():
        made = new(model[2].weight.clone(), torch.randn(64, 64) * (2 / 64) ** 0.5)
        model[6].weight.copy_(made)
    return model


AGAIN, NORMS = "the numbers of '2.weight' again at '6.weight'", "the same norms of rows or columns"
TIED: dict[str, tuple[Callable[[torch.Tensor, torch.Tensor], torch.Tensor], str]] = {
    "copied": (lambda w, _: w, AGAIN),
    "negated": (lambda w, _: -w, AGAIN),
    "transposed": (lambda w, _: w.T, AGAIN),
    "mixed with noise": (lambda w, z: 0.8 * w + 0.6 * z, AGAIN),
    "transposed, mixed with noise": (lambda w, z: 0.8 * w.T + 0.6 * z, AGAIN),
    "columns permuted": (lambda w, _: w[:, torch.randperm(64)], NORMS),
    "rows permuted": (lambda w, _: w[torch.randperm(64)], NORMS),
    "rows and columns permuted": (lambda w, _: w[torch.randperm(64)][:, torch.randperm(64)], NORMS),
    "transposed and permuted": (lambda w, _: w.T[torch.randperm(64)], NORMS),
    "turned by a quarter": (lambda w, _: torch.rot90(w), NORMS),
    "mirrored": (lambda w, _: w.flip(0), NORMS),
    "signs changed": (lambda w, z: w * z.sign(), NORMS),
    "scaled": (lambda w, _: 1.01 * w[torch.randperm(64)], NORMS),
}


@pytest.mark.parametrize("case", TIED)
def test_a_layer_made_of_another_one_is_warned_of(case: str) -> None:
    new, words = TIED[case]
    with pytest.warns(OutsideValidity, match=words):
        parameter_groups(tied(new))


def test_a_copy_into_a_layer_of_another_shape_is_warned_of() -> None:
    model: Any = initialise(mlp(48, 32, 48, 32), seed=1)
    with torch.no_grad():
        model[2].weight.copy_(model[0].weight.T * 1.5**0.5)
    with pytest.warns(OutsideValidity, match="the numbers of '0.weight' again at '2.weight'"):
        parameter_groups(model)


def test_a_readout_made_of_a_row_is_warned_of() -> None:
    model: Any = initialise(mlp(16, 64, 64), seed=1)
    with torch.no_grad():
        model[4].weight.copy_(model[2].weight[:1] / 64 / (2 / 64) ** 0.5)
    with pytest.warns(OutsideValidity, match="the numbers of '2.weight' again at '4.weight'"):
        parameter_groups(model)


SHAPE = "a mean size of .* times the root mean square, not 0.798"
DEPENDENT = "rows or columns that depend on one another"
PATTERNS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "rank one": (lambda: drawn(gram(1)), SHAPE),
    "half the rank": (lambda: drawn(gram(32)), DEPENDENT),
    "orthogonal": (
        lambda: drawn(lambda w: nn.init.orthogonal_(torch.empty_like(w))),
        DEPENDENT,
    ),
    "uniform": (lambda: drawn(lambda w: torch.rand_like(w) - 0.5), SHAPE),
    "signs": (lambda: drawn(lambda w: torch.randn_like(w).sign()), SHAPE),
    "heavy tails": (lambda: drawn(lambda w: torch.randn_like(w) ** 3), SHAPE),
    "sparse": (lambda: drawn(lambda w: torch.randn_like(w) * (torch.rand_like(w) < 0.5)), SHAPE),
    "symmetric": (
        lambda: drawn(lambda w: (x := torch.randn_like(w)).triu() + x.triu(1).T),
        "entries that repeat",
    ),
    "circulant": (
        lambda: drawn(
            lambda w: (x := torch.randn(64)).sub_(x.mean())[
                (torch.arange(64)[:, None] - torch.arange(64)) % 64
            ]
        ),
        f"entries that repeat|{DEPENDENT}",
    ),
    "rows of one norm": (
        lambda: drawn(lambda w: nn.functional.normalize(torch.randn_like(w), dim=1)),
        r"row norms of \d.*e-\d+ times the variance of independent ones at '2.weight'",
    ),
    "columns of one norm": (
        lambda: drawn(lambda w: nn.functional.normalize(torch.randn_like(w), dim=0)),
        r"column norms of \d.*e-\d+ times the variance of independent ones at '2.weight'",
    ),
    "rows of other scales": (
        lambda: drawn(lambda w: torch.randn_like(w) * (torch.randn(64, 1) * 0.15).exp()),
        r"row norms of [2-9]\.\d+ times the variance",
    ),
    "columns of other scales": (
        lambda: drawn(lambda w: torch.randn_like(w) * (torch.randn(64) * 0.15).exp()),
        r"column norms of [2-9]\.\d+ times the variance",
    ),
    "a diagonal": (
        lambda: drawn(lambda w: torch.randn_like(w) + torch.eye(64)),
        r"a diagonal with a mean of 0\.[6-9]\d* root mean squares at '2.weight'",
    ),
    "mirrored": (lambda: drawn(lambda w: torch.cat([x := torch.randn(32, 64), -x])), DEPENDENT),
    "a zero row": (
        lambda: drawn(lambda w: torch.randn_like(w) * (1.01 - torch.eye(64)[5])[:, None]),
        r"row norms of \d+\.?\d* times the variance of independent ones at '2.weight'",
    ),
    "cut at two": (
        lambda: drawn(lambda w: nn.init.trunc_normal_(torch.empty_like(w))),
        r"a largest size of 2\.\d* times the root mean square, which 4,096 normal",
    ),
    "one large number": (
        lambda: drawn(lambda w: torch.randn_like(w) + 8 * torch.eye(64)[5].outer(torch.eye(64)[7])),
        r"a largest size of [789]\.\d* times",
    ),
    "one seed": (
        lambda: again(mlp(64, 64, 64)),
        r"the numbers of '0\.weight' again at '2\.weight'",
    ),
}


@pytest.mark.parametrize("case", PATTERNS)
def test_weights_that_are_not_independent_normal_numbers_are_warned_of(case: str) -> None:
    make, words = PATTERNS[case]
    with pytest.warns(OutsideValidity, match=words) as caught:
        parameter_groups(make())
    assert len(caught) == 1


def hidden(change: Callable[[torch.Tensor], torch.Tensor]) -> nn.Module:
    """A network of six layers of width 128 whose hidden weights, in units of their standard
    deviation, are changed after the draw."""
    torch.manual_seed(1)
    model: Any = initialise(mlp(*[128] * 7), seed=1)
    with torch.no_grad():
        for layer in model[:-1:2]:
            layer.weight.copy_(change(layer.weight * 8) / 8)
    return model


def smooth(w: torch.Tensor) -> torch.Tensor:
    """Weights of which neighbours in a row have a correlation of 0.1."""
    columns = [w[:, 0]]
    for column in w.T[1:]:
        columns.append(0.1 * columns[-1] + 0.99**0.5 * column)
    return torch.stack(columns, 1)


SQUARES = "times the mean square of independent ones"
HIDDEN: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], str]] = {
    "rows centred": (lambda w: w - w.mean(1, keepdim=True), rf"sums of rows of 0\.0\d+ {SQUARES}"),
    "columns centred": (lambda w: w - w.mean(0), rf"sums of columns of \S+e-\d+ {SQUARES}"),
    "rows with offsets": (
        lambda w: w + 0.15 * torch.randn(128, 1),
        rf"sums of rows of [345]\.\d+ {SQUARES}",
    ),
    "rows with small offsets": (
        lambda w: w + 0.08 * torch.randn(128, 1),
        rf"sums of rows of [12]\.\d+ {SQUARES}",
    ),
    "columns with offsets": (
        lambda w: w + 0.15 * torch.randn(128),
        rf"sums of columns of [345]\.\d+ {SQUARES}",
    ),
    "a common mean": (
        lambda w: w + 0.02,
        r"a mean of 0\.0[12]\d* root mean squares in all layers together",
    ),
    "smooth rows": (smooth, r"a correlation of 0\.(09|1)\d* between neighbours in each row"),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_hidden_weights_that_are_changed_after_their_draw_are_warned_of(case: str) -> None:
    """Each changes E[(Delta z)^2] by 20 % to a factor of 30, and the root mean square by little."""
    change, words = HIDDEN[case]
    with pytest.warns(OutsideValidity, match=words):
        parameter_groups(hidden(change))


def test_a_layer_that_is_partly_the_transpose_of_the_one_below_is_warned_of() -> None:
    model: Any = initialise(mlp(*[128] * 4), seed=1)
    with torch.no_grad():
        for below, layer in ((model[0], model[2]), (model[2], model[4])):
            layer.weight.mul_(0.99**0.5).add_(0.1 * below.weight.T)
    with pytest.warns(OutsideValidity, match=r"a correlation of \S+ with the transpose"):
        parameter_groups(model)


def test_trained_weights_are_warned_of() -> None:
    """Each weight moves by a few per cent of its size, and E[(Delta z)^2] by far more."""
    torch.manual_seed(1)
    model = initialise(mlp(*[128] * 5), seed=1)
    optimiser = optim.SGD(parameter_groups(model, AllHidden("0.5")))
    x = torch.randn(256, 128)
    y = x[:, :1].sign()
    for _ in range(150):
        optimiser.zero_grad()
        ((model(x) - y).square().mean() / 2).backward()
        optimiser.step()
    with pytest.warns(OutsideValidity, match=r"times the theory's at random inputs, as training"):
        parameter_groups(model)


def test_the_update_of_weights_that_are_held_has_the_exact_mean() -> None:
    """Within 5 standard errors over 800 draws, from fixed seeds."""
    model = mlp(24, 32, 48, 40, activation=lambda: nn.LeakyReLU(0.3))
    read, found = read_model(model), []
    with default_torch():
        for seed in range(800):
            draw_weights(read.layers, read.network, torch.Generator().manual_seed(seed))
            found.append(_held_update(read) / sum(exact_parts(read.network, 3)))
    assert abs(np.mean(found) - 1) < 5 * np.std(found) / 800**0.5 < 0.15


READOUTS: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], str]] = {
    "repeated": (lambda v: v[:, :128].repeat(1, 2), "entries that repeat at '2.weight'"),
    "negated": (lambda v: torch.cat([v[:, :128], -v[:, :128]], 1), "entries that repeat"),
    "mirrored": (lambda v: torch.cat([v[:, :128], v[:, :128].flip(1)], 1), "entries that repeat"),
    "in pairs": (lambda v: v[:, ::2].repeat_interleave(2, 1), "entries that repeat at '2.weight'"),
    "partly zero": (lambda v: v * (torch.arange(256) > 4), "entries that repeat at '2.weight'"),
    "uniform": (lambda v: torch.rand_like(v) - 0.5, r"a largest size of 1\.\d* times"),
}


@pytest.mark.parametrize("case", READOUTS)
def test_a_readout_that_is_not_independent_normal_is_warned_of(case: str) -> None:
    new, words = READOUTS[case]
    model: Any = initialise(mlp(16, 256), seed=1)
    with torch.no_grad():
        v = new(model[2].weight.clone())
        model[2].weight.copy_(v / 256 / v.square().mean().sqrt())
    with pytest.warns(OutsideValidity, match=words):
        parameter_groups(model)


HALVES = (torch.bfloat16, torch.float16)


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("model", [mlp(16, 256), mlp(64, 64, 64)])
def test_normal_weights_rounded_to_16_bits_are_not_warned_of(model: nn.Module, half: Any) -> None:
    parameter_groups(initialise(model, seed=1).to(half).float(), AllHidden("0.5"))


@pytest.mark.parametrize("half", HALVES)
def test_numbers_that_repeat_in_16_bits_are_warned_of(half: Any) -> None:
    model: Any = initialise(mlp(16, 256), seed=1)
    with torch.no_grad():
        v = model[2].weight
        v[:, 128:] = v[:, torch.randperm(128, generator=torch.Generator().manual_seed(1))]
    with pytest.warns(OutsideValidity, match="entries that repeat at '2.weight'"):
        parameter_groups(model.to(half).float())


def test_weights_that_are_drawn_as_they_should_be_are_not_warned_of() -> None:
    """800 draws of 5 layers at five standard errors: a false alarm in about 1 of 50 such tests,
    from fixed seeds."""
    read = read_model(mlp(24, 32, 20, 48, 32))
    with default_torch():
        for seed in range(800):
            draw_weights(read.layers, read.network, torch.Generator().manual_seed(seed))
            assert spread_in_words(read) is None


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_no_numbers_are_refused(value: float) -> None:
    model = changed(lambda m: m[2].weight[0, 0].fill_(value))
    with pytest.raises(InvalidArgument, match=r"in '2\.weight'; draw new weights"):
        parameter_groups(model)
    initialise(model, seed=1)
    parameter_groups(model)


def test_a_frozen_readout_has_a_plan() -> None:
    model = changed(lambda m: m[-1].requires_grad_(False))
    assert parameter_groups(model, AllHidden())[-1]["lr"] == 0
    with pytest.raises(InvalidArgument, match=r"'4\.weight' with requires_grad=False .*AllHidden"):
        parameter_groups(model)


LABELS: dict[tuple[float, ...], str] = {
    (0, 0, 0, 0): "0; give the labels of your training",
    (0, 1, 1, 0): "0.707, as of class numbers; give two classes the labels -1 and 1",
    (0, 1, 2, 9): "4.64, as of class numbers; give two classes",
    (0, *(1,) * 30): "0.984, as of class numbers; give two classes the labels -1 and 1",
    (3, 3, 3, 3): "3; divide the labels by it",
    (0, -3, 3, 1): "2.18; divide the labels by it",
    (0.5, 2, 3, 1): "1.89; divide the labels by it",
}


def test_inputs_say_their_norm() -> None:
    x = torch.ones(5, 16) * 15.5
    given, named = groups(inputs=x), groups(input_norm2=3844)
    assert [g["lr"] for g in given] == [g["lr"] for g in named] != [g["lr"] for g in groups()]
    images = nn.Sequential(nn.Flatten(), initialise(mlp(16, 32, 32), seed=1))
    assert [g["lr"] for g in parameter_groups(images, inputs=x.reshape(5, 1, 4, 4).numpy())] == [
        g["lr"] for g in given
    ]
    with pytest.warns(OutsideValidity, match=r"mean \|x\|\^2 = 16, .* got 3844"):
        groups(inputs=x, input_norm2=16)
    with pytest.warns(OutsideValidity, match="labels of root mean square 1, .* got 3"):
        groups(inputs=x, labels=3 * torch.ones(5))
    for labels, words in LABELS.items():
        with pytest.warns(OutsideValidity, match=f"labels of root mean square 1, .* got {words}"):
            groups(inputs=torch.ones(len(labels), 16), labels=labels)
    with pytest.warns(OutsideValidity, match="of similar .* divide the rates by"):
        groups(inputs=torch.cat([x, x / 100]))


def test_labels_that_go_with_the_norms_of_inputs_are_warned_of() -> None:
    """Labels of mean square 1, and a mean |x|^2 of 16."""
    x = torch.ones(40, 16)
    x[::2] *= 1.4**0.5
    x[1::2] *= 0.6**0.5
    for large, words in ((1.9, r"1\.86 .* by 1\.36"), (0.1, r"0\.486 .* by 0\.697")):
        y = torch.ones(40)
        y[::2], y[1::2] = large**0.5, -((2 - large) ** 0.5)
        with pytest.warns(OutsideValidity, match=f"at a correlation of .* is {words}") as caught:
            groups(inputs=x, labels=y)
        assert len(caught) == 1
    groups(inputs=x, labels=torch.ones(40))


def test_an_example_that_moves_the_network_far_more_than_the_mean_is_warned_of() -> None:
    """Against the exact law at the example's own |x|^2, by another network."""
    x = torch.ones(4000, 16)
    y = 0.5 * torch.tensor([1.0, -1.0]).repeat(2000)
    y[7] = 54.8
    for large, label in ((1.0, 54.8), (9.0, 0.5)):
        x[7], y[7] = large, label
        at_mean, at_one = (
            exact_parts(MLP(32, 2, input_width=16, input_norm2=norm2), 2)
            for norm2 in (16, 16 * int(large) ** 2)
        )
        one = label**2 * at_one[0] + at_one[1]
        mean = (one + 3999 * (0.25 * at_mean[0] + at_mean[1])) / 4000
        words = f"|y| = {label:.3g}, whose own step has {one / mean:.3g} times the mean E"
        with pytest.warns(OutsideValidity) as caught:
            groups(inputs=x, labels=y)
        assert [words in str(each.message) for each in caught].count(True) == 1, words
    x[7], y[7] = 1.0, 4.0
    with pytest.warns(OutsideValidity) as caught:
        groups(inputs=x, labels=y)
    assert not [each for each in caught if "whose own step" in str(each.message)]


MASK = np.arange(32).reshape(2, 16) == 3
MASKS: dict[str, tuple[dict[str, Any], str]] = {
    "inputs": ({"inputs": np.ma.masked_array(np.ones((2, 16)), MASK)}, "for inputs, got 1 masked"),
    "rows": ({"inputs": [*np.ma.masked_array(np.ones((2, 16)), MASK)]}, "for inputs, got 1 masked"),
    "labels": (
        {"inputs": np.ones((2, 16)), "labels": np.ma.masked_array([1.0, -1.0], [False, True])},
        "for labels, got 1 masked numbers; leave out the examples",
    ),
}


@pytest.mark.parametrize("case", MASKS)
def test_masked_numbers_are_refused(case: str) -> None:
    keywords, words = MASKS[case]
    with pytest.raises(InvalidArgument, match=f"expected an array without a mask {words}"):
        groups(**keywords)


@pytest.mark.filterwarnings("ignore:The PyTorch API of MaskedTensors")
def test_a_tensor_with_masked_numbers_is_refused() -> None:
    x = torch.masked.masked_tensor(torch.ones(2, 16), torch.from_numpy(~MASK))
    with pytest.raises(InvalidArgument, match="for inputs, got 1 masked numbers"):
        groups(inputs=x)


def test_a_mask_of_nothing_is_no_mask() -> None:
    found = groups(inputs=np.ma.masked_array(np.ones((2, 16)), MASK & False))
    assert [each["lr"] for each in found] == [each["lr"] for each in groups()]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "one example": ({"inputs": torch.ones(16)}, r"shape \(examples, 16\), got .* shape \(16,\)"),
    "another width": ({"inputs": torch.ones(2, 15)}, r"got inputs of shape \(2, 15\)"),
    "none": ({"inputs": torch.ones(0, 16)}, r"got inputs of shape \(0, 16\)"),
    "text": ({"inputs": "all"}, "array of numbers for inputs, got inputs='all' .str., which"),
    "no number": (
        {"inputs": torch.full((2, 16), torch.nan)},
        "for inputs, got 32 NaN or infinite of 32 numbers; leave out the examples",
    ),
    "no label": (
        {"inputs": torch.ones(2, 16), "labels": [1.0, torch.inf]},
        "for labels, got 1 NaN or infinite of 2 numbers",
    ),
    "complex": ({"inputs": torch.ones(2, 16) * 1j}, r"got complex inputs; give .* inputs\.real"),
    "meta": ({"inputs": torch.ones(2, 16, device="meta")}, "got inputs on the meta device"),
    "zero": ({"inputs": torch.eye(2, 16)[[0, 0]] * torch.tensor([[1], [0]])}, "got 1 with"),
    "integers": (
        {"inputs": torch.ones(2, 16, dtype=torch.uint8)},
        r"inputs of integers, torch.uint8; convert and scale .* inputs.float\(\) / 255",
    ),
    "bools": ({"inputs": torch.ones(2, 16) > 0}, r"torch.bool; .* inputs.float\(\)$"),
    "sparse": ({"inputs": torch.ones(2, 16).to_sparse()}, "got a sparse, nested or quantised"),
    "float8": ({"inputs": torch.ones(2, 16).to(torch.float8_e5m2)}, "of torch.float8_e5m2; give"),
    "sparse labels": (
        {"inputs": torch.ones(2, 16), "labels": torch.ones(2).to_sparse()},
        "for labels, got a sparse",
    ),
    "tiny": ({"inputs": torch.ones(2, 16).double() * 1e-100}, r"\|x\|\^2 from 1\.6e-09 to"),
    "underflow": ({"inputs": torch.ones(2, 16).double() * 1e-200}, r"\|x\|\^2 from 1\.6e-09 to"),
    "huge": ({"inputs": torch.ones(2, 16).double() * 1e100}, r"\|x\|\^2 from 1\.6e-09 to"),
    "a tiny norm": ({"input_norm2": "1e-400"}, "for input_norm2, got 0; scale"),
    "a huge norm": ({"input_norm2": "1e400"}, "for input_norm2, got inf; scale"),
    "few labels": (
        {"inputs": torch.ones(2, 16), "labels": [1]},
        r"labels of shape \(1,\) and 2 inputs",
    ),
    "labels in a row": (
        {"inputs": torch.ones(2, 16), "labels": [[1, 1]]},
        r"labels of shape \(1, 2\) and 2 inputs",
    ),
    "labels alone": ({"labels": [1]}, "got labels alone"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_inputs_are_refused(case: str) -> None:
    keywords, words = BAD[case]
    with pytest.raises(InvalidArgument, match=words):
        groups(**keywords)


@pytest.mark.parametrize(
    "change", [lambda x: x[::-1], lambda x: x.astype(">f4"), np.asfortranarray]
)
def test_arrays_that_pytorch_does_not_take_are_converted(change: Any) -> None:
    x = np.linspace(-1, 1, 32, dtype=np.float32).reshape(2, 16)
    expected = [group["lr"] for group in groups(inputs=x.tolist())]
    assert [group["lr"] for group in groups(inputs=change(x))] == pytest.approx(expected)


def test_nested_inputs_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="got a sparse, nested or quantised"):
        groups(inputs=torch.nested.nested_tensor([torch.ones(16)] * 2, layout=torch.jagged))


def test_a_source_of_one_layer_has_no_rate_of_layers_above_it() -> None:
    with pytest.raises(InvalidArgument, match="a source of two or more hidden layers"):
        groups(Transferred(mlp(16, 32), hidden="0.2", first="0.1"))
    with pytest.raises(InvalidArgument, match="an MLP for source, got source='small'"):
        groups(Transferred("small", hidden="0.2"))


class Autocast(Functional):
    """A forward that computes in bfloat16 on weights in single precision."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return super().forward(x)


def test_the_rates_that_leave_the_validity_of_the_transfer_are_named() -> None:
    deep = initialise(mlp(*[16] * 9), seed=1)
    with pytest.warns(OutsideValidity) as caught:
        parameter_groups(deep, Transferred(MLP(16, 4), hidden="0.2", first="0.1"))
    named = {str(each.message).partition(": target=")[0] for each in caught}
    assert named == {"Transferred(first=...)", "Transferred(hidden=...)"}


def share_of(model: nn.Module, factor: str) -> float:
    with pytest.warns(OutsideValidity, match="moves the last hidden layer by") as caught:
        parameter_groups(model, AllHidden(factor))
    (words,) = (str(each.message) for each in caught)
    assert words.partition("last hidden layer by ")[2].split()[1] == "%"
    return float(words.partition("last hidden layer by ")[2].split()[0]) / 100


def test_the_share_of_a_half_precision_step_is_that_of_a_step_by_hand() -> None:
    model: Any = initialise(mlp(64, 256, 256), seed=1).bfloat16()
    with pytest.warns(OutsideValidity, match=r"got torch\.bfloat16: changes of a weight below"):
        parameter_groups(model, AllHidden())
    said = share_of(model, "0.01")
    assert said < 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutsideValidity)
        rate = parameter_groups(model, AllHidden("0.01"))[0]["lr"]
    x = torch.randn(1, 64, generator=torch.Generator().manual_seed(0))
    moved = []
    for dtype in (torch.bfloat16, torch.float64):
        stepped = copy.deepcopy(model).to(dtype)
        optimiser = optim.SGD(stepped[:4].parameters(), lr=rate)
        ((stepped(x.to(dtype)) - 1) ** 2 / 2).sum().backward()
        optimiser.step()
        before, after = copy.deepcopy(model).double()[:3], stepped.double()[:3]
        with torch.no_grad():
            moved.append(float((after(x.double()) - before(x.double())).square().mean()))
    assert moved[0] / moved[1] == pytest.approx(said, rel=0.5)


def test_a_model_in_which_a_typical_network_is_unlike_the_mean_is_warned_of() -> None:
    with pytest.warns(OutsideValidity, match=r"got depth 20 at width 64: .*typical_learning_rate"):
        parameter_groups(initialise(mlp(*[64] * 21), seed=1))
    with pytest.warns(OutsideValidity, match="got depth 5 at width 16"):
        parameter_groups(initialise(mlp(16, 16, 32, 32, 32, 32), seed=1), AllHidden())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        deep = initialise(mlp(*[16] * 13), seed=1)
        (rate, *_) = [g["lr"] for g in parameter_groups(deep, Transferred(deep, hidden="0.2"))]
        parameter_groups(initialise(mlp(*[16] * 5), seed=1))
    assert rate == 0.2


def test_a_half_precision_model_whose_hidden_layers_stay_has_no_share() -> None:
    model = initialise(mlp(16, 32, 32), seed=1).bfloat16()
    with pytest.warns(OutsideValidity, match=r"bfloat16: at these rates no share of a step"):
        parameter_groups(model, Transferred(model, hidden=0, readout="0.01"))


def test_autocast_inside_forward_is_said() -> None:
    model = Autocast(8, 16, 16)
    initialise(model, seed=1)
    with pytest.warns(OutsideValidity, match="forward rounds .* leave out autocast within it"):
        parameter_groups(model)


def test_an_optimiser_is_built_from_the_weights_of_one_group() -> None:
    groups = parameter_groups(initialise(mlp(16, 32, 32), seed=1))
    for weights in (groups[0]["params"], iter(groups[0]["params"])):
        torch.optim.SGD(weights, lr=groups[0]["lr"])
    with pytest.warns(UserWarning, match="got Adam"):
        torch.optim.Adam(groups[0]["params"], lr=groups[0]["lr"])
    with pytest.warns(UserWarning, match="maximize=True"):
        torch.optim.SGD(groups, maximize=True)


@pytest.mark.parametrize("plan", [EqualShares(), AllHidden()], ids=repr)
def test_the_default_precision_of_pytorch_changes_no_rate(plan: Any) -> None:
    model = initialise(mlp(64, 64, 64), seed=1)
    rates = [group["lr"] for group in parameter_groups(model, plan)]
    torch.set_default_dtype(torch.float64)
    try:
        assert [group["lr"] for group in parameter_groups(model, plan)] == rates
        double = [group["lr"] for group in parameter_groups(model.double(), plan)]
        assert double == pytest.approx(rates)
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_refusal_of_the_source_names_the_source() -> None:
    source, model = mlp(64, 64, bias=True), initialise(mlp(64, 64), seed=1)
    with pytest.raises(InvalidArgument, match=r"source of Transferred, got .*biases"):
        parameter_groups(model, Transferred(source, hidden="0.1"))
