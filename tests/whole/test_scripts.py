"""The commands as they are installed: one script each, and metadata that uv can read."""

import configparser
import os
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.tools.paths import ROOT
from theory.command import SCRIPTS


def test_each_command_has_its_script() -> None:
    installed = entry_points(group="console_scripts")
    assert {each.name for each in installed if each.name in SCRIPTS} == set(SCRIPTS)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_ends_with_the_exit_code_of_its_command(name: str) -> None:
    script = Path(sys.executable).with_name(name)
    done = subprocess.run([script, "--width", "-1"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "width=-1" in done.stderr


def test_uv_reads_the_metadata_of_setup_cfg() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert project["name"] == setup["metadata"]["name"]
    assert project["requires-python"] == setup["options"]["python_requires"]
    assert set(project) == {"name", "requires-python", "dynamic"}


@pytest.mark.slow
def test_the_site_documents_verify_pytorch_without_pytorch() -> None:
    """Every module of PyTorch that ``verify.pytorch`` uses while it loads has a stand-in."""
    code = (
        "import absent_torch; absent_torch.find_spec = lambda name: None; "
        "absent_torch.stand_in(); import verify.pytorch"
    )
    search = f"{ROOT / 'docs' / 'site'}:{ROOT}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": search},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
