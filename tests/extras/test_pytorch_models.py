"""Models are read as the theory's networks or refused, initialised, and given learning rates."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn, optim

from theory import (
    MLP,
    InvalidArgument,
    LeakyReLU,
    OutsideValidity,
    Readout,
    layer_rates,
    maximal_learning_rate,
    squared_update,
    transfer_learning_rate,
)
from verify.pytorch import (
    AllHidden,
    EqualShares,
    Transferred,
    initialise,
    network_of,
    parameter_groups,
)

from .models import Backwards, Functional, Pair, ReadoutFirst, Skip, mlp


def test_models_are_read() -> None:
    assert network_of(mlp(5, 8, 8)) == MLP(8, 2, input_width=5)
    assert network_of(mlp(5, 8, 4)) == MLP((8, 4), input_width=5)
    assert network_of(Functional(5, 8, 8)) == MLP(8, 2, input_width=5)
    assert network_of(nn.Sequential(nn.Flatten(), mlp(5, 8))) == MLP(8, 1, input_width=5)
    leaky = mlp(5, 8, activation=lambda: nn.LeakyReLU(0.1))
    assert network_of(leaky) == MLP(8, 1, input_width=5, activation=LeakyReLU("0.1"))
    assert network_of(mlp(5, 8), input_norm2="2.5").norm2 == MLP(8, 1, input_norm2="2.5").norm2


def frozen() -> nn.Module:
    model = mlp(4, 4)
    model[0].weight.requires_grad_(False)
    return model


def shared() -> nn.Module:
    model = mlp(4, 4, 4)
    model[2] = model[0]
    return model


def scaled() -> nn.Module:
    model = Functional(4, 4)
    model.scale = nn.Parameter(torch.ones(()))
    return model


def beside(*unused: nn.Module) -> nn.Module:
    """A model that registers modules and does not call them."""
    model = Functional(4, 4)
    model.unused = nn.ModuleList(unused)
    return model


class Scaled(Functional):
    """Twice the output."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(x)


class ScaledInputs(Functional):
    """The output at half the inputs."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x / 2)


class Bounded(Functional):
    """An activation that ends at 1000."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        *hidden, readout = self.linears
        for linear in hidden:
            x = linear(x).clamp(0, 1000)
        return readout(x)


def tied() -> nn.Module:
    """Two layers that are one matrix."""
    model = mlp(4, 4, 4)
    model[2].weight = model[0].weight
    return model


REFUSED: dict[str, tuple[Any, str]] = {
    "no module": ("a model", "expected a torch.nn.Module"),
    "biases": (mlp(4, 4, bias=True), "without biases, got '0.bias'"),
    "several outputs": (nn.Sequential(mlp(4, 4)[:2], nn.Linear(4, 3, bias=False)), "one output"),
    "no hidden layer": (nn.Sequential(nn.Linear(4, 1, bias=False)), "a hidden layer"),
    "another activation": (mlp(4, 4, activation=nn.Tanh), "expected a model of Linear and ReLU"),
    "dropout": (
        nn.Sequential(nn.Dropout(), mlp(4, 4)),
        r"changes from call to call in training mode before '1\.0'",
    ),
    "a module not used": (beside(nn.GELU()), r"got GELU\(.* so remove it, used or not"),
    "no activation": (
        mlp(4, 4, 4, activation=nn.Identity),
        "no activation between '0' and '2'; put an activation there",
    ),
    "a gap": (
        nn.Sequential(nn.Linear(4, 4, bias=False), mlp(4, 4)),
        r"no activation between '0' and '1\.0'",
    ),
    "a ReLU at the end": (
        nn.Sequential(*mlp(4, 4), nn.ReLU()),
        "an activation after '2'; leave it out, the readout is linear",
    ),
    "a skip connection": (
        Skip(4, 4, 4),
        r"a skip connection around 'linears\.1'; leave it out; theory\.Residual has",
    ),
    "a scale at the end": (Scaled(4, 4), r"changes the output of 'linears\.1'"),
    "a scale before": (ScaledInputs(4, 4), r"changes its inputs before 'linears\.0'"),
    "layers in another order": (Backwards(4, 4, 4), r"in the order 'linears\.1', 'linears\.0'"),
    "the readout first": (ReadoutFirst(4, 8), "in the order in which they are used"),
    "the readout first, one input": (ReadoutFirst(1, 8), "out_features=1, and register it last"),
    "a shared layer": (shared(), "uses '0' 2 times; use each layer once"),
    "tied weights": (tied(), "3 linear layers with 2 weight matrices; use each matrix once"),
    "a bounded activation": (Bounded(4, 4), "whose outputs grow with its inputs"),
    "a tuple": (Pair(4, 4), "output is a tensor, got one of type tuple"),
    "the meta device": (mlp(4, 4).to("meta"), "'0.weight' on the meta device"),
    "frozen weights": (frozen(), "requires_grad=False"),
    "a further parameter": (scaled(), "no parameters but the weights"),
    "shapes that do not chain": (nn.Sequential(mlp(4, 4)[:2], mlp(3, 4)), "in which they are used"),
    "two slopes": (
        nn.Sequential(mlp(4, 4)[:2], mlp(4, 4, activation=nn.LeakyReLU)),
        r"one activation in all layers, got negative slopes \[0\.0, 0\.01\]",
    ),
    "inputs of another shape": (nn.Sequential(nn.Flatten(0), mlp(4, 4)), "takes inputs of shape"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_models_are_refused_in_a_sentence_and_left_alone(case: str) -> None:
    model, words = REFUSED[case]
    before = copy.deepcopy(model)
    for use in (network_of, initialise, parameter_groups):
        with pytest.raises(InvalidArgument, match=words):
            use(model)
    if isinstance(model, nn.Module):
        pairs = zip(before.parameters(), model.parameters(), strict=True)
        assert all(a.is_meta or torch.equal(a, b) for a, b in pairs)


def test_modules_that_do_nothing_are_accepted() -> None:
    layers = nn.Linear(4, 4, bias=False), nn.ReLU(), nn.Dropout(0.0), nn.Linear(4, 1, bias=False)
    for model in (nn.Sequential(*layers), beside(nn.Dropout(0.1), nn.MSELoss())):
        assert network_of(model) == MLP(4, 1, input_width=4)


def test_a_tensor_of_one_number_is_read_as_the_input_norm() -> None:
    assert network_of(mlp(4, 4), input_norm2=torch.tensor(8.0)).norm2 == 8


def test_a_lazy_model_is_read_once_it_has_been_run() -> None:
    layers = nn.LazyLinear(8, bias=False), nn.ReLU(), nn.LazyLinear(1, bias=False)
    model = nn.Sequential(*layers)
    with pytest.raises(InvalidArgument, match="run the model once on an example first"):
        network_of(model)
    model(torch.ones(1, 5))
    assert network_of(model) == MLP(8, 1, input_width=5)


def test_weights_have_the_mean_field_variances() -> None:
    """Sums of squares over variances are chi-square; one of eight is 5 s.d. away once in 2e5."""
    model = initialise(mlp(50, 400, 300), seed=3)
    variances = (2 / 50, 2 / 400, 1 / 300**2)
    for parameter, variance in zip(model.parameters(), variances, strict=True):
        weight = parameter.detach()
        count = weight.numel()
        square = float(weight.double().square().sum()) / variance
        assert abs(square - count) < 5 * (2 * count) ** 0.5
        assert abs(float(weight.double().sum()) / variance**0.5) < 5 * count**0.5


def test_a_leaky_network_is_drawn_at_its_critical_variance() -> None:
    model = mlp(50, 4000, activation=lambda: nn.LeakyReLU(0.5))
    weight = next(initialise(model, seed=3).parameters()).detach()
    assert float(weight.var()) == pytest.approx(2 / 1.25 / 50, rel=5 * (2 / weight.numel()) ** 0.5)


def test_a_seed_a_generator_and_the_global_one_give_the_same_weights() -> None:
    def first(model: nn.Module) -> torch.Tensor:
        return next(model.parameters()).detach()

    seeded = first(initialise(mlp(4, 4), seed=5))
    generator = torch.Generator().manual_seed(5)
    torch.manual_seed(5)
    assert torch.equal(seeded, first(initialise(mlp(4, 4), generator)))
    assert not torch.equal(seeded, first(initialise(mlp(4, 4), generator)))
    with torch.random.fork_rng():
        model = mlp(4, 4)
        torch.manual_seed(5)
        assert torch.equal(seeded, first(initialise(model)))
    half = first(initialise(mlp(4, 4).to(torch.bfloat16), seed=5))
    assert torch.equal(seeded.to(torch.bfloat16), half)
    with pytest.raises(InvalidArgument, match="non-negative int for seed"):
        initialise(mlp(4, 4), seed=-1)


def rates_of(model: nn.Module, *arguments: Any, **keywords: Any) -> list[float]:
    """Learning rates as plain SGD takes them, of the model initialised."""
    initialise(model, seed=1)
    optimiser = optim.SGD(parameter_groups(model, *arguments, **keywords))
    held = [group["params"] for group in optimiser.param_groups]
    assert held == [[parameter] for parameter in model.parameters()]
    return [group["lr"] for group in optimiser.param_groups]


def test_all_hidden_weights_at_the_maximal_rate_move_the_last_layer_by_one() -> None:
    *hidden, readout = rates_of(mlp(12, 16, 16, 16), AllHidden())
    update = squared_update(MLP(16, 3, input_width=12))
    assert float(update.per_eta2) * hidden[0] ** 2 == pytest.approx(1, rel=1e-12)
    assert hidden == [hidden[0]] * 3
    assert readout == 0
    tenth = rates_of(mlp(12, 16, 16, 16), AllHidden("0.1"))
    assert tenth == pytest.approx([rate / 10 for rate in (*hidden, 0)], rel=1e-12)


def test_groups_share_the_bound() -> None:
    first, hidden, readout = map(float, layer_rates(MLP(16, 3, input_width=12)).together)
    expected = [first, hidden, hidden, readout]
    assert rates_of(mlp(12, 16, 16, 16)) == pytest.approx(expected, rel=1e-12)
    halved = rates_of(mlp(12, 16, 16, 16), EqualShares("0.5"))
    assert halved == pytest.approx([rate / 2 for rate in expected], rel=1e-12)


def test_larger_inputs_want_smaller_rates() -> None:
    """E is proportional to |x|^4 where the output part is, up to f^2, the label part's share."""
    plain, larger = (rates_of(mlp(12, 16), AllHidden(), input_norm2=norm) for norm in (12, 24))
    network = MLP(16, 1, input_width=12, input_norm2=24)
    assert larger[0] == pytest.approx(float(maximal_learning_rate(network).evaluate()), rel=1e-12)
    assert larger[0] < plain[0] / 2


def test_rates_are_transferred_from_a_small_model() -> None:
    source, target = MLP(64, 2), MLP(64, 8)
    expected = transfer_learning_rate("0.3", source, target).rate
    assert rates_of(mlp(64, *[64] * 8), Transferred(mlp(64, 64, 64), hidden="0.3")) == [
        *[expected] * 8,
        0.0,
    ]
    source, target = MLP(128, 8), MLP(128, 10)
    plan = Transferred(source, first="0.2", hidden="0.1", readout="0.01")
    same = rates_of(mlp(128, *[128] * 8), plan)
    assert same == pytest.approx([0.2, *[0.1] * 7, 0.01], rel=1e-12)
    readout = transfer_learning_rate("0.01", source, target, group=Readout()).rate
    assert rates_of(mlp(128, *[128] * 10), plan)[-1] == readout
    with pytest.warns(OutsideValidity, match="outside the range"):
        rates_of(mlp(16, *[16] * 16), Transferred(source, hidden="0.3"))


@pytest.mark.filterwarnings("ignore::theory.OutsideValidity")
def test_a_source_is_read_with_the_settings_of_the_target() -> None:
    model = mlp(64, 64, 64)
    for source in (mlp(64, 64, 64), MLP(64, 2), MLP(64, 2, input_norm2=18)):
        assert rates_of(model, Transferred(source, hidden="0.2"), input_norm2=18)[0] == 0.2
    inputs = torch.ones(3, 64) * (18 / 64) ** 0.5
    assert rates_of(model, Transferred(MLP(64, 2), hidden="0.2"), inputs=inputs)[0] == 0.2
    own = Transferred(MLP(64, 2, input_norm2=64), hidden="0.2")
    expected = transfer_learning_rate("0.2", MLP(64, 2), MLP(64, 2, input_norm2=18)).rate
    assert rates_of(model, own, input_norm2=18)[0] == expected != 0.2
    narrow = Transferred(MLP(64, 2, input_width=32), hidden="0.2")
    with pytest.raises(InvalidArgument, match=r"the \|x\|\^2 of the source's inputs too"):
        rates_of(model, narrow, input_norm2=18)


def test_a_source_too_shallow_for_the_law_of_a_group_warns() -> None:
    """The rates of all hidden weights are near their law at depth 2, those of layers 2 to L not."""
    plan = Transferred(MLP(64, 2), first="0.2", hidden="0.1")
    with pytest.warns(OutsideValidity, match="=MLP.*0.454 .* too small for a leading term"):
        assert rates_of(mlp(64, 64, 64), plan) == pytest.approx([0.2, 0.1, 0], rel=1e-12)


def test_one_hidden_layer_has_no_layers_above_the_first() -> None:
    plan = Transferred(MLP(64, 2), first="0.2", hidden="0.1")
    with pytest.warns(OutsideValidity, match="target=.* at depth 1, which is too small"):
        assert len(rates_of(mlp(64, 64), plan)) == 2
    expected = [float(rate) for rate in layer_rates(MLP(16, 1, input_width=8)).together]
    assert rates_of(mlp(8, 16)) == pytest.approx(expected, rel=1e-12)
    assert len(expected) == 2


@pytest.mark.parametrize("factor", [0, -1, "much", float("nan")])
def test_factors_are_positive_numbers(factor: object) -> None:
    for plan in (AllHidden(factor), EqualShares(factor)):
        with pytest.raises(InvalidArgument, match="for factor, got factor="):
            rates_of(mlp(4, 4, 4), plan)


def test_another_plan_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"got plan=0\.1 .float.; give EqualShares"):
        parameter_groups(initialise(mlp(4, 4), 1), 0.1)  # type: ignore[arg-type]


def test_a_factor_may_be_a_tensor_of_one_number() -> None:
    model = initialise(mlp(8, 8, 8), seed=1)
    assert rates_of(model, EqualShares(torch.tensor(0.5))) == rates_of(model, EqualShares(0.5))


@pytest.mark.parametrize("use", [network_of, parameter_groups, initialise])
def test_tensors_in_the_place_of_a_model_or_plan_are_cut_to_one_line(use: Any) -> None:
    given = list(mlp(64, 64).parameters())
    for call in (lambda: use(given), lambda: parameter_groups(mlp(4, 4), given)):  # type: ignore[arg-type]
        with pytest.raises(InvalidArgument, match=r"=\[Parameter containing: .*\.\.\.") as refused:
            call()
        assert len(str(refused.value)) < 200
        assert "\n" not in str(refused.value)
