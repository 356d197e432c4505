"""Killed jobs and failing disks lose nothing and count nothing twice; ``make faults`` does more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from studies.faults import FEWEST, RESULTS
from studies.faults_command import command_reference, command_trial
from studies.faults_job import PIECES
from studies.faults_trials import KINDS, Reference, Struck, reference, trial


@pytest.fixture(scope="module")
def undisturbed() -> Reference:
    return reference()


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] * (k % 2)) for k, kind in enumerate(KINDS)]
)
def test_a_struck_job_goes_on_to_the_same_bytes(kind: str, undisturbed: Reference) -> None:
    for seed in range(2):
        struck = trial(kind, seed, undisturbed)
        assert struck.sound, f"{struck}, seed {seed}"


@pytest.mark.slow
def test_the_command_goes_on_after_kill_9_to_the_same_files() -> None:
    struck = command_trial(0, command_reference(samples=50_000))
    assert struck.sound, struck


@pytest.mark.slow
def test_the_undisturbed_job_is_the_whole_one(undisturbed: Reference) -> None:
    assert undisturbed.text.count("\n") == len(PIECES)
    assert undisturbed.operations > 3 * len(PIECES), "each block is written and synced"


def test_what_a_fault_did_wrong_would_be_told() -> None:
    sound: dict[str, Any] = {
        "kind": "kill",
        "landed": True,
        "kept": 3,
        "there": 3,
        "lost": 0,
        "doubled": 0,
        "equal": True,
    }
    assert Struck(**sound).sound
    for wrong in ({"lost": 1}, {"doubled": 1}, {"equal": False}):
        assert not Struck(**sound | wrong).sound


def test_the_study_that_is_kept_is_sound_and_large_enough() -> None:
    kinds = json.loads(RESULTS.read_text(encoding="utf-8"))["kinds"]
    assert list(kinds) == list(FEWEST)
    for kind, row in kinds.items():
        assert row["landed"] >= FEWEST[kind]
        assert row["lost"] == row["doubled"] == row["unequal"] == 0
    assert kinds["kill"]["landed"] >= 100
    assert kinds["killed"]["landed"] + kinds["torn"]["landed"] >= 30
    assert kinds["kill of one of two"]["landed"] + kinds["kill of both"]["landed"] >= 10
