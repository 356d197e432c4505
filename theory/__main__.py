"""``python -m theory`` prints the derivation of the squared update and its law."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

from theory.command import exit_code, own_streams
from theory.exposition.citation import bibtex
from theory.exposition.narrative import derivation_text
from theory.exposition.paper import paper
from theory.networks.activations import Activation, LeakyReLU, Linear, ReLU
from theory.networks.mlp import MLP

__all__ = ["command", "main"]

_EXAMPLES = """\
examples:
  python -m theory                              the law, with width and depth as symbols
  python -m theory --depth 3                    exact in the width n at depth 3
  python -m theory --width 1000 --depth 1000    exact numbers
  python -m theory --latex > law.tex            the derivation as a paper, for pdflatex
"""


_PROGRAM = "python -m theory"


def command() -> int:
    """``python -m theory`` and the script ``mup-theory``."""
    own_streams()
    return main()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the derivation; 0, 2 for bad input, 5 for an internal error, 130 where interrupted."""
    return exit_code(_PROGRAM, lambda: _print(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="Derive E[(Δz)²] of one gradient step, its law in depth, and the maximal rate.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--width", type=int, help="width of the hidden layers (default: symbol n)")
    parser.add_argument("--depth", type=int, help="number of hidden layers (default: symbol L)")
    parser.add_argument("--slope", default="0", help="negative slope of the activation (ReLU: 0)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="as a LaTeX document that compiles")
    form.add_argument("--bibtex", action="store_true", help="how to cite, as BibTeX")
    return parser


def _print(options: argparse.Namespace) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    if options.bibtex:
        print(bibtex())
        return 0
    network = MLP(options.width, options.depth, activation=_activation(options.slope))
    if options.latex:
        print(paper(network), end="")
        return 0
    for paragraph in derivation_text(network):
        print(paragraph, end="\n\n", flush=True)
    return 0


def _activation(slope: str) -> Activation:
    """The activation of a negative slope, by the name of its kind."""
    activation = LeakyReLU(slope)
    named = {0: ReLU(), 1: Linear()}
    return named.get(activation.slope, activation)


if __name__ == "__main__":
    sys.exit(command())
