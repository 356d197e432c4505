"""The command line of the main job: options in, folder, table, figure and exit code out."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from datetime import datetime
from functools import partial, reduce
from pathlib import Path

from rich.console import Console

from theory.network import InvalidArgument
from verify.claims.job import add_formula_options, run_formula
from verify.compare import Comparison, compare_law, rate_points
from verify.exact_values import leading_laws
from verify.figure import save_rate_figure
from verify.paper import write_paper_files
from verify.plan import SAMPLERS, Part, planned_parts
from verify.progress import progress_bar
from verify.record import comparison_record
from verify.run_folder import RESULTS, default_folder, new_folder, write_json, write_whole
from verify.table import cell_table, conclusion, slope_lines

__all__ = ["main"]

FIGURE = "rate.png"
BAD_INPUT = 2
PLAIN_COLUMNS = 104
INTERRUPTED = 130
EXAMPLES = """\
exit code: 0 consistent, 1 rejected, 2 bad input, 3 undecided, 130 interrupted
examples:
  python -m verify                                       the default grid, about a minute
  python -m verify --width 64 --depth 2 4 --samples 5000
  python -m verify --width 32 --depth 4 --layer 2        a layer below the last
  python -m verify --width 32 --depth 2 4 --step 0.001   a real gradient step
  python -m verify --formula 'sqrt(3)/L**1.5' --claim leading --quantity rate
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the main job, or check a formula; the exit code."""
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    console = Console(highlight=False)
    if not console.is_terminal or console.width < PLAIN_COLUMNS:
        console = Console(highlight=False, width=PLAIN_COLUMNS)
    try:
        return _run(options, console)
    except InvalidArgument as error:
        print(f"python -m verify: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m verify",
        description="Derive the law of the squared update, measure it on finite networks, decide.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--width", type=int, nargs="+", metavar="N", help="hidden widths")
    add("--depth", type=int, nargs="+", metavar="L", help="depths, each at each width")
    add("--layer", type=int, help="hidden layer to measure (default: the last)")
    add("--samples", type=int, help="networks per cell (default: planned by cost)")
    add("--seed", type=int, default=1, help="seed of the whole grid (default: 1)")
    add("--sampler", choices=SAMPLERS, help="how networks are simulated (default: gram)")
    add("--step", type=float, metavar="RATE", help="a real gradient step of this rate")
    add_formula_options(parser)
    add("--out", type=Path, metavar="DIR", help="folder (default: runs/<date and time>)")
    return parser


def _run(options: argparse.Namespace, console: Console) -> int:
    if options.formula is not None:
        return run_formula(options, console)
    if options.claim is not None or options.quantity is not None:
        raise InvalidArgument(
            "expected a formula with claim and quantity, got none; give --formula 'L**3/3'"
        )
    parts = planned_parts(options.width, options.depth, options.sampler, options.step)
    with new_folder(options.out or default_folder(datetime.now())) as folder:
        update, rate = leading_laws()
        console.print("derived, as n → ∞ and then L → ∞:")
        console.print(f"  E[(Δz)²] ~ {update},  maximal learning rate ~ {rate}", soft_wrap=True)
        comparison = _compare(options, parts, console)
        _save(folder, comparison)
    console.print(cell_table(comparison))
    for line in slope_lines(comparison):
        console.print(line, soft_wrap=True)
    console.print(f"figure and numbers: {folder}", soft_wrap=True)
    console.print(conclusion(comparison), soft_wrap=True)
    return int(comparison.verdict.outcome.value)


def _compare(options: argparse.Namespace, parts: Sequence[Part], console: Console) -> Comparison:
    """All parts, judged as one family."""
    cells = [
        (network, part.sampler, options.samples or part.sampler.planned_samples(network))
        for part in parts
        for network in part.networks
    ]
    with progress_bar(console, cells) as progress:
        comparisons = [
            compare_law(
                networks=part.networks,
                samples=options.samples,
                seed=options.seed,
                sampler=part.sampler,
                layer=options.layer,
                step=options.step,
                progress=partial(progress, part.sampler),
            )
            for part in parts
        ]
    return reduce(Comparison.joined, comparisons)


def _save(folder: Path, comparison: Comparison) -> None:
    write_json(folder / RESULTS, comparison_record(comparison, law="exact"))
    write_paper_files(folder, comparison)
    points, law = rate_points(comparison)
    if points:
        write_whole(folder / FIGURE, lambda path: save_rate_figure(path, points, law))
