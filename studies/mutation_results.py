"""This module computes the scores of a mutation study with intervals, and follows each survivor."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich import box
from rich.table import Table
from scipy.stats import binomtest

from studies.mutation_mutants import Mutant, mutants
from studies.mutation_runs import Outcome
from studies.mutation_settings import Settings

__all__ = ["LEVEL", "ModuleScore", "Results", "Survivor", "score_table"]

LEVEL = 0.95
"""The level of the intervals of a score."""


COLUMNS = (
    "module",
    "mutants",
    "tried",
    "killed",
    "score",
    "interval",
    "since",
    "explained",
    "open",
)


@dataclass
class Survivor:
    """A mutant that every test passed, as found, and its present state."""

    operator: str
    occurrence: int
    line: int
    function: str
    difference: list[str]
    killed_since: str = ""
    explanation: str = ""

    @classmethod
    def of(cls, mutant: Mutant) -> Survivor:
        """A mutant of the source as it stands."""
        source = Path(mutant.module).read_text(encoding="utf-8")
        place = (mutant.operator, mutant.occurrence, mutant.line, mutant.function)
        return cls(*place, mutant.difference(source))

    def mutant(self, module: str) -> Mutant | None:
        """The mutant again, wherever its line is now; None where there is no such line."""
        source = Path(module).read_text(encoding="utf-8")
        alike = (m for m in mutants(module, [self.operator]) if m.function == self.function)
        return next((m for m in alike if m.difference(source) == self.difference), None)

    def explain(self, module: str, settings: Settings) -> None:
        """Take the explanation of ``settings``, if there is one for this change."""
        lines = [line[1:].strip() for line in self.difference]
        for each in settings.explained:
            if module == each.module and lines == [each.before.strip(), each.after.strip()]:
                self.explanation = each.why


@dataclass
class ModuleScore:
    """How many of a module's mutants were tried and killed."""

    mutants: int
    tried: int
    killed: int
    timeouts: int
    seconds: float
    survivors: list[Survivor] = field(default_factory=list)

    @classmethod
    def of(cls, every: int, chosen: Sequence[Mutant], outcomes: Sequence[Outcome]) -> ModuleScore:
        """The score from the outcomes of the ``chosen`` among ``every`` mutant."""
        pairs = list(zip(chosen, outcomes, strict=True))
        return cls(
            mutants=every,
            tried=len(pairs),
            killed=sum(not outcome.passed for outcome in outcomes),
            timeouts=sum(outcome.by == "timeout" for outcome in outcomes),
            seconds=round(sum(outcome.seconds for outcome in outcomes), 1),
            survivors=[Survivor.of(mutant) for mutant, outcome in pairs if outcome.passed],
        )


@dataclass
class Results:
    """Scores by module, and the settings they were found with."""

    seed: int
    modules: dict[str, ModuleScore]

    @classmethod
    def read(cls, path: Path) -> Results:
        """The results of an earlier study; empty without one."""
        if not path.exists():
            return cls(0, {})
        record = json.loads(path.read_text(encoding="utf-8"))
        modules = {}
        for name, entry in record["modules"].items():
            left = [Survivor(**each) for each in entry.pop("survivors")]
            kept = {key: entry[key] for key in ("mutants", "tried", "killed", "timeouts")}
            modules[name] = ModuleScore(**kept, seconds=entry["seconds"], survivors=left)
        return cls(record["seed"], modules)

    def write(self, path: Path) -> None:
        """Keep the results, with the scores of modules, packages and the whole."""
        record = {
            "level": LEVEL,
            "seed": self.seed,
            "whole": _score(self.modules.values()),
            "packages": {name: _score(group) for name, group in self.packages().items()},
            "modules": {
                name: _score([module]) | asdict(module) for name, module in self.modules.items()
            },
        }
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def packages(self) -> dict[str, list[ModuleScore]]:
        """The modules of each package."""
        groups: dict[str, list[ModuleScore]] = {}
        for name, module in self.modules.items():
            groups.setdefault(name.partition("/")[0], []).append(module)
        return groups


def _score(modules: Iterable[ModuleScore]) -> dict[str, object]:
    """Killed of tried, with the interval of Clopper and Pearson.

    Over modules of equal samples the share estimates the mean score of a module, and the interval
    is cautious: a sum of unlike chances spreads less than a binomial one (Hoeffding, 1956).
    """
    together = list(modules)
    tried, killed = (sum(getattr(each, name) for each in together) for name in ("tried", "killed"))
    if not tried:
        return {"tried": 0, "killed": 0, "score": None, "interval": None}
    found = binomtest(killed, tried).proportion_ci(LEVEL, "exact")
    interval = [round(float(found.low), 4), round(float(found.high), 4)]
    return {"tried": tried, "killed": killed, "score": killed / tried, "interval": interval}


def score_table(results: Results) -> Table:
    """One row a module, then the packages and the whole."""
    table = Table(title=f"mutants killed, {LEVEL:.0%} intervals", box=box.SIMPLE_HEAD)
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "module" else "right", no_wrap=True)
    for name, module in results.modules.items():
        table.add_row(name, *_cells([module]))
    table.add_section()
    for name, group in results.packages().items():
        table.add_row(name, *_cells(group))
    table.add_row("whole", *_cells(list(results.modules.values())))
    return table


def _cells(modules: Sequence[ModuleScore]) -> list[str]:
    score = _score(modules)
    survivors = [each for module in modules for each in module.survivors]
    since = sum(bool(each.killed_since) for each in survivors)
    explained = sum(bool(each.explanation) and not each.killed_since for each in survivors)
    interval, share = score["interval"], score["score"]
    return [
        str(sum(module.mutants for module in modules)),
        str(score["tried"]),
        str(score["killed"]),
        "-" if share is None else f"{share:.0%}",
        f"{interval[0]:.0%}-{interval[1]:.0%}" if isinstance(interval, list) else "-",
        *(str(count) for count in (since, explained, len(survivors) - since - explained)),
    ]
