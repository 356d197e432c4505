"""What a prompt prints is quick and small; what takes long says so on a terminal, and stops."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any

import pytest
from numba.core import event

from tests.tools.paths import ROOT
from tests.tools.values import VALUES
from theory import (
    MLP,
    Graph,
    LeakyReLU,
    NotSolved,
    Readout,
    Residual,
    SignDescent,
    Sin,
    Tanh,
    alignment,
    critical,
    derive,
    layer_rates,
    maximal_learning_rate,
    squared_update,
    waiting,
)
from theory.observables import K, trace
from theory.symbols import B, T
from theory.waiting import announced
from verify import check

_KINDS = (
    *("update", "label", "rate", "rate of the mean", "readout", "readout rate", "layer rates"),
    *("alignment", "kernel", "spread"),
)
KINDS: dict[str, Callable[[MLP], Any]] = {name: VALUES[name] for name in _KINDS} | {
    "observable": lambda m: derive(trace(K**2), m),
    "whole spread": lambda m: squared_update(m).spread,
}
HUGE = [
    MLP(10**5, 2 * 10**4),
    MLP(10**6, 10**9),
    MLP(2, 10**12),
    MLP(64, 10**4, input_width=10**6),
    MLP(10**100 - 7, 10**99 + 3),
    MLP((100,) * 1000),
    MLP(depth=300),
    MLP(8, activation=LeakyReLU()),
    MLP(10**100 - 7, activation=LeakyReLU()),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    [pytest.param(each, marks=[pytest.mark.slow] * (k % 2)) for k, each in enumerate(HUGE)],
    ids=str,
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_repr_is_short_and_quick_at_any_size(network: MLP, kind: str) -> None:
    """Processor time of this thread, so that other work on the machine does not count; the first
    derivation of a kind is made before."""
    value = KINDS[kind]
    repr(value(MLP(3, 70)))
    begun = time.thread_time()
    text = repr(value(network))
    assert time.thread_time() - begun < 4
    assert len(text) <= 600
    if not network.free_symbols and kind not in ("observable",):
        assert "e" in text or "evaluate()" in text


BLOCKS = [
    Residual(activation=LeakyReLU()),
    Residual(8, activation=LeakyReLU()),
    Residual(multiplier2=T / B),
    Residual(8, 10**6, activation=LeakyReLU()),
    Residual(10**6, 10**9),
    Residual(10**100 - 7, 10**30 + 3),
]


WIDE: dict[str, Callable[[], Any]] = {
    "a deep recursion": lambda: squared_update(MLP(depth=10**6, activation=Tanh())),
    "a rate of one": lambda: maximal_learning_rate(MLP(depth=10**6, activation=Tanh())),
    "real steps": lambda: squared_update(MLP(depth=10**6), step=1),
    "a rate of real steps": lambda: maximal_learning_rate(MLP(depth=10**6), linearised=False),
    "a rate by quadrature": lambda: maximal_learning_rate(
        MLP(depth=2000, activation=Tanh()), linearised=False
    ),
    "an epsilon": lambda: squared_update(
        MLP(depth=900, activation=Tanh()), optimiser=SignDescent("0.1")
    ),
    "rates of layers": lambda: layer_rates(MLP(depth=10**5 + 1, activation=Tanh())),
    "fast oscillations": lambda: squared_update(
        MLP(depth=9, activation=Sin(), weight_variance=9**7)
    ),
    "chaos": lambda: squared_update(MLP(depth=10**5, activation=Tanh(), weight_variance=2)),
    "chaos in every group": lambda: layer_rates(
        MLP(depth=10**4, activation=Tanh(), weight_variance=2)
    ),
}


@pytest.mark.parametrize("name", WIDE)
def test_a_repr_at_infinite_width_names_the_call_that_waits(name: str) -> None:
    begun = time.thread_time()
    text = repr(WIDE[name]())
    assert time.thread_time() - begun < 2
    assert "call " in text or "take " in text or "says why" in text
    assert len(text) <= 600


LONG_NETWORKS = [
    Graph({f"a{i}": (f"a{i - 1}" if i else "x",) for i in range(200)}, readout="a199", width=8),
    Graph({"v" * 500: ("x",)}, readout="v" * 500, width=8),
    MLP(tuple(range(2, 300))),
    MLP(8, 3, weight_variance=f"{7**60}/{3**80}", activation=LeakyReLU(f"{3**80 - 2}/{3**81}")),
    Residual(8, 3, multiplier2=f"{7**60}/{3**80}"),
]


@pytest.mark.wide
@pytest.mark.parametrize("network", LONG_NETWORKS, ids=range(len(LONG_NETWORKS)))
@pytest.mark.parametrize(
    "kind",
    [
        "update",
        "observable",
        *(
            pytest.param(k, marks=pytest.mark.slow)
            for k in ("readout", "mixed signs", "of many terms")
        ),
    ],
)
def test_a_long_network_is_cut_within_a_result_alone(network: Any, kind: str) -> None:
    assert eval(repr(network)) == network
    terms = (Fraction(1, 3 ** (60 + power)) * trace(K**power) for power in range(1, 5))
    kinds = VALUES | {"of many terms": lambda m: derive(reduce(add, terms), m)}
    try:
        text = repr(kinds[kind](network))
    except NotSolved as refusal:
        text = str(refusal)
    assert len(text) <= 600


@pytest.mark.slow
@pytest.mark.parametrize("network", BLOCKS, ids=str)
@pytest.mark.parametrize("kind", ["update", "rate", "readout", "alignment"])
def test_a_repr_of_blocks_is_short_and_quick(network: Residual, kind: str) -> None:
    """An open slope or multiplier makes the closed form a matter of a minute."""
    make: Callable[[Any], Any] = KINDS[kind]
    repr(make(Residual(3, 2)))
    begun = time.thread_time()
    text = repr(make(network))
    assert time.thread_time() - begun < 4
    assert len(text) <= 600


def test_the_spread_of_blocks_names_the_call_that_waits() -> None:
    begun = time.thread_time()
    text = repr(squared_update(Residual(64, 8)).spread)
    assert text.endswith("relative_standard_deviation() takes some seconds")
    assert "relative standard deviation 0." in repr(squared_update(Residual(64, 8)).label.spread)
    assert time.thread_time() - begun < 4


@pytest.mark.slow
def test_formulas_of_a_layer_are_shown_in_short() -> None:
    equations = derive(trace(K**3) * trace(K), MLP()).layer_equations
    assert len(repr(equations)) <= 600
    assert repr(equations).startswith(f"{len(equations.lines)} formulas: E tr(A")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_reprs_take_little_memory(kind: str) -> None:
    """The most memory, in kilobytes, of a process that shows a value at every size.

    A process inherits the memory mark of the process that starts it, so a small process stands
    between this one, which other tests may have made large, and the process that is measured.
    """
    shown = (
        "from tests.whole.test_waiting import HUGE, KINDS; "
        f"shown = [repr(KINDS[{kind!r}](network)) for network in HUGE]"
    )
    between = (
        "import resource, subprocess, sys; "
        "subprocess.run([sys.executable, '-c', sys.argv[1]], check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    root = str(ROOT)
    done = subprocess.run(
        [sys.executable, "-c", between, shown],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 2**20


@pytest.mark.parametrize("network", HUGE[:3], ids=repr)
def test_numbers_take_the_cheap_way(network: MLP) -> None:
    begun = time.thread_time()
    rate = maximal_learning_rate(network)
    assert rate.evaluate() > 0
    assert rate.layer == network.depth
    assert squared_update(network).evaluate() > 0
    assert time.thread_time() - begun < 4
    with pytest.raises(NotSolved, match=r"too many digits: use evaluate\(digits\)"):
        _ = squared_update(network).exact


def test_the_issue_one_value_two_ways() -> None:
    network = MLP(10**6, 10**9)
    assert (
        squared_update(network).evaluate() == squared_update(MLP()).at(n=10**6, L=10**9).evaluate()
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.slow
def test_long_work_is_announced_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_SILENT", 0.02)
    monkeypatch.setattr(waiting, "_EVERY", 0.02)
    for stream, seen in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with announced("variance"), announced("another within"):
            time.sleep(0.2)
        text = stream.getvalue()
        assert ("variance: 0 s; Ctrl-C stops" in text) is seen
        assert "another" not in text
        assert text.endswith("\r") is seen
    assert threading.active_count() < 20


def test_a_call_within_keeps_the_name_and_the_time_of_the_outer_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The inner call is named once its share is known; Ctrl-C names the outer call."""
    monkeypatch.setattr(waiting, "_SILENT", 0.02)
    monkeypatch.setattr(waiting, "_EVERY", 0.02)
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with (  # noqa: PT012
        pytest.raises(waiting.Stopped, match=r"^Ctrl-C stopped the call \(check\) after 0 s$"),
        announced("check"),
    ):
        with announced("value"):
            time.sleep(0.1)
        with announced("law") as note:
            note(0)
            time.sleep(0.1)
        with announced("simulation") as note:
            note(0.5)
            time.sleep(0.1)
            raise KeyboardInterrupt
    text = stream.getvalue()
    assert "check: 0 s; Ctrl-C stops" in text
    assert "check: 0 s, simulation: about 0 s left; Ctrl-C stops" in text
    assert "check: 0 s, law; Ctrl-C stops" in text
    assert "value" not in text


def test_a_line_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A carriage return cannot go back over a wrapped line; large times are in hours."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    whole = waiting._Call("comparison")
    within = waiting._Call("simulation of 40,000 networks, about 100 s of one core")
    within.note(0.5)
    whole.start -= 100_000
    within.start -= 90_000
    line = waiting._line(whole, within)
    assert line == "comparison: 28 h, simulation of 40,000 networks: about 25 h left; Ctrl-C stops"
    whole.name = "a" * 200
    for columns in (100, 20, 5):
        monkeypatch.setattr(waiting, "_columns", lambda columns=columns: columns)
        assert len(waiting._line(whole, within)) == columns - 1


def test_estimates_leave_the_time_of_a_compilation_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a compilation is named while it lasts, within a call alone."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    with event.trigger_event("numba:compile"):
        assert waiting._calls == []
    with announced("simulation") as note:
        (call,) = waiting._calls
        with event.trigger_event("numba:compile"):
            said = [each.name for each in waiting._calls]
            time.sleep(0.1)
        assert said == ["simulation", "compiling, for up to a minute on a first run"]
        assert call.lost >= 0.1
        call.start, call.lost = time.monotonic() - 1000, 999
        note(0.5)
        assert call.left == "about 1 s left"


def test_nothing_is_announced_beside_another_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_SILENT", 0.02)
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with waiting.shown_elsewhere(), announced("check"), announced("law") as note:
        note(0.5)
        time.sleep(0.1)
    assert stream.getvalue() == ""
    with announced("check"):
        time.sleep(0.1)
    assert "check" in stream.getvalue()


def test_quick_work_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    assert squared_update(MLP(7, 3)).exact
    assert stream.getvalue() == ""


ANNOUNCED: dict[str, Callable[[], Any]] = {
    "exact": lambda: squared_update(MLP()).exact,
    "per_eta2": lambda: squared_update(MLP()).per_eta2,
    "leading": lambda: squared_update(MLP()).leading(),
    "positive_sum": lambda: squared_update(MLP()).positive_sum(),
    "latex": lambda: squared_update(MLP(depth=2)).latex(),
    "width_series": lambda: squared_update(MLP(depth=2)).width_series(1),
    "joint_limit": lambda: squared_update(MLP()).label.joint_limit(),
    "joint_law": lambda: squared_update(MLP()).label.joint_law(),
    "block_limit": lambda: squared_update(Residual()).label.block_limit(),
    "derivation": lambda: len(squared_update(MLP(4, 2)).label.derivation),
    "evaluate": lambda: squared_update(MLP(8, 3)).evaluate(),
    "variance": lambda: squared_update(MLP(4, 2)).label.variance(),
    "closed_form": lambda: derive(trace(K), MLP()).closed_form,
    "observable": lambda: derive(trace(K), MLP()).exact,
    "rate": lambda: maximal_learning_rate(MLP()).exact,
    "readout rate": lambda: maximal_learning_rate(MLP(), group=Readout()).leading(),
    "alignment": lambda: alignment(MLP(8, 2)).exact,
    "recursion": lambda: squared_update(MLP(), step=1).infinite_width(3),
    "recursion of all depths": lambda: squared_update(MLP()).infinite_width([2, 3]),
    "range of rates": lambda: squared_update(MLP()).linearised_up_to("0.1", 3),
    "rate at n = ∞": lambda: maximal_learning_rate(MLP(), linearised=False).infinite_width(3),
    "several rates at n = ∞": lambda: maximal_learning_rate(MLP(), linearised=False)(L=[2, 3]),
    "layer that binds": lambda: maximal_learning_rate(MLP(), linearised=False).binding_layer(3),
    "recursions": lambda: squared_update(MLP(), step=1).infinite_width([2, 3]),
    "rates of layers": lambda: layer_rates(MLP(64, 3), optimiser=SignDescent()).alone,
    "blocks": lambda: squared_update(Residual(activation=Tanh())).infinite_width(3),
    "critical points": lambda: critical(Tanh()),
    "check": lambda: check("L/3", simulate=False),
    "picture": lambda: squared_update(MLP(8)).plot(L=[2, 3]),
    "real law": lambda: maximal_learning_rate(MLP(), linearised=False).leading(),
}


@pytest.mark.wide
@pytest.mark.parametrize("name", ANNOUNCED)
def test_whatever_can_be_long_announces_itself(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(waiting, "_is_terminal", lambda: asked.append(1))
    ANNOUNCED[name]()
    assert asked


LONG = [
    "maximal_learning_rate(MLP(), linearised=False).infinite_width(10**6)",
    "squared_update(MLP()).variance()",
    "len(squared_update(Residual()).derivation)",
    "squared_update(MLP()).width_series(100)",
    "squared_update(Residual(activation=LeakyReLU())).exact",
]


@pytest.mark.slow
@pytest.mark.parametrize("call", LONG)
def test_an_interrupt_stops_long_work(call: str) -> None:
    code = (
        "import signal\nfrom theory import *\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "print('ready', flush=True)\n"
        f"try:\n    {call}\nexcept KeyboardInterrupt:\n    print('stopped')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        time.sleep(1)
        running.send_signal(signal.SIGINT)
        assert running.stdout.read() == "stopped\n"


def test_a_prompt_prints_one_sentence_for_an_interrupt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And later exceptions as before; IPython reads `_render_traceback_`."""
    usual = sys.excepthook
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    monkeypatch.setattr(waiting, "_is_terminal", lambda: True)
    with pytest.raises(waiting.Stopped) as caught, announced("variance"):
        raise KeyboardInterrupt
    sys.excepthook(caught.type, caught.value, caught.tb)
    sentence = "Ctrl-C stopped the call (variance) after 0 s"
    assert capsys.readouterr().err == f"{sentence}\n"
    assert caught.value._render_traceback_() == [sentence]
    assert sys.excepthook is usual
