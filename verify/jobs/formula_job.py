"""The command line's job for a formula checks it, prints the report, and keeps the record."""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

from rich.console import Console

from theory.claims.reading import default_network
from theory.claims.target import Claim, Quantity
from theory.formulas.formula import read
from theory.networks.mlp import MLP
from verify.claims.check import check
from verify.claims.networks import network_of
from verify.claims.record import check_record
from verify.comparison.table import cell_table, print_table
from verify.jobs.folder import keep, write_tables
from verify.jobs.job import SEED, left_lines
from verify.runs.execution import Execution
from verify.samplers.catalogue import SAMPLERS
from verify.samplers.gram.sampler import Gram

__all__ = ["run_formula"]

_WIDTHS, _DEPTHS = (16, 64), (2, 4)


def run_formula(
    options: argparse.Namespace, console: Console, execution: Execution, folder: Path
) -> int:
    """Check the formula, with networks of the sizes in ``options``, keep the answer in ``folder``,
    and show it; the exit code."""
    found = check(
        options.formula,
        claim=options.claim or Claim.EXACT.value,
        quantity=options.quantity or Quantity.UPDATE.value,
        layer=options.layer,
        grid=_grid(options),
        samples=options.samples,
        precision=options.precision,
        seed=SEED if options.seed is None else options.seed,
        sampler=SAMPLERS[options.sampler] if options.sampler else Gram(),
        execution=execution,
    )
    record = check_record(found)
    keep(folder, record)
    if record.networks is not None:
        write_tables(folder, record.networks, parquet=options.parquet)
        print_table(console, cell_table(record.networks, law="formula"))
        for line in left_lines(record.networks):
            console.print(line, soft_wrap=True)
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
