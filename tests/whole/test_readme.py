"""The README says for whom the product is, in which setting, and where to go on."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text(encoding="utf-8")


def test_the_first_screen_has_readers_setting_and_figure() -> None:
    first_screen = TEXT[: TEXT.index("## Ten lines")]
    for needed in (
        "is for you if",
        "one example",
        r"\tfrac12(f-y)^2",
        "$1/n^2$",
        "docs/one-factor.svg",
    ):
        assert needed in first_screen


def test_it_is_short() -> None:
    assert len(TEXT.splitlines()) < 150
    assert TEXT.count(">>> ") == 10


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", TEXT)
    assert len(links) == TEXT.count("](") > 0
    assert [each for each in links if not (README.parent / each).exists()] == []
