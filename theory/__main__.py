"""``python -m theory`` prints the derivation of the squared update and its law."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from functools import partial

from theory.activations import LeakyReLU, Linear, PiecewiseLinear, ReLU
from theory.activations.piecewise_linear import slope_value
from theory.activations.spelling import outside_of_commands
from theory.command import exit_code, own_streams, parsed, whole
from theory.errors import InvalidArgument
from theory.exposition.citation import VERSION, bibtex
from theory.exposition.narrative import derivation_text
from theory.exposition.paper import paper
from theory.networks.mlp import MLP
from theory.networks.network import Network
from theory.networks.residual import Residual
from theory.validation import brief
from theory.waiting import announced

__all__ = ["command", "main"]

_EXAMPLES = """\
examples:
  python -m theory                            the law, sizes as symbols
  python -m theory --depth 3                  exact in the width n at depth 3
  python -m theory --width 1000 --depth 1000  exact numbers
  python -m theory --network residual         symbolic width and number of blocks
  python -m theory --network residual --width 64 --blocks 8
  python -m theory --latex > law.tex          the derivation as a paper
"""


_PROGRAM = "python -m theory"
_SIZE = partial(whole, symbol=True)
"""The number of an option that is a symbol where it is left out."""


def command() -> int:
    """``python -m theory`` and the script ``mup-theory``."""
    own_streams()
    return main()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the derivation; 0, 2 for bad input, 5 for an internal error, 130 where interrupted."""
    return exit_code(
        _PROGRAM, lambda: _print(parsed(_parser(), arguments, outside_of_commands, VERSION))
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="Derive E[(Δz)²] of one gradient step, its law in depth, and the maximal rate.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--network",
        choices=("mlp", "residual"),
        default="mlp",
        help="kind of network (default: mlp)",
    )
    parser.add_argument(
        "--width", type=_SIZE, help="width of the hidden layers (default: symbol n)"
    )
    parser.add_argument("--depth", type=_SIZE, help="number of hidden layers (default: symbol L)")
    parser.add_argument(
        "--blocks", type=_SIZE, help="number of residual blocks (default: symbol B)"
    )
    parser.add_argument(
        "--branch-width", type=_SIZE, help="width inside the blocks (default: width)"
    )
    parser.add_argument(
        "--slope", default="0", help="slope of the activation for z < 0 (default 0: ReLU)"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--latex", action="store_true", help="print the derivation as a LaTeX document"
    )
    form.add_argument("--bibtex", action="store_true", help="print the citation as BibTeX")
    return parser


def _print(options: argparse.Namespace) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    if options.bibtex:
        print(bibtex())
        return 0
    network = _network(options)
    if options.latex:
        with announced("derivation"):
            text = paper(network)
        print(text, end="")
        return 0
    paragraphs = derivation_text(network)
    while paragraph := _next(paragraphs):
        print(paragraph, end="\n\n", flush=True)
    return 0


@announced("derivation")
def _next(paragraphs: Iterator[str]) -> str:
    """The next paragraph, which may need a long derivation; "" after the last."""
    return next(paragraphs, "")


def _network(options: argparse.Namespace) -> Network:
    """The network of the options; `InvalidArgument` for an option of the other kind."""
    residual, activation = options.network == "residual", _activation(options.slope)
    instead = {"depth": ", or --blocks", "blocks": ", or --depth", "branch_width": ""}
    foreign = ("depth",) if residual else ("blocks", "branch_width")
    for name in foreign:
        if getattr(options, name) is not None:
            option, other = name.replace("_", "-"), "mlp" if residual else "residual"
            raise InvalidArgument(
                f"expected no --{option} with --network {options.network}, got "
                f"--{option}={brief(getattr(options, name))}; give --network {other}{instead[name]}"
            )
    if residual:
        branch = options.branch_width
        return Residual(options.width, options.blocks, branch_width=branch, activation=activation)
    return MLP(options.width, options.depth, activation=activation)


def _activation(slope: str) -> PiecewiseLinear:
    """The activation of a negative slope, by the name of its kind."""
    activation = LeakyReLU(slope_value("--slope", slope))
    named = {0: ReLU(), 1: Linear()}
    return named.get(activation.slope, activation)


if __name__ == "__main__":
    sys.exit(command())
