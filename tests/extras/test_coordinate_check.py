"""Real steps of real modules move as exact values say, and wrong training scripts are rejected."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.roads.literal_network import Network, linearised_update, real_step
from theory import MLP, InvalidArgument, maximal_learning_rate, squared_update
from theory.outcome import Outcome
from verify.comparison.exact_values import largest_step
from verify.pytorch import coordinate_check, initialise
from verify.pytorch.real_steps import RealStep, half_square

from .models import Functional, mlp

SAMPLES = 1000


def literal(weights: list[Any], x: Any) -> Network:
    """Drawn weights, the readout last, as the slow road's network."""
    *hidden, readout = [weight.numpy() for weight in weights]
    return Network(hidden, readout[0], x[0].numpy(), 0.0, (1.0,) * len(hidden))


def test_one_step_is_the_literal_networks() -> None:
    drawn: list[list[torch.Tensor]] = []
    seen: list[torch.Tensor] = []
    labels: list[float] = []

    def draw(model: nn.Module) -> None:
        initialise(model)
        drawn.append([p.detach().clone() for p in model.parameters()])

    def loss(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        labels.append(float(y))
        return (f - y).square().sum() / 2

    class Seen(Functional):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x.clone())
            return super().forward(x)

    rate = 1e-3
    found, _ = RealStep(rate, draw, loss).squared_updates(Seen(5, 4, 6), 3, seed=2)
    examples = seen[-6::2]
    for row, weights, x, y in zip(found, drawn[-3:], examples, labels, strict=True):
        network = literal(weights, x)
        assert float(x.square().sum()) == pytest.approx(5)
        for layer in (1, 2):
            moved = real_step(network, rate=rate, label=y, layer=layer)
            assert row[layer - 1] == pytest.approx(np.mean(moved**2) / rate**2, rel=1e-9)
    assert {abs(y) for y in labels} == {1.0}


def test_a_tiny_step_is_the_linearised_one() -> None:
    weights: list[torch.Tensor] = []
    states: list[torch.Tensor] = []

    def draw(model: nn.Module) -> None:
        initialise(model)
        weights[:] = [p.detach().clone() for p in model.parameters()]
        states.append(torch.get_rng_state())

    (row,), _ = RealStep(1e-6, draw).squared_updates(mlp(6, 8, 8), 1, seed=1)
    with torch.random.fork_rng():
        torch.set_rng_state(states[-1])
        x = torch.randn(1, 6, dtype=torch.float64)
        y = 2.0 * float(torch.randint(2, (1,))) - 1.0
    network = literal(weights, x * (6**0.5 / x.norm()))
    f = float(network.readout @ np.maximum(last_layer(network), 0))
    for layer in (1, 2):
        moved = (f - y) * linearised_update(network, layer=layer)
        assert row[layer - 1] == pytest.approx(np.mean(moved**2), rel=1e-4)


def last_layer(network: Network) -> Any:
    z = network.weights[0] @ network.x
    for weight in network.weights[1:]:
        z = weight @ np.maximum(z, 0)
    return z


@pytest.mark.parametrize(
    "model", [mlp(16, 32, 32, 32), Functional(48, 32, 48)], ids=["chain", "functional"]
)
def test_a_right_model_is_consistent(model: nn.Module) -> None:
    """Family-wise 1 % each, from a fixed seed."""
    check = coordinate_check(model, samples=2 * SAMPLES, seed=1)
    assert check.verdict.outcome is Outcome.CONSISTENT, str(check)
    for layer, interval in zip(check.layers, check.intervals(), strict=True):
        exact = squared_update(check.network, layer.layer).per_eta2
        assert layer.exact == pytest.approx(float(exact), rel=1e-12)
        assert interval.low < 1 < interval.high
        assert layer.measured == pytest.approx(layer.exact, rel=0.3)
        assert 0 < layer.standard_error < layer.exact / 10


def pytorch_default(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.reset_parameters()


def kaiming(model: nn.Module) -> None:
    """Hidden weights as they should be, and a readout of variance 2/n."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")


def scale(model: nn.Module, factors: tuple[float, ...]) -> None:
    """Mean-field standard deviations, each then off by a factor."""
    *hidden, readout = model.parameters()
    for weight, factor in zip(hidden, factors, strict=False):
        nn.init.normal_(weight, std=factor * (2 / weight.shape[1]) ** 0.5)
    nn.init.normal_(readout, std=factors[-1] / readout.shape[1])


WRONG: dict[str, dict[str, Any]] = {
    "nothing": {"initialise": lambda m: scale(m, (1, 1, 1, 1))},
    "PyTorch's own initialisation": {"initialise": pytorch_default},
    "Kaiming's, readout and all": {"initialise": kaiming},
    "readout of s.d. 1/√n": {"initialise": lambda m: scale(m, (1, 1, 1, 32**0.5))},
    "one layer a fifth too large": {"initialise": lambda m: scale(m, (1, 1.2, 1, 1))},
    "readout a fifth too small": {"initialise": lambda m: scale(m, (1, 1, 1, 0.8))},
    "a loss without its half": {"loss": nn.MSELoss()},
    "the absolute loss of half a slope": {"loss": lambda f, y: (f - y).abs().sum() / 2},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_script_is_rejected_just_where_something_is_wrong(wrong: str) -> None:
    check = coordinate_check(mlp(16, 32, 32, 32), samples=SAMPLES, seed=1, **WRONG[wrong])
    rejected = str(check).splitlines()[-1].startswith("REJECTED: z = ")
    assert rejected == (check.verdict.outcome is Outcome.REJECTED) == (wrong != "nothing"), check


def test_a_step_too_large_for_the_linearised_law_is_refused() -> None:
    model = mlp(16, 16)
    largest = largest_step(MLP(16, 1))
    assert largest == float(maximal_learning_rate(MLP(16, 1)).evaluate()) / 100
    assert coordinate_check(model, samples=10, seed=1, step=largest).step == largest
    default = coordinate_check(model, samples=10, seed=1).step
    assert largest * 0.9 < default <= largest
    with pytest.raises(InvalidArgument, match=r"at most .* above which a real step of"):
        coordinate_check(model, samples=10, seed=1, step=1.001 * largest)
    with pytest.raises(InvalidArgument, match="positive number for step"):
        coordinate_check(model, samples=10, seed=1, step=0)


def test_the_model_and_the_global_generator_are_left_alone_and_a_seed_repeats() -> None:
    model = mlp(8, 8)
    weights = [p.detach().clone() for p in model.parameters()]
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    first, again = (coordinate_check(model, samples=20, seed=4) for _ in range(2))
    other = coordinate_check(model, samples=20, seed=5)
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))
    assert all(p.grad is None and p.dtype == torch.float32 for p in model.parameters())
    assert torch.equal(state, torch.get_rng_state())
    assert threads == torch.get_num_threads()
    assert first.layers[0].measured == again.layers[0].measured != other.layers[0].measured


def test_an_initialisation_that_draws_nothing_new_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="new weights at each call of initialise"):
        coordinate_check(
            mlp(8, 8), samples=9, seed=1, initialise=lambda model: initialise(model, seed=1)
        )


def test_what_cannot_be_judged_is_undecided() -> None:
    few = coordinate_check(mlp(16, 16), samples=20, seed=1)
    assert few.verdict.outcome is Outcome.UNDECIDED
    assert "would decide" in str(few)
    narrow = coordinate_check(mlp(8, 8), samples=200, seed=1)
    assert "outside the range" in str(narrow)
    assert "(" in str(narrow).splitlines()[3]
    nothing = coordinate_check(mlp(16, 16), samples=200, seed=1, loss=lambda f, y: 0 * f.sum())
    undefined = coordinate_check(
        mlp(16, 16), samples=200, seed=1, loss=lambda f, y: f.sum() * torch.nan
    )
    assert nothing.verdict.outcome is Outcome.REJECTED
    assert undefined.verdict.outcome is Outcome.UNDECIDED
    assert "Seen: the gradient of the loss in the output is zero." in str(nothing)
    assert "Seen: the loss is not finite in 200 of 200 steps, at finite outputs." in str(undefined)
    for check in (nothing, undefined):
        check.plot()


def times(factor: float) -> Any:
    def draw(model: Any) -> None:
        initialise(model)
        with torch.no_grad():
            model[-1].weight.mul_(factor)

    return draw


def twice(model: Any) -> None:
    initialise(model)
    with torch.no_grad():
        model[2].weight[::2] = model[2].weight[1::2].clone()


CAUSES: dict[str, tuple[dict[str, Any], str]] = {
    "a zero readout": (
        {"initialise": times(0)},
        "a root mean square of 0 and a mean of 0 at '4.weight'",
    ),
    "a tiny readout": (
        {"initialise": times(2**-30)},
        r"a root mean square of [23]\.[0-9]+e-11 and .* at '4\.weight', where the theory",
    ),
    "no half": ({"loss": nn.MSELoss()}, r"the loss is 2 times \(f - y\)²/2"),
    "another loss": (
        {"loss": lambda f, y: (f - y).abs().sum() / 2},
        r"the loss has another gradient than \(f - y\)²/2",
    ),
    "another draw": ({"initialise": pytorch_default}, r"at '0\.weight' and in 2 more, where the"),
    "a random loss": (
        {"loss": lambda f, y: (f - y).square().mean() / 2 * 2 * (torch.rand(()) < 0.5)},
        "the loss is random: at one output and label its gradient is from 0 to 2 times f - y",
    ),
    "a loss that is random at times": (
        {"loss": lambda f, y: (f - y).square().mean() * (1 + 9 * (torch.rand(()) < 0.05))},
        "the loss is random: .* from 2 to 20 times f - y",
    ),
    "rows twice": (
        {"initialise": lambda m: twice(m), "loss": nn.MSELoss()},
        r"rows or columns that depend on one another at '2\.weight'",
    ),
}


@pytest.mark.parametrize("case", CAUSES)
def test_a_rejection_names_its_cause(case: str) -> None:
    wrong, words = CAUSES[case]
    check = coordinate_check(mlp(16, 32, 32), samples=300, seed=1, **wrong)
    assert check.verdict.outcome is Outcome.REJECTED
    assert re.search(f"Seen: .*{words}", str(check)), check


def broken(model: Any) -> None:
    initialise(model)
    with torch.no_grad():
        model[2].weight[3, 3] = torch.nan


def test_weights_that_are_not_finite_are_the_cause() -> None:
    check = coordinate_check(mlp(16, 32, 32), samples=20, seed=1, initialise=broken)
    assert check.verdict.outcome is Outcome.UNDECIDED
    assert "Seen: the output is not finite in 20 of 20 steps; numbers that" in str(check)
    assert "not finite at '2.weight'" in str(check)


def test_a_gradient_that_is_not_finite_is_the_cause() -> None:
    check = coordinate_check(
        mlp(16, 32), samples=20, seed=1, loss=lambda f, y: (0 * (f - y).sum()).sqrt()
    )
    assert "Seen: the gradient of the loss is not finite in 20 of 20 steps." in str(check)


def test_samples_beyond_memory_are_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"at most 2,097,152 samples .*, got samples=10000"):
        coordinate_check(mlp(16, 32, 32), samples=10**11, seed=1)


def test_the_title_says_whose_draw_was_tested() -> None:
    model = mlp(16, 16)
    own, theirs = (
        coordinate_check(model, samples=10, seed=1, initialise=each)
        for each in (None, pytorch_default)
    )
    assert "with weights drawn by initialise: 10 real steps" in str(own)
    assert "with weights drawn by pytorch_default: 10 real steps" in str(theirs)


def test_one_sample_has_no_standard_error() -> None:
    said = " ".join(str(coordinate_check(mlp(16, 16), samples=1, seed=1)).split())
    assert "initialise: 1 real step of rate" in said
    assert "but one sample has no standard error; give samples=2 at least." in said


def test_the_table_has_the_share_of_the_bound_at_the_maximal_rate() -> None:
    check = coordinate_check(mlp(16, 32, 32), samples=10, seed=1)
    rate = float(maximal_learning_rate(check.network).evaluate())
    for layer, line in zip(check.layers, str(check).splitlines()[3:], strict=False):
        assert line.split()[-1] == f"{layer.exact * rate**2:.3g}"
    assert str(check).splitlines()[1].split("  ")[-1].strip() == "E at maximal rate"


@pytest.mark.parametrize(
    "loss",
    [lambda f, y: float(f), lambda f, y: f.detach().sum(), lambda f, y: None, lambda f, y: 1 / 0],
    ids=["a float", "detached", "None", "an error"],
)
def test_a_loss_without_a_gradient_is_refused(loss: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"expected a loss .* from loss=<function"):
        coordinate_check(mlp(16, 16), samples=10, seed=1, loss=loss)


def ours(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return half_square(f, y)


IN_PLACE: dict[str, tuple[Any, Any]] = {
    "the output": (lambda f, y: f.sub_(y).square().mean() / 2, ours),
    "the label": (lambda f, y: y.sub_(f).square().mean() / 2, ours),
    "both": (lambda f, y: f.sub_(y.mul_(1)).pow_(2).mean(), nn.MSELoss()),
}


@pytest.mark.parametrize("case", IN_PLACE)
def test_a_loss_may_change_outputs_and_labels_in_place(case: str) -> None:
    writing, plain = IN_PLACE[case]
    x, y = torch.randn(9, 16), torch.tensor([1.0, -1, 1, 1, -1, -1, 1, -1, 1])[:, None]
    for given in ({}, {"inputs": x, "labels": y}):
        one, two = (
            coordinate_check(mlp(16, 32), samples=20, seed=1, loss=loss, **given)
            for loss in (writing, plain)
        )
        assert [each.measured for each in one.layers] == [each.measured for each in two.layers]
        assert one.causes == two.causes
        assert one.notes == two.notes
    assert set(y.flatten().tolist()) == {1.0, -1.0}


def test_an_initialisation_that_fails_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="ZeroDivisionError: division by zero from initial"):
        coordinate_check(mlp(16, 16), samples=10, seed=1, initialise=lambda model: 1 / 0)


def test_an_initialisation_may_hold_the_model_itself() -> None:
    model = mlp(16, 16)
    held = [p.detach().clone() for p in model.parameters()]
    coordinate_check(model, samples=10, seed=1, initialise=lambda _: initialise(model))
    assert all(map(torch.equal, held, model.parameters()))


def test_ones_own_inputs_and_labels_have_their_own_law() -> None:
    """Family-wise 1 % each, from a fixed seed; the law is that of each example's |x|^2 and y^2."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(64, 16, generator=generator) * 5
    y = torch.randn(64, generator=generator) + 1
    check = coordinate_check(mlp(16, 32, 32), seed=1, inputs=x, labels=y)
    assert check.verdict.outcome is Outcome.CONSISTENT, str(check)
    norms, squares = x.double().square().sum(1).numpy(), y.double().square().numpy()
    for layer in check.layers:
        parts = [
            squares[i] * float(update.label.per_eta2) + float(update.output.per_eta2)
            for i, norm in enumerate(norms)
            for update in [
                squared_update(MLP(32, 2, input_width=16, input_norm2=norm), layer.layer)
            ]
        ]
        assert layer.exact == pytest.approx(np.mean(parts), rel=1e-5)
    assert "give parameter_groups the same inputs" in str(check)
    halved = coordinate_check(
        mlp(16, 32, 32), samples=SAMPLES, seed=1, inputs=x, labels=y[:, None], loss=nn.MSELoss()
    )
    assert halved.verdict.outcome is Outcome.REJECTED


def test_a_half_precision_model_is_said_to_be_one() -> None:
    check = coordinate_check(mlp(16, 16).bfloat16(), samples=10, seed=1)
    assert "in torch.bfloat16 steps this small are lost to rounding" in str(check)


def test_the_table_shows_the_plain_z_beside_the_one_that_is_judged() -> None:
    check = coordinate_check(mlp(16, 32, 32), samples=800, seed=1)
    for layer, line in zip(check.layers, str(check).splitlines()[3:], strict=False):
        plain = (layer.measured - layer.exact) / layer.standard_error
        assert layer.plain_z == pytest.approx(plain, rel=1e-12)
        assert abs(layer.z) <= abs(plain)
        assert f"{plain:+.2f}" in line
        assert f"{plain:+.2f}" in repr(layer)
    assert len({f"{layer.plain_z:+.2f}" for layer in check.layers}) == 2
    html = check._repr_html_()
    assert html.startswith("<table>")
    assert html.count("<tr>") == 3
    assert "CONSISTENT" in html


def test_the_figure_shows_measured_and_exact(tmp_path: Path) -> None:
    check = coordinate_check(mlp(16, 32, 32), samples=200, seed=1)
    figure = check.plot()
    above, below = figure.axes
    drawn = list(above.get_lines()[0].get_ydata())  # type: ignore[arg-type]
    assert drawn == [layer.exact for layer in check.layers]
    assert below.get_ylabel() == "measured / exact"
    figure.savefig(tmp_path / "check.pdf")
    assert (tmp_path / "check.pdf").stat().st_size > 2000


def test_a_layer_that_is_not_called_as_a_module_is_refused_in_a_sentence() -> None:
    class Linears(nn.Module):
        def __init__(self, calls: int) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(16, 16, bias=False) for _ in range(3))
            self.readout, self.calls = nn.Linear(16, 1, bias=False), calls

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for index, layer in enumerate(self.layers):
                called = layer(x) if index < self.calls else nn.functional.linear(x, layer.weight)
                x = torch.relu(called)
            return self.readout(x)

    for calls in (0, 1, 2):
        with pytest.raises(InvalidArgument, match=r"calls each hidden layer once.*got 0 calls"):
            coordinate_check(initialise(Linears(calls), seed=1), seed=1, samples=20)
    assert coordinate_check(initialise(Linears(3), seed=1), seed=1, samples=20).layers


def partly(model: Any) -> None:
    nn.init.normal_(model[0].weight, std=0.35)


def in_half(model: Any) -> None:
    initialise(model)
    model[2].half()


def frozen(model: Any) -> None:
    initialise(model)[2].requires_grad_(False)


INITIALISE: dict[str, tuple[Any, str]] = {
    "text": ("kaiming", r"a function of the model for initialise, got initialise='kaiming'"),
    "a module": (mlp(16, 16), "a function of the model for initialise, got initialise=Sequential"),
    "of one weight": (nn.init.kaiming_normal_, "draw each layer of the whole model in place"),
    "nothing": (lambda m: None, "the weights of '0' left as they were by"),
    "another model": (lambda m: initialise(mlp(16, 32, 32)), "'0' left as they were .* given"),
    "one layer": (partly, "the weights of '2' left as they were"),
    "a seed": (
        lambda m: initialise(m, seed=1),
        "the weights of '0' the same twice .* without a seed",
    ),
    "another precision": (in_half, r"'2\.weight' of torch.float16, not"),
    "a frozen layer": (frozen, "weights that are trained, got '2.weight'"),
}


@pytest.mark.parametrize("case", INITIALISE)
def test_an_initialise_that_is_none_is_refused_by_its_cause(case: str) -> None:
    draw, words = INITIALISE[case]
    with pytest.raises(InvalidArgument, match=words):
        coordinate_check(mlp(16, 32, 32), samples=10, seed=1, initialise=draw)


@pytest.mark.parametrize("step", [1e-300, "1e-400", 1e-30, 1e-14])
def test_a_step_that_is_lost_to_rounding_is_refused(step: object) -> None:
    with pytest.raises(InvalidArgument, match=r"a step of at least 1\.8e-13, .* got step="):
        coordinate_check(mlp(16, 32, 32), samples=10, seed=1, step=step)
    assert coordinate_check(mlp(16, 32, 32), samples=10, seed=1, step=1e-12).step == 1e-12


@pytest.mark.parametrize("scale", [1e-2, 1e-4])
def test_small_inputs_have_the_law_too(scale: float) -> None:
    """Family-wise 1 % each, from a fixed seed; a step at the maximal rate over 100 would move the
    pre-activations by more than their size."""
    x = torch.randn(64, 16, generator=torch.Generator().manual_seed(1)) * scale
    check = coordinate_check(mlp(16, 32, 32), samples=SAMPLES, seed=1, inputs=x)
    assert check.verdict.outcome is Outcome.CONSISTENT, str(check)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda f, y: (f - y).square().sum() / 2, "the loss has 2 times the gradient"),
        (lambda f, y: (f - y).square().mean() / 2, None),
        (nn.MSELoss(reduction="sum"), "the loss has 2 times the gradient"),
        (nn.MSELoss(), None),
    ],
    ids=["sum", "mean", "MSE sum", "MSE"],
)
def test_a_loss_that_is_no_mean_over_a_batch_is_named(loss: Any, words: str | None) -> None:
    text = str(coordinate_check(mlp(16, 32, 32), samples=10, seed=1, loss=loss))
    assert (words in text) if words else ("two equal examples" not in text)


SHAPES: list[tuple[tuple[int, ...], bool, Any, str]] = [
    ((40,), False, nn.MSELoss(), r"shape \(40,\); give labels.reshape\(-1, 1\)"),
    ((40,), False, lambda f, y: (f - y).square().sum() / 2, r"give labels.reshape\(-1, 1\)"),
    ((40,), False, nn.BCEWithLogitsLoss(), r"give labels.reshape\(-1, 1\)"),
    ((40, 1), True, nn.MSELoss(), r"shape \(40, 1\); give labels.reshape\(-1\)"),
    ((40,), False, lambda f, y: (f[:, 0] - y.reshape(-1)).square().mean() / 2, ""),
    ((40,), False, None, ""),
    ((40, 1), False, nn.MSELoss(), ""),
    ((40,), True, nn.MSELoss(), ""),
    ((40, 1), True, None, ""),
]


@pytest.mark.parametrize(("shape", "flat", "loss", "words"), SHAPES)
@pytest.mark.filterwarnings("error")
def test_labels_that_the_loss_broadcasts_are_refused(
    shape: tuple[int, ...], flat: bool, loss: Any, words: str
) -> None:
    model = Functional(16, 32, 32) if flat else mlp(16, 32, 32)
    given: Any = {"inputs": torch.ones(40, 16), "labels": torch.ones(shape)}
    given |= {"loss": loss} if loss else {}
    if not words:
        assert "REJ" not in str(coordinate_check(model, samples=5, seed=1, **given)).split()[-1]
        return
    with pytest.raises(InvalidArgument, match=words):
        coordinate_check(model, samples=5, seed=1, **given)


def test_a_check_says_that_rates_are_for_labels_of_size_one() -> None:
    given = {"inputs": torch.ones(10, 16), "labels": torch.arange(10)}
    text = str(coordinate_check(mlp(16, 32, 32), samples=5, seed=1, **given))
    x = torch.cat([torch.ones(5, 16) * 1.4**0.5, torch.ones(5, 16) * 0.6**0.5])
    y = torch.cat([torch.ones(5) * 1.9**0.5, torch.ones(5) * 0.1**0.5])
    along = str(coordinate_check(mlp(16, 32, 32), samples=5, seed=1, inputs=x, labels=y))
    assert "gives rates for similar |x|², not some from 9.6 to 22.4, at a correlation of 1" in along
    assert "not 5.34, as of class numbers: give two classes the labels -1 and 1." in text


def test_a_factor_that_is_nearly_one_is_not_said_to_be_one() -> None:
    check = coordinate_check(
        mlp(16, 32, 32), samples=5, seed=1, loss=lambda f, y: 1.002 * (f - y).square().mean() / 2
    )
    assert "the loss is 1.002 times" in str(check)


def test_autocast_that_returns_single_precision_is_refused() -> None:
    class Autocast(Functional):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return super().forward(x).float()

    with pytest.raises(InvalidArgument, match=r"runs in torch\.bfloat16 alone.*without autocast"):
        coordinate_check(Autocast(16, 32, 32), samples=10, seed=1)


@pytest.mark.parametrize("sizes", [(1, 4), (8, 8), (16, 10)])
def test_sizes_at_which_no_layer_decides_are_undecided_after_few_steps(
    sizes: tuple[int, int],
) -> None:
    width, depth = sizes
    check = coordinate_check(mlp(*[width] * (depth + 1)), seed=1)
    assert (check.verdict.outcome, check.samples) == (Outcome.UNDECIDED, 100)
    assert "UNDECIDED: outside the range where a real step follows the law" in str(check)


class OwnParameters(Functional):
    """A module that counts other parameters, and clears no gradient."""

    def parameters(self, recurse: bool = True) -> Any:
        return iter(())

    def zero_grad(self, set_to_none: bool = True) -> None:
        pass


class Mapped(Functional):
    """The same network, one example at a time."""

    def forward(self, x: torch.Tensor) -> Any:
        return torch.vmap(super().forward)(x)


@pytest.mark.parametrize("kind", [OwnParameters, Mapped])
def test_steps_are_those_of_the_plain_network(kind: type[Functional]) -> None:
    (one, _), (two, _) = (
        RealStep(1e-3).squared_updates(each(8, 16, 16), 5, seed=1) for each in (kind, Functional)
    )
    assert np.allclose(one, two, rtol=1e-9)


def with_a_hook(model: Any) -> None:
    initialise(model)
    model[0].register_forward_hook(lambda module, x, z: 2 * z)


def with_a_gradient_hook(model: Any) -> None:
    initialise(model)
    model[0].weight.register_hook(lambda grad: 2 * grad)


def without_gradients(model: Any) -> None:
    initialise(model)
    torch.set_grad_enabled(False)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (with_a_hook, "got other hooks on '0' after"),
        (with_a_gradient_hook, r"got other hooks on '0\.weight' after"),
        (
            without_gradients,
            r"got gradients switched off .*; draw within `with torch.no_grad\(\):`",
        ),
    ],
)
def test_an_initialise_that_does_more_than_draw_is_refused(draw: Any, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        coordinate_check(mlp(8, 8), samples=5, seed=1, initialise=draw)
    assert torch.is_grad_enabled()


def test_inputs_may_be_a_list_of_arrays() -> None:
    rows = list(np.ones((2, 8)))
    one, two = (
        coordinate_check(mlp(8, 8), samples=5, seed=1, inputs=each)
        for each in (rows, np.ones((2, 8)))
    )
    assert str(one) == str(two)
