"""The command line's job for a formula: check it, print the report, keep the record."""

from __future__ import annotations

import argparse
from datetime import datetime
from itertools import product

from rich.console import Console

from theory import MLP, InvalidArgument
from verify.claims.check import check
from verify.claims.formula import read
from verify.claims.networks import network_of
from verify.claims.reading import default_network
from verify.claims.record import check_record
from verify.claims.target import Claim, Quantity
from verify.gram import Gram
from verify.plan import SAMPLERS
from verify.run_folder import RESULTS, default_folder, new_folder, write_json
from verify.table import cell_table

__all__ = ["add_formula_options", "run_formula"]

_WIDTHS, _DEPTHS = (16, 64), (2, 4)


def add_formula_options(parser: argparse.ArgumentParser) -> None:
    """The options that say which formula, and what is claimed of it."""
    add = parser.add_argument
    add("--formula", metavar="TEXT", help="your own formula, in n, L, ell, n_0, eta, t, a")
    add("--claim", choices=[each.value for each in Claim], help="of the formula (default: exact)")
    add("--quantity", choices=[each.value for each in Quantity], help="what it is for")


def run_formula(options: argparse.Namespace, console: Console) -> int:
    """Check the formula, with networks of the sizes in ``options``; the exit code."""
    if options.step is not None:
        raise InvalidArgument(
            f"expected no step with a formula, got step={options.step!r}; formulas are for the "
            f"linearised update"
        )
    with new_folder(options.out or default_folder(datetime.now())) as folder:
        found = check(
            options.formula,
            claim=options.claim or Claim.EXACT.value,
            quantity=options.quantity or Quantity.UPDATE.value,
            layer=options.layer,
            grid=_grid(options),
            samples=options.samples,
            seed=options.seed,
            sampler=SAMPLERS[options.sampler] if options.sampler else Gram(),
        )
        write_json(folder / RESULTS, check_record(found))
    if found.evidence is not None:
        console.print(cell_table(found.evidence))
    console.print(f"numbers: {folder}", soft_wrap=True)
    console.print(str(found), soft_wrap=True, markup=False)
    return int(found.verdict.value)


def _grid(options: argparse.Namespace) -> list[MLP] | None:
    """The networks asked for; None where no sizes are."""
    if options.width is None and options.depth is None:
        return None
    network = default_network(read(options.formula))
    sizes = product(options.width or _WIDTHS, options.depth or _DEPTHS)
    return [network_of(network, width, depth) for width, depth in dict.fromkeys(sizes)]
