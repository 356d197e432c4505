"""The parser reads the options of ``python -m verify``, and refuses contradictory options."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from theory.claims.target import Claim, Quantity
from theory.command import decimal, whole
from theory.errors import InvalidArgument
from verify.samplers.catalogue import SAMPLERS

__all__ = ["checked_options", "parser"]

_SEVERAL = partial(whole, several=True)
EXAMPLES = """\
exit code: 0 consistent, 1 rejected, 2 bad input or folder, 3 undecided,
  4 lost workers, 5 internal error, 130 interrupted; replay: 0 same bits, 1 not
examples:
  python -m verify                       the default grid, about a minute
  python -m verify --width 32 --depth 2 4 --step 0.001   a real step
  python -m verify --network residual --width 64 --blocks 4 16
  python -m verify --formula 'sqrt(3)/L**1.5' --claim leading --quantity rate
  python -m verify --precision 0.001 --minutes 60 --out runs/long
  python -m verify --resume runs/long    resume an interrupted run
"""

_BESIDE = {
    "report": ((), "a report shows a finished run"),
    "replay": (("cell",), "the file defines everything else"),
    "resume": (("minutes", "dask", "parquet"), "the folder defines the run"),
}
"""For each option that names a separate job: the other options that it allows, and the reason."""


def checked_options(options: argparse.Namespace) -> argparse.Namespace:
    """``options``; `InvalidArgument` where some do not go together."""
    said = vars(options).items()
    given = {name: value for name, value in said if value is not None and value is not False}
    for main, (beside, why) in _BESIDE.items():
        for name in given if main in given else ():
            if name in (main, *beside):
                continue
            raise InvalidArgument(
                f"expected no {name} with {main}, got {name}={given[name]!r}; {why}"
            )
    if "cell" in given and "replay" not in given:
        raise InvalidArgument(
            f"expected a file for replay with cell, got cell={options.cell}; give --replay FILE"
        )
    claimed = [name for name in ("claim", "quantity") if name in given]
    if "formula" not in given and claimed:
        options_given = " and ".join(f"--{name}" for name in claimed)
        raise InvalidArgument(
            f"expected --formula with {options_given}, got none; give --formula 'L**3/3'"
        )
    _check_blocks(given)
    if {"formula", "step"} <= given.keys():
        raise InvalidArgument(
            f"expected no step with a formula, got step={options.step!r}; formulas are for the "
            f"linearised update"
        )
    return options


def _check_blocks(given: dict[str, object]) -> None:
    """`InvalidArgument` for options of another kind of network."""
    residual = given.get("network") == "residual"
    claim = {name: given[name] for name in ("claim", "quantity", "layer") if name in given}
    options = "".join(f"{name}={value!r}, " for name, value in claim.items())
    for name in ("depth", "step", "formula") if residual else ("blocks", "branch_width", "branch"):
        if name in given:
            option, kind = name.replace("_", "-"), "residual" if residual else "mlp"
            instead = {
                "depth": "give --blocks",
                "step": "leave it out, or use monte_carlo",
                "formula": f"call check({str(given[name])!r}, {options}network=Residual()) "
                f"of verify, or leave --network out for a formula in n and B",
            }
            fix = instead.get(name, "leave --network out" if residual else "add --network residual")
            raise InvalidArgument(
                f"expected no --{option} with --network {kind}, got {name}={given[name]!r}; {fix}"
            )
    if {"branch", "layer"} <= given.keys():
        raise InvalidArgument(
            f"expected a branch or a layer, got branch={given['branch']} and "
            f"layer={given['layer']}; give one of the two"
        )


def parser() -> argparse.ArgumentParser:
    """The parser; absent options are None."""
    made = argparse.ArgumentParser(
        prog="python -m verify",
        usage="python -m verify [options]",
        description="Compare exact with simulated updates. A cell is one width, depth and sampler.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("--width", type=_SEVERAL, nargs="+", metavar="N", help="hidden widths")
    add(
        "--depth",
        type=_SEVERAL,
        nargs="+",
        metavar="L",
        help="depths; the grid combines every width and depth",
    )
    add(
        "--network",
        choices=("mlp", "residual"),
        metavar="KIND",
        help="kind of network: mlp (the default) or residual",
    )
    add(
        "--blocks",
        type=_SEVERAL,
        nargs="+",
        metavar="B",
        help="numbers of blocks; combined with every width",
    )
    add(
        "--branch-width", type=whole, metavar="N", help="width of the branches (default: the width)"
    )
    add(
        "--branch", type=whole, metavar="N", help="measure the branch of this block, not the stream"
    )
    add(
        "--layer",
        type=whole,
        metavar="N",
        help="hidden layer, or block, to measure (default: the last)",
    )
    add("--samples", type=whole, metavar="N", help="networks per cell (default: set by their cost)")
    add(
        "--precision",
        type=decimal,
        metavar="X",
        help="relative standard error per cell (no --samples)",
    )
    add("--seed", type=whole, metavar="N", help="seed of the whole grid (default: 1)")
    add("--sampler", metavar="NAME", choices=SAMPLERS, help=", ".join(SAMPLERS))
    add(
        "--step",
        type=decimal,
        metavar="RATE",
        help="simulate a real gradient step of this learning rate",
    )
    add("--formula", metavar="TEXT", help="your own formula, in n, L, ell, n_0, eta, t, a")
    claims, quantities = ([each.value for each in kind] for kind in (Claim, Quantity))
    add(
        "--claim",
        choices=claims,
        metavar="KIND",
        help=f"claim about the formula: {', '.join(claims)}",
    )
    add(
        "--quantity",
        choices=quantities,
        metavar="KIND",
        help=f"quantity of the formula: {', '.join(quantities)}",
    )
    add("--minutes", type=decimal, metavar="X", help="begin no new samples after X minutes")
    add("--out", type=_path, metavar="DIR", help="folder (default: runs/<date and time>)")
    add("--resume", type=_path, metavar="DIR", help="resume the run in this folder")
    add("--replay", type=_path, metavar="FILE", help="draw a cell of a results.json again")
    add(
        "--cell",
        type=whole,
        metavar="N",
        help="cell to replay, from 0 (default: |z| nearest critical)",
    )
    add(
        "--report", type=_path, metavar="DIR", help="write the HTML page of the finished run in DIR"
    )
    add("--dask", metavar="ADDRESS", help="draw samples on the workers of this Dask scheduler")
    add("--parquet", action="store_true", help="write results.parquet too, next to results.csv")
    return made


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError(
            "expected a path, got ''; give a name, or . for this folder"
        )
    if "\0" in text or text != text.encode(errors="ignore").decode():
        raise argparse.ArgumentTypeError(
            f"expected a path in UTF-8, got {text!r}; rename it, or give another"
        )
    return Path(text)
