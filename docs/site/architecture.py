"""The architecture as a picture and a table: the folders in the layers of the import contracts."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from configparser import ConfigParser
from html import escape
from pathlib import Path

__all__ = ["OUTPUT", "layers", "picture", "sentence", "sentences"]

ROOT = Path(__file__).parents[2]
COLOURS = {"theory": "#0072B2", "verify": "#009E73"}
WIDTH, ROW, GAP = 260, 40, 8
OUTPUT = {"theory/display", "theory/exposition", "theory/writing", "verify/report"}
"""Folders that only write results for readers; the picture leaves them out."""


def layers(package: str, left_out: Collection[str] = OUTPUT) -> list[list[str]]:
    """The folders of a package but for those ``left_out``, highest layer first, as the contracts in
    setup.cfg order them.

    >>> layers("verify")[-2:]
    [['samplers'], ['numerics']]
    >>> ["networks", "algebra"] in layers("theory")
    True
    """
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    rows = settings[f"importlinter:contract:{package}"]["layers"].split("\n")
    named = ([name.strip() for name in row.split("|")] for row in rows)
    folders = (
        [
            name
            for name in row
            if name and (ROOT / package / name).is_dir() and f"{package}/{name}" not in left_out
        ]
        for row in named
    )
    return [row for row in folders if row]


def sentence(package: str, folder: str) -> str:
    """The first sentence of the docstring of a folder.

    >>> sentence("verify", "inference")
    'This folder turns samples into means with errors, tests, intervals, fits and verdicts.'
    """
    source = (ROOT / package / folder / "__init__.py").read_text(encoding="utf-8")
    text = " ".join((ast.get_docstring(ast.parse(source)) or "").replace("`", "").split())
    return text.partition(". ")[0].rstrip(".") + "."


def sentences() -> str:
    """A table of the folders from the highest layer down, each with its sentence, as HTML.

    >>> "theory/writing" in sentences()
    True
    """
    rows = (
        (f"{package}/{folder}", sentence(package, folder))
        for package in COLOURS
        for row in layers(package, ())
        for folder in row
    )
    cells = [f"<tr><td><code>{name}</code></td><td>{escape(text)}</td></tr>" for name, text in rows]
    return "\n".join(["<table><tbody>", *cells, "</tbody></table>"])


def picture() -> str:
    """Both packages side by side as an SVG document; a box may import the boxes below it, and
    ``verify`` may import ``theory``."""
    rows = {package: layers(package) for package in COLOURS}
    height = 40 + ROW * max(map(len, rows.values()))
    boxes = [box for package in rows for box in _boxes(package, rows[package], height)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH + GAP} {height}" '
            f'role="img" font-family="sans-serif" width="100%">',
            "<title>Folders of theory and verify: a box imports only boxes below it</title>",
            *boxes,
            "</svg>",
        ]
    )


def _boxes(package: str, rows: list[list[str]], height: int) -> Iterator[str]:
    left = 0 if package == "theory" else WIDTH + GAP
    yield _text(left + WIDTH / 2, 24, package, 20, COLOURS[package], "bold")
    top = height - ROW * len(rows)
    for number, row in enumerate(rows):
        width = (WIDTH - GAP * (len(row) - 1)) / len(row)
        for place, folder in enumerate(row):
            x, y = left + place * (width + GAP), top + number * ROW
            yield (
                f'<rect x="{x}" y="{y}" width="{width}" height="{ROW - GAP}" rx="4" '
                f'fill="{COLOURS[package]}" fill-opacity="0.12" stroke="{COLOURS[package]}"/>'
            )
            yield _text(x + width / 2, y + 21, folder, 16, "currentColor")


def _text(x: float, y: float, text: str, size: int, colour: str, weight: str = "normal") -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="middle" font-size="{size}" font-weight="{weight}" '
        f'fill="{colour}">{escape(text)}</text>'
    )
