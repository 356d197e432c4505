"""The wheel as a stranger installs it, used from an empty folder."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.tools.paths import ROOT

USE = """
import theory, verify
print(theory.__file__)
print(theory.squared_update(theory.MLP()).leading())
print(verify.monte_carlo(theory.MLP(4, 2), samples=128, seed=1).samples)
from verify.report import page
print(sorted(page.environment().list_templates(["css", "html", "js"])))
"""


def call(*arguments: str, cwd: Path, path: Path | None = None) -> str:
    environment = None if path is None else {"PYTHONPATH": str(path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_holds_the_two_packages_and_works_from_an_empty_folder(tmp_path: Path) -> None:
    call("-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT), cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"theory", "verify"}
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    pip = ("-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel))
    call(*pip, cwd=empty)
    file, law, samples, templates = call("-c", USE, cwd=empty, path=site).splitlines()
    assert Path(file).is_relative_to(site)
    assert law == "L**3*eta**2/3"
    assert samples == "128"
    assert templates == "['explorer.js', 'page.html', 'style.css']"
