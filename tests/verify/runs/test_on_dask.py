"""Where Dask is missing: one sentence says what to install; with it, see tests/extras."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from verify import cli


def test_the_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    arguments = ["--width", "8", "--depth", "1", "--samples", "100", "--dask", "tcp://here:1"]
    assert cli.main([*arguments, "--out", str(tmp_path / "run")]) == 2
    assert "pip install 'mup-depth[dask]'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_importing_the_packages_imports_no_extra() -> None:
    code = (
        "import sys, theory, verify, verify.cli; "
        "print({'distributed', 'pandas', 'pyarrow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
