"""Where PyTorch is missing: everything else works, and one sentence says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest


def test_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("verify.pytorch")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'mup-depth\[pytorch\]'"):
        import verify.pytorch  # noqa: F401


def test_importing_the_packages_imports_neither_pytorch_nor_scikit_learn() -> None:
    code = "import sys, theory, verify, verify.cli; print({'torch', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
