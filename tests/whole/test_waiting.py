"""What a prompt prints is quick and small; what takes long says so on a terminal, and stops."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.tools.paths import ROOT
from tests.tools.values import VALUES
from theory import (
    MLP,
    LeakyReLU,
    NotSolved,
    derive,
    maximal_learning_rate,
    squared_update,
    waiting,
)
from theory.observables import K, trace
from theory.waiting import announced

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


@pytest.mark.parametrize("network", HUGE, ids=str)
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
    with pytest.raises(NotSolved, match=r"too many digits .* use evaluate\(digits\)"):
        _ = squared_update(network).exact


def test_the_issue_one_value_two_ways() -> None:
    network = MLP(10**6, 10**9)
    assert (
        squared_update(network).evaluate() == squared_update(MLP()).at(n=10**6, L=10**9).evaluate()
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


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


def test_quick_work_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    assert squared_update(MLP(7, 3)).exact
    assert stream.getvalue() == ""


def test_an_interrupt_stops_long_work() -> None:
    code = (
        "import signal\nfrom theory import *\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "u = squared_update(MLP())\n"
        "print('ready', flush=True)\n"
        "try:\n    u.variance()\nexcept KeyboardInterrupt:\n    print('stopped')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        time.sleep(1)
        running.send_signal(signal.SIGINT)
        assert running.stdout.read() == "stopped\n"
