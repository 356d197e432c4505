"""The options of ``python -m verify``, and those of them that say what a run is."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from theory.network import InvalidArgument
from verify.claims.target import Claim, Quantity
from verify.errors import UnusableFolder
from verify.plan import SAMPLERS

__all__ = ["RUN", "job_text", "options_of", "parser"]

EXAMPLES = """\
exit code: 0 consistent, 1 rejected, 2 bad input, 3 undecided, 4 workers lost, 130 interrupted
examples:
  python -m verify                                       the default grid, about a minute
  python -m verify --width 64 --depth 2 4 --samples 5000
  python -m verify --width 32 --depth 2 4 --step 0.001   a real gradient step
  python -m verify --formula 'sqrt(3)/L**1.5' --claim leading --quantity rate
  python -m verify --precision 0.001 --minutes 60 --out runs/long
  python -m verify --resume runs/long                    go on, after whatever happened
"""
RUN = (
    *("width", "depth", "layer", "samples", "precision", "seed", "sampler", "step"),
    *("formula", "claim", "quantity"),
)
"""What a run is; the other options say where and how long."""


def parser() -> argparse.ArgumentParser:
    """The parser; whatever is not given is None."""
    made = argparse.ArgumentParser(
        prog="python -m verify",
        usage="python -m verify [options]",
        description="Derive the law of the squared update, measure it on finite networks, decide.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("--width", type=int, nargs="+", metavar="N", help="hidden widths")
    add("--depth", type=int, nargs="+", metavar="L", help="depths, each at each width")
    add("--layer", type=int, metavar="N", help="hidden layer to measure (default: the last)")
    add("--samples", type=int, metavar="N", help="networks per cell (default: planned by cost)")
    add("--precision", type=float, metavar="X", help="instead: relative standard error per cell")
    add("--seed", type=int, metavar="N", help="seed of the whole grid (default: 1)")
    add("--sampler", metavar="NAME", choices=SAMPLERS, help=", ".join(SAMPLERS))
    add("--step", type=float, metavar="RATE", help="a real gradient step of this rate")
    add("--formula", metavar="TEXT", help="your own formula, in n, L, ell, n_0, eta, t, a")
    claims, quantities = ([each.value for each in kind] for kind in (Claim, Quantity))
    add("--claim", choices=claims, metavar="KIND", help=f"of the formula: {', '.join(claims)}")
    add("--quantity", choices=quantities, metavar="KIND", help=f"it gives: {', '.join(quantities)}")
    add("--minutes", type=float, metavar="X", help="stop then, with what is finished")
    add("--out", type=_folder, metavar="DIR", help="folder (default: runs/<date and time>)")
    add("--resume", type=_folder, metavar="DIR", help="go on with the run in this folder")
    add("--replay", type=Path, metavar="FILE", help="draw one cell of a results.json again")
    add(
        "--cell",
        type=int,
        metavar="N",
        help="from 0 (default: the one nearest to its bound)",
    )
    add("--report", type=_folder, metavar="DIR", help="page of the finished run in DIR")
    add("--dask", metavar="ADDRESS", help="draw on the workers of this Dask scheduler")
    add("--parquet", action="store_true", help="write results.parquet beside results.csv")
    return made


def job_text(options: argparse.Namespace) -> str:
    """What the run is, as one line of JSON.

    >>> job_text(parser().parse_args(["--width", "8"]))
    '{"width": [8]}'
    """
    said = {name: getattr(options, name) for name in RUN}
    return json.dumps({name: value for name, value in said.items() if value is not None})


def options_of(text: str, given: argparse.Namespace) -> argparse.Namespace:
    """The options of a run whose `job_text` was kept; where and how long are those ``given``.

    Raises `InvalidArgument` where what the run is is given too, `UnusableFolder` for another text.
    """
    for name in (*RUN, "out", "replay", "report", "cell"):
        if getattr(given, name) is not None:
            raise InvalidArgument(
                f"expected no {name} beside resume, got {name}={getattr(given, name)!r}; the "
                f"folder says what the run is"
            )
    try:
        return argparse.Namespace(**vars(given) | json.loads(text))
    except (ValueError, TypeError) as error:
        raise UnusableFolder(
            f"the run of resume={str(given.resume)!r} cannot be read, its folder is damaged "
            f"({error}); it was left as it is: take it from a backup, or begin again"
        ) from error


def _folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("expected a folder, got ''; give its name, or . for this")
    return Path(text)
