"""The reference values of an independent calculation, reproduced exactly."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sympy import Rational

from theory import MLP, squared_update
from theory.symbols import eta

VALUES = json.loads(Path(__file__).with_name("reference_values.json").read_text(encoding="utf-8"))


def network(entry: dict[str, Any]) -> MLP:
    return MLP(entry["width"], entry["depth"], input_width=entry["input_width"])


@pytest.mark.parametrize("entry", VALUES["label"], ids=lambda e: f"{e['width']}x{e['depth']}")
def test_label_part_of_the_last_layer(entry: dict[str, Any]) -> None:
    label = squared_update(network(entry)).label
    assert label.exact == Rational(entry["value"]) * eta**2
    assert float(Fraction(entry["value"])) == entry["approx"]


@pytest.mark.parametrize("entry", VALUES["both_parts"], ids=lambda e: f"layer {e['layer']}")
def test_both_parts_of_every_layer(entry: dict[str, Any]) -> None:
    update = squared_update(network(entry), entry["layer"])
    assert update.label.exact == Rational(entry["label"]) * eta**2
    assert update.output.exact == Rational(entry["output"]) * eta**2
    assert update.per_eta2 == Rational(entry["label"]) + Rational(entry["output"])
    assert float(update.per_eta2) == entry["approx_total"]


def test_the_reference_is_not_empty() -> None:
    assert len(VALUES["label"]) == 5
    assert len(VALUES["both_parts"]) == 5
