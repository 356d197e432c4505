"""This module reads studies/mutation.toml, and the outcomes kept from earlier runs."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path

from studies.mutation_runs import Outcome, Run

__all__ = ["SETTINGS", "Explained", "Group", "Kept", "Settings", "digest", "read_settings"]

SETTINGS = Path(__file__).with_name("mutation.toml")


@dataclass(frozen=True)
class Group:
    """Modules, and the tests that are meant to see a fault in any of them."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Explained:
    """A mutant that no test can kill, by the line it changes, and why."""

    module: str
    before: str
    after: str
    why: str


@dataclass(frozen=True)
class Settings:
    """The whole file: names of operators, groups, and explained survivors."""

    operators: tuple[str, ...]
    groups: tuple[Group, ...]
    explained: tuple[Explained, ...]

    @property
    def modules(self) -> tuple[str, ...]:
        return tuple(module for group in self.groups for module in group.modules)

    def tests_of(self, module: str) -> tuple[str, ...]:
        """The tests of the group that holds ``module``, and the examples of ``module``."""
        (group,) = (group for group in self.groups if module in group.modules)
        return group.tests


def read_settings(path: Path = SETTINGS) -> Settings:
    """The settings in a file."""
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    groups = (Group(tuple(each["modules"]), tuple(each["tests"])) for each in found["group"])
    return Settings(
        operators=tuple(f"core/{name}" for name in found["operators"]),
        groups=tuple(groups),
        explained=tuple(Explained(**each) for each in found.get("explained", ())),
    )


def digest(project: Path) -> str:
    """A digest of every source that an outcome depends on."""
    state = hashlib.sha256()
    for folder in ("theory", "verify", "tests"):
        for path in sorted((project / folder).rglob("*.py")):
            state.update(path.read_bytes())
    return state.hexdigest()[:16]


class Kept:
    """Outcomes by run, one a line in a file, so that no run is made twice."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, Outcome] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                key = entry.pop("key")
                self.known[key] = Outcome(**entry)

    def each(
        self, pool: Executor, test: Callable[[Run], Outcome], runs: Sequence[Run]
    ) -> Iterator[Outcome]:
        """The outcome of every one of ``runs``, in order: known, or made now and kept."""
        new = [run for run in runs if _key(run) not in self.known]
        for run, outcome in zip(new, pool.map(test, new), strict=True):
            self._keep(_key(run), outcome)
        yield from (self.known[_key(run)] for run in runs)

    def once(
        self, pool: Executor, test: Callable[[tuple[str, ...]], Outcome], tests: tuple[str, ...]
    ) -> Outcome:
        """The outcome of ``tests`` on the unchanged project: kept where they pass."""
        key = hashlib.sha256(json.dumps(tests).encode()).hexdigest()
        if key not in self.known and (outcome := pool.submit(test, tests).result()).passed:
            self._keep(key, outcome)
        return self.known.get(key) or outcome

    def _keep(self, key: str, outcome: Outcome) -> None:
        self.known[key] = outcome
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, **asdict(outcome)}) + "\n")


def _key(run: Run) -> str:
    text = json.dumps([asdict(run.mutant), run.tests])
    return hashlib.sha256(text.encode()).hexdigest()
