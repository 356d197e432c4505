"""The architecture: import contracts between folders, and the rules that every module keeps."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.paths import ROOT

MODULES = sorted(
    path for package in ("theory", "verify") for path in (ROOT / package).rglob("*.py")
)
FOLDERS = sorted({path.parent for path in MODULES})
FAST_NUMBERS = (
    *("theory/solutions/arrays.py", "theory/laws/float_arrays.py"),
    *("theory/activations/", "theory/infinite_width/"),
)
"""The only modules of ``theory`` that import NumPy: exact results as float64 arrays, activations
and their Gaussian moments, and recursions as n goes to infinity."""
HEAVY = {
    "apsw",
    "cattrs",
    "distributed",
    "hypothesis",
    "jinja2",
    "latex2mathml",
    "matplotlib",
}
HEAVY |= {"numba", "numpy", "pandas", "pyarrow", "rich", "scipy", "selenium", "torch"}
"""Libraries that take long to load, or may be missing: a function may import them."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """The import linter on the checkout in ``folder``, with the contracts of setup.cfg."""
    script = (
        "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )
    done.stdout = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)  # some versions colour pipes too
    return done


def test_the_import_contracts_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


PLANTED = [
    ("Imports in theory point down", "theory.algebra.fields", "theory.rates.rate"),
    ("The theory knows no sampling", "theory.laws.update", "verify.samplers.problem"),
    ("Imports in verify point down", "verify.runs.sampling", "verify.comparison.compare"),
    (
        "A measurement does not know the answer",
        "verify.samplers.gram.sampler",
        "theory.laws.update",
    ),
    ("No modules and no folders import each other", "theory.words.word", "theory.words.closure"),
]
"""A contract, and an import that breaks it."""


def copied(folder: Path) -> None:
    """The two packages, and the contracts, in ``folder``."""
    for package in ("theory", "verify"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    shutil.copy(ROOT / "setup.cfg", folder)


def test_planted_imports_are_found(tmp_path: Path) -> None:
    """A copy of the checkout with one more import for each contract, in a function, breaks all."""
    copied(tmp_path)
    for _, module, imported in PLANTED:
        file = (tmp_path / module.replace(".", "/")).with_suffix(".py")
        planted = f"\n\ndef _planted() -> None:\n    import {imported}\n"
        file.write_text(file.read_text(encoding="utf-8") + planted, encoding="utf-8")
    done = lint(tmp_path)
    assert done.returncode == 1
    for contract, module, imported in PLANTED:
        assert f"{contract} BROKEN" in done.stdout
        if "each other" not in contract:  # a cycle is listed by its folder
            assert f"{module} -> {imported}" in done.stdout


def test_a_new_module_without_a_place_is_found(tmp_path: Path) -> None:
    copied(tmp_path)
    (tmp_path / "verify" / "new.py").touch()
    done = lint(tmp_path)
    assert done.returncode == 1
    assert "Imports in verify point down" in done.stdout + done.stderr


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_a_folder_has_at_most_twelve_modules_and_says_what_it_is(folder: Path) -> None:
    modules = [path for path in folder.glob("*.py") if not path.name.startswith("__")]
    assert len(modules) <= 12 or folder.name == "named"  # one file for each activation
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))


def imports_in_functions(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield node


@pytest.mark.wide
@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_module_keeps_the_rules(path: Path) -> None:
    """A docstring and ``__all__``; absolute imports at the top, but for heavy libraries and modules
    that import them, where a comment says so; at most 500 lines; no text is evaluated."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    lines = text.splitlines()
    assert ast.get_docstring(tree)
    assert len(lines) <= 500
    assert "__all__" in text or path.name == "__init__.py"
    for node in imports_in_functions(tree):
        names = [alias.name for alias in node.names]
        first = (node.module or "") if isinstance(node, ast.ImportFrom) else names[0]
        around = "\n".join(lines[node.lineno - 2 : node.end_lineno])
        assert first.partition(".")[0] in HEAVY or "#" in around, f"line {node.lineno}"
    for each in ast.walk(tree):
        if isinstance(each, ast.ImportFrom):
            assert each.level == 0, "imports are absolute"
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name):
            assert each.func.id not in {"eval", "exec", "parse_expr", "compile"}


@pytest.mark.wide
@pytest.mark.parametrize("path", MODULES, ids=name)
def test_numpy_in_theory_is_for_arrays_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    found |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    if name(path).startswith("theory/") and not name(path).startswith(FAST_NUMBERS):
        assert not {each for each in found if each.partition(".")[0] == "numpy"}
