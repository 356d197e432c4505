"""This study finds the small faults of the derivation engine and the samplers that no test notices.

``make mutation`` or ``python -m studies.mutation`` puts small faults into every module of
studies/mutation.toml, one at a time, in a copy of the project, and runs the fast tests of the
module.  A mutant is killed if a test fails, or does not end.  The study prints the share of killed
mutants by module, and keeps it in studies/mutation.json with every survivor.  It keeps outcomes in
build/mutation/ as long as no source changes, so that an interrupted study can resume.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from studies.mutation_mutants import mutants, sampled
from studies.mutation_results import ModuleScore, Results, score_table
from studies.mutation_runs import Run, enter_copy, run_mutant, run_tests
from studies.mutation_settings import Kept, Settings, digest, read_settings

__all__ = ["main", "study", "try_survivors"]

SAMPLE = 12
SEED = 1
PROJECT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).with_name("mutation.json")


def study(
    pool: ProcessPoolExecutor,
    settings: Settings,
    results: Results,
    modules: Sequence[str],
    sample: int | None,
    record: Path,
) -> None:
    """Try ``sample`` mutants of each module, or all (None), and write ``results`` to ``record``."""
    kept = _kept()
    for tests, group in groupby(modules, key=settings.tests_of):
        limit = _limit(pool, kept, tests)
        for module in group:
            every = mutants(module, settings.operators)
            chosen = sampled(every, sample, results.seed)
            runs = [Run(mutant, tests, limit) for mutant in chosen]
            outcomes = list(kept.each(pool, run_mutant, runs))
            results.modules[module] = ModuleScore.of(len(every), chosen, outcomes)
            _finish(settings, results, record)
            print(f"{module}: {results.modules[module].killed} of {len(chosen)}", file=sys.stderr)


def try_survivors(
    pool: ProcessPoolExecutor,
    settings: Settings,
    results: Results,
    modules: Sequence[str],
    record: Path,
) -> None:
    """Run the tests as they are now on every survivor of ``results`` whose line is still there, and
    write to ``record`` the test that kills it."""
    kept = _kept()
    for module in modules:
        left = results.modules[module].survivors if module in results.modules else []
        again = [(each, each.mutant(module)) for each in left if not each.killed_since]
        found = [(each, mutant) for each, mutant in again if mutant is not None]
        tests = settings.tests_of(module)
        limit = _limit(pool, kept, tests) if found else 0.0
        runs = [Run(mutant, tests, limit) for _, mutant in found]
        for (each, _), outcome in zip(found, pool.map(run_mutant, runs), strict=True):
            each.killed_since = outcome.by
        _finish(settings, results, record)


def _finish(settings: Settings, results: Results, record: Path) -> None:
    for module, score in results.modules.items():
        for survivor in score.survivors:
            survivor.explain(module, settings)
    results.write(record)


def _kept() -> Kept:
    return Kept(PROJECT / "build" / "mutation" / f"{digest(PROJECT)}.jsonl")


def _limit(pool: ProcessPoolExecutor, kept: Kept, tests: tuple[str, ...]) -> float:
    """Seconds that a mutant's tests may take; the unchanged project must pass them."""
    outcome = kept.once(pool, run_tests, tests)
    if not outcome.passed:
        raise SystemExit(f"{outcome.by} fails on the unchanged project: mend it first")
    return 20.0 + 3.0 * outcome.seconds


def _size(text: str) -> int | None:
    return None if text == "all" else int(text)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m studies.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="such as theory/words/wick.py")
    parser.add_argument("--sample", type=_size, default=SAMPLE, help="mutants a module, or all")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument("--survivors", action="store_true", help="try recorded survivors again")
    parser.add_argument(
        "--record", type=Path, default=RESULTS, metavar="FILE", help="studies/mutation.json"
    )
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run the study; the exit code is 0, whatever survives."""
    given, settings = _arguments(words), read_settings()
    modules = given.modules or settings.modules
    results = Results.read(given.record)
    context = get_context("fork")
    with TemporaryDirectory(prefix="mutation-") as room:
        places = (PROJECT, Path(room))
        with ProcessPoolExecutor(given.jobs, context, enter_copy, places) as pool:
            if given.survivors:
                try_survivors(pool, settings, results, modules, given.record)
            else:
                results.seed = given.seed
                study(pool, settings, results, modules, given.sample, given.record)
    Console(highlight=False, width=114).print(score_table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
