"""``python -m theory``: print the derivation of the squared update and its law."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

from theory.errors import MupDepthError
from theory.narrative import derivation_text
from theory.network import MLP, LeakyReLU

__all__ = ["main"]

_EXAMPLES = """\
examples:
  python -m theory                              the law, with width and depth as symbols
  python -m theory --depth 3                    exact in the width n at depth 3
  python -m theory --width 1000 --depth 1000    exact numbers
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the derivation; 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m theory",
        description="Derive E[(Δz)²] of one gradient step, its law in depth, and the maximal rate.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--width", type=int, help="width of the hidden layers (default: symbol n)")
    parser.add_argument("--depth", type=int, help="number of hidden layers (default: symbol L)")
    parser.add_argument("--slope", default="0", help="negative slope of the activation (ReLU: 0)")
    options = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        network = MLP(options.width, options.depth, activation=LeakyReLU(options.slope))
        for paragraph in derivation_text(network):
            print(paragraph, end="\n\n")
    except MupDepthError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
