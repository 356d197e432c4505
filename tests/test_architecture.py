"""The architecture as a test: who may import whom, and what no module may do."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
THEORY = sorted((ROOT / "theory").glob("*.py"))
VERIFY = sorted((ROOT / "verify").rglob("*.py"))
MEETING_PLACES = {
    "compare.py",
    "derivations.py",
    "exact_values.py",
    "formulas.py",
    "learning_rates.py",
    "questions.py",
    "testing.py",
}
"""Where ``verify`` asks ``theory`` for a formula: its own comparison, users' tests, the report, and
learning rates for PyTorch."""
FORMULAS_ON_A_PAGE = "mathml.py"
"""It sets SymPy's expressions, whatever they are of, and derives none."""
WITHOUT_FORMULAS = {
    *("theory.command", "theory.errors", "theory.network", "theory.public_names"),
    *("theory.validation", "theory.waiting"),
}
"""Modules of ``theory`` that derive nothing, which all of ``verify`` may use."""
CLAIMS = "claims"
"""The folder in which users' formulas meet both."""
FORMULAS_IN_TESTS = {"strategies.py", "testing_report.py", "trial.py"}
"""They draw, show and pass on formulas and exact numbers, but derive none."""
FAST_NUMBERS = {"arrays.py", "numeric.py"}
"""The only modules of ``theory`` with NumPy: exact results as float64 arrays."""


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, names of ``from`` imports not included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield str(node.module)


def package(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("path", THEORY, ids=lambda path: path.name)
def test_theory_knows_no_sampling(path: Path) -> None:
    found = {package(m) for m in imported(path)}
    assert not found & {"verify", "numba", "random", "scipy"}
    assert "numpy" not in found or path.name in FAST_NUMBERS


@pytest.mark.parametrize("path", VERIFY, ids=lambda path: path.name)
def test_few_modules_bring_formula_and_measurement_together(path: Path) -> None:
    from_theory = {module for module in imported(path) if package(module) == "theory"}
    if path.parent.name == CLAIMS:
        return
    if path.name in MEETING_PLACES:
        assert "theory" in from_theory
    elif path.name in FORMULAS_IN_TESTS:
        own = {"theory.errors", "theory.network", "theory.precision", "theory.public_names"}
        own |= {"theory.symbols", "theory.validation"}
        assert from_theory <= own
    elif path.name == FORMULAS_ON_A_PAGE:
        assert not from_theory
    else:
        assert from_theory <= WITHOUT_FORMULAS
        assert not {package(module) for module in imported(path)} & {"sympy", "mpmath"}


@pytest.mark.parametrize("path", THEORY + VERIFY, ids=lambda path: path.name)
def test_one_folder_imports_pytorch(path: Path) -> None:
    if path.parent.name != "pytorch":
        assert "torch" not in {package(module) for module in imported(path)}
        assert "verify.pytorch" not in {module[:14] for module in imported(path)}


@pytest.mark.parametrize(
    "path", THEORY + VERIFY, ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_modules_say_what_they_are_and_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    assert len(text.splitlines()) <= 500
    assert "__all__" in text


@pytest.mark.parametrize(
    "path", THEORY + VERIFY, ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_nothing_is_evaluated_from_text(path: Path) -> None:
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & {"eval", "exec", "parse_expr", "compile"}
