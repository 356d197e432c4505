"""The mutation study itself: what it covers, what it counts, and that no survivor is left open."""

import json
from pathlib import Path

import pytest

from studies.mutation_mutants import Mutant, sampled
from studies.mutation_results import ModuleScore, Results, Survivor, score_table
from studies.mutation_runs import Outcome
from studies.mutation_settings import SETTINGS, Kept, read_settings
from tests.tools.paths import ROOT

ENGINE = (
    "words wick layer closure coefficients structure gradients recursion evaluation mean_field "
    "spectrum power_sum closed_form normalised"
)
SAMPLERS = (
    "gaussian_matrix conditioned_kernels conditioned_state conditioned_relu_kernels "
    "conditioned_relu_state gram_kernels gram_relu_kernels "
    "dense_kernels row_products weights draws single_normals lengths coins philox vectors"
)
RECORDS = ("mutation.json", "mutation_fresh.json")


def test_the_study_covers_the_engine_and_the_samplers() -> None:
    rare = [f"verify/{path.name}" for path in (ROOT / "verify").glob("rare_events_*.py")]
    expected = {f"theory/{name}.py" for name in ENGINE.split()}
    expected |= {f"verify/{name}.py" for name in SAMPLERS.split()} | set(rare)
    modules = read_settings().modules
    assert set(modules) == expected
    assert len(modules) == len(expected)


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
