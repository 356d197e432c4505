"""The check that every public name is on a page of the reference."""

from __future__ import annotations

from ast import List, literal_eval, parse
from pathlib import Path
from typing import Any

__all__ = ["MODULES", "missing", "public", "report_missing"]

MODULES = (
    "theory",
    "theory.symbols",
    "theory.observables",
    "verify",
    "verify.strategies",
    "verify.testing",
    "verify.pytorch",
)
"""The modules that users import from."""
ROOT = Path(__file__).parents[2]


def public(module: str) -> list[str]:
    """The names in a module's ``__all__``, read from its source: PyTorch need not be there.

    >>> "n_0" in public("theory.symbols"), "coordinate_check" in public("verify.pytorch")
    (True, True)
    """
    folder = ROOT.joinpath(*module.split("."))
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    for node in parse(file.read_text(encoding="utf-8")).body:
        targets = getattr(node, "targets", ())
        if [getattr(target, "id", None) for target in targets] == ["__all__"]:
            names = node.value  # type: ignore[attr-defined]
            assert isinstance(names, List)
            return list(literal_eval(names))
    raise AssertionError(f"{module} has no __all__")


def missing(described: set[str]) -> list[str]:
    """Public names without a description, in full.

    >>> described = {f"{module}.{name}" for module in MODULES for name in public(module)}
    >>> missing(described), missing(described - {"theory.derive"})
    ([], ['theory.derive'])
    """
    names = [f"{module}.{name}" for module in MODULES for name in public(module)]
    return [name for name in names if name not in described]


def report_missing(app: Any, env: Any) -> None:
    """Warn, which fails the build, of each public name without an entry."""
    from sphinx.util.logging import getLogger

    for name in missing(set(env.get_domain("py").objects)):
        getLogger(__name__).warning("public name %s is on no page of the reference", name)
