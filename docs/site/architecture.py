"""The architecture drawn from the imports that the sources have: every module, every import.

Two columns of modules, imported ones below their importers; an arc for each import inside a
package, outwards, and a straight line for each import of ``theory`` by ``verify``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

__all__ = ["counts", "graph", "picture"]

ROOT = Path(__file__).parents[2]
PACKAGES = ("theory", "verify")
ROW, TOP, LEFT, RIGHT, REACH = 13, 40, 330, 590, 265
COLOURS = {"theory": "#0072B2", "verify": "#009E73", "across": "#D55E00"}

Graph = Mapping[str, frozenset[str]]


@cache
def graph() -> Graph:
    """The modules of both packages, and which of them each imports when it is loaded.

    Packages' ``__init__`` files only hand names on: they are left out, and such a name counts for
    the module that it comes from.

    >>> "theory.words.closure" in graph()["theory.words.structure"], "verify.comparison.compare" in graph()
    (True, True)
    """
    paths = {_name(path): path for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    names = {name: path for name, path in paths.items() if path.stem != "__init__"}
    return {name: frozenset(_imports(path)) & names.keys() - {name} for name, path in names.items()}


def counts() -> dict[str, int]:
    """How many imports there are inside each package, and from one to the other.

    >>> counts()["theory to verify"]
    0
    """
    found = {"theory": 0, "verify": 0, "verify to theory": 0, "theory to verify": 0}
    for module, imported in graph().items():
        for other in imported:
            ends = _package(module), _package(other)
            found[ends[0] if ends[0] == ends[1] else " to ".join(ends)] += 1
    return found


def picture() -> str:
    """The graph as an SVG document; a pointer on a module or a line shows names."""
    order = {package: _downwards(package) for package in PACKAGES}
    rows = {name: TOP + ROW * row for each in order.values() for row, name in enumerate(each)}
    height = max(rows.values()) + ROW
    lines = [_line(module, other, rows) for module in rows for other in sorted(graph()[module])]
    names = [_label(name, y) for name, y in rows.items()]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="920" height="{height}" role="img" '
            f'viewBox="0 0 920 {height}" font-family="sans-serif" font-size="10">',
            "<title>Modules of theory and verify and their imports</title>",
            f'<rect width="920" height="{height}" fill="white"/>',
            *lines,
            *names,
            *[_title(package) for package in PACKAGES],
            "</svg>",
        ]
    )


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _package(module: str) -> str:
    return module.partition(".")[0]


def _imports(path: Path) -> Iterable[str]:
    """What is imported when a module is loaded: not for types alone, nor inside a function."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (_handed_on(node.module).get(alias.name, "") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@cache
def _handed_on(package: str) -> Mapping[str, str]:
    """From which module each name comes that a package's ``__init__`` hands on."""
    file = ROOT.joinpath(*package.split("."), "__init__.py")
    if not file.is_file():
        return {}
    body = ast.parse(file.read_text(encoding="utf-8")).body
    lines = [node for node in body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in lines for alias in node.names}


def _downwards(package: str) -> list[str]:
    """A package's modules by the longest chain of imports below them, longest first."""

    @cache
    def level(module: str) -> int:
        inside = [each for each in graph()[module] if _package(each) == package]
        return 1 + max(map(level, inside), default=0)

    return sorted((m for m in graph() if _package(m) == package), key=lambda m: (-level(m), m))


def _line(module: str, other: str, rows: Mapping[str, int]) -> str:
    """A curve from importer to imported, named for a pointer."""
    start, end, package = rows[module] - 3, rows[other] - 3, _package(module)
    kind = package if package == _package(other) else "across"
    if kind == "across":
        path = f"M{RIGHT - 4} {start} L{LEFT + 4} {end}"
    else:
        side, edge = (-1, LEFT - 118) if package == "theory" else (1, RIGHT + 118)
        bulge = edge + side * min(REACH, 12 + abs(end - start) * 0.35)
        path = f"M{edge} {start} C{bulge} {start} {bulge} {end} {edge} {end}"
    return (
        f'<path d="{path}" fill="none" stroke="{COLOURS[kind]}" stroke-opacity="0.35">'
        f"<title>{module} imports {other}</title></path>"
    )


def _label(name: str, y: int) -> str:
    package, _, rest = name.partition(".")
    x, anchor = (LEFT, "end") if package == "theory" else (RIGHT, "start")
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"><title>{name}</title>{rest}</text>'


def _title(package: str) -> str:
    x, anchor = (LEFT, "end") if package == "theory" else (RIGHT, "start")
    return (
        f'<text x="{x}" y="20" text-anchor="{anchor}" font-size="14" font-weight="bold" '
        f'fill="{COLOURS[package]}">{package}</text>'
    )
