"""The mutation study itself: what it covers, what it counts, and that no survivor is left open."""

import json
from pathlib import Path

import pytest

from studies.mutation_mutants import Mutant, sampled
from studies.mutation_results import ModuleScore, Results, Survivor, score_table
from studies.mutation_runs import Outcome
from studies.mutation_settings import SETTINGS, Kept, read_settings
from tests.tools.paths import ROOT

FOLDERS = (
    "words",
    "samplers/conditioned",
    "samplers/dense",
    "samplers/gram",
    "samplers/layerwise",
    "samplers/rare_events",
)
"""Folders of the engine and of the samplers, of which the study covers every module ..."""
APART = {"__init__", "observables", "sampler"}
"""... but for the language that users write in, and for the samplers' faces."""
OTHERS = (
    "exact/recursion exact/evaluation limits/infinite_width exact/closed_form "
    "exact/rescaled_network algebra/spectrum algebra/power_sum"
)
DRAWS = (
    "numerics/variates numerics/single_normals numerics/chi_squares numerics/coins numerics/philox "
    "numerics/tables"
)
RECORDS = ("mutation.json", "mutation_fresh.json")


def test_the_study_covers_the_engine_and_the_samplers() -> None:
    folders = [ROOT / package / name for package in ("theory", "verify") for name in FOLDERS]
    paths = {path for folder in folders for path in folder.glob("*.py") if path.stem not in APART}
    expected = {path.relative_to(ROOT).as_posix() for path in paths}
    expected |= {f"theory/{name}.py" for name in OTHERS.split()}
    expected |= {f"verify/{name}.py" for name in DRAWS.split()}
    modules = read_settings().modules
    assert set(modules) == expected | {"verify/samplers/vectors.py"}
    assert len(modules) == len(set(modules))


@pytest.mark.parametrize("group", read_settings().groups, ids=lambda group: group.modules[0])
def test_its_tests_exist(group: object) -> None:
    for test in getattr(group, "tests", ()):
        name, _, function = str(test).partition("::")
        text = (ROOT / name).read_text(encoding="utf-8")
        assert f"def {function.partition('[')[0]}(" in text or not function


def test_every_explanation_is_of_a_line_that_is_still_there() -> None:
    for each in read_settings(SETTINGS).explained:
        lines = (ROOT / each.module).read_text(encoding="utf-8").splitlines()
        assert each.before in (line.strip() for line in lines), each


@pytest.mark.parametrize("name", RECORDS)
def test_no_survivor_of_the_record_is_left_open(name: str) -> None:
    record = json.loads((ROOT / "studies" / name).read_text(encoding="utf-8"))
    for module, score in record["modules"].items():
        assert score["killed"] + len(score["survivors"]) == score["tried"]
        for survivor in score["survivors"]:
            assert survivor["killed_since"] or survivor["explanation"], (module, survivor)


def mutant(occurrence: int) -> Mutant:
    return Mutant("theory/words/word.py", "core/AddNot", occurrence, 1, "")


def test_a_larger_sample_holds_every_smaller_one() -> None:
    every = [mutant(occurrence) for occurrence in range(100)]
    few, more = sampled(every, 10, seed=4), sampled(every, 30, seed=4)
    assert more[:10] == few
    assert len(set(more)) == 30
    assert few != sampled(every, 10, seed=5)
    assert set(sampled(every, None, seed=4)) == set(every)


def test_scores_are_written_and_read_again(tmp_path: Path) -> None:
    left = Survivor("core/AddNot", 3, 1, "f", ["-a", "+b"], explanation="they are equal")
    results = Results(7, {"theory/words/word.py": ModuleScore(50, 20, 19, 1, 3.5, [left])})
    results.write(tmp_path / "record.json")
    record = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert record["whole"]["score"] == 0.95
    low, high = record["packages"]["theory"]["interval"]
    assert (low, high) == pytest.approx((0.7513, 0.9987), abs=1e-4), "Clopper and Pearson, 19 of 20"
    assert Results.read(tmp_path / "record.json") == results
    assert score_table(results).row_count == 3


def test_nothing_tried_has_no_score(tmp_path: Path) -> None:
    Results(1, {}).write(tmp_path / "record.json")
    record = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    assert record["whole"]["score"] is None
    assert Results.read(tmp_path / "none.json").modules == {}


def test_kept_outcomes_are_found_again(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    path.write_text(json.dumps({"key": "k", "passed": False, "by": "t", "seconds": 1.0}) + "\n")
    assert Kept(path).known == {"k": Outcome(passed=False, by="t", seconds=1.0)}
