"""This study kills jobs at random instants, in mid-write, in pairs, and on disks that fail.

``make faults`` or ``python -m studies.faults`` strikes each job once, checks the files that it
leaves, and resumes the job; its store, as canonical text, and its results must then equal the store
and results of an undisturbed job, byte for byte.  The study prints a table and keeps it in
studies/faults.json; docs/runs.md quotes it.  It takes some minutes on two cores.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from studies.faults_command import COMMAND, command_reference, command_trial
from studies.faults_trials import KINDS, Struck, reference, trial

__all__ = ["FEWEST", "RESULTS", "main", "study", "summary"]

RESULTS = Path(__file__).with_name("faults.json")
FEWEST = dict(zip((*KINDS, COMMAND), (100, 15, 15, 20, 20, 20, 20, 25), strict=True))
"""Faults of each kind that have to land while the job is at work."""
SEED = 1


def study(fewest: Mapping[str, int], seed: int = SEED) -> list[Struck]:
    """So many faults of each kind that landed, and the faults that came too late."""
    undisturbed, whole = reference(), command_reference()
    found = []
    for place, (kind, wanted) in enumerate(fewest.items()):
        landed = 0
        for number in count():
            if landed >= wanted:
                break
            mine = (seed * 1000 + place) * 10_000 + number
            struck = (
                command_trial(mine, whole) if kind == COMMAND else trial(kind, mine, undisturbed)
            )
            landed += struck.landed
            found.append(struck)
            print("." if struck.sound else "F", end="", file=sys.stderr, flush=True)
    return found


def summary(found: list[Struck]) -> dict[str, dict[str, Any]]:
    """By kind: faults that landed, blocks kept before, lost, doubled; stores equal or not."""
    table = {}
    for kind in dict.fromkeys(each.kind for each in found):
        struck = [each for each in found if each.kind == kind]
        table[kind] = {
            "landed": sum(each.landed for each in struck),
            "too late": sum(not each.landed for each in struck),
            "blocks kept": sum(each.kept for each in struck),
            "lost": sum(each.lost for each in struck),
            "doubled": sum(each.doubled for each in struck),
            "equal": sum(each.equal for each in struck),
            "unequal": sum(not each.equal for each in struck),
        }
    return table


def main(fewest: Mapping[str, int] = FEWEST) -> int:
    """Run the study; 0 where every job was sound."""
    found = study(fewest)
    table = summary(found)
    RESULTS.write_text(json.dumps({"seed": SEED, "kinds": table}, indent=1) + "\n", "utf-8")
    names = list(next(iter(table.values())))
    print("\n" + " ".join([f"{'fault':20}", *(f"{name:>12}" for name in names)]))
    for kind, row in table.items():
        print(" ".join([f"{kind:20}", *(f"{row[name]:12,}" for name in names)]))
    return int(not all(each.sound for each in found))


if __name__ == "__main__":
    sys.exit(main())
