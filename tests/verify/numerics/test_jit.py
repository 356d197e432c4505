"""The digest of compiled code changes with every module that the code may come from, in whatever
folder, and with no other module."""

import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from verify.numerics import philox as random_words
from verify.numerics.compiled import PACKAGE, sources_digest

philox: Any = random_words.philox

KERNEL = "from verify.numerics.compiled import kernel\nfrom verify import places as at\n"
MODULES = {
    "numerics/compiled": "",
    "passes": KERNEL,
    "places": "from verify.deep.down.numbers import ONE\n",
    "deep/down/numbers": "ONE = 1\n",
    "above": "from verify.passes import forward\n",
}


def digest(folder: Path, name: str, **changed: str) -> str:
    """The stamp of passes.py in a folder of its own."""
    for module, text in (MODULES | changed).items():
        path = folder / name / f"{module}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return sources_digest(folder / name / "passes.py", folder / name)


@pytest.mark.parametrize(
    ("changed", "text", "same"),
    [
        ("passes", KERNEL, True),
        ("passes", KERNEL + "\n", False),
        ("deep/down/numbers", "ONE = 2\n", False),
        ("numerics/compiled", "OPTIONS = 1\n", False),
        ("above", "import verify.passes\n", True),
    ],
)
def test_it_follows_what_a_module_imports_and_nothing_else(
    tmp_path: Path, changed: str, text: str, same: bool
) -> None:
    plain = digest(tmp_path, "plain")
    assert (digest(tmp_path, "changed", **{changed: text}) == plain) is same


def test_a_file_elsewhere_may_hold_code_of_the_modules_that_it_imports(tmp_path: Path) -> None:
    (tmp_path / "bench.py").write_text("from verify.places import ONE\n", encoding="utf-8")
    stamps = []
    for text in ("ONE = 1\n", "ONE = 2\n"):
        digest(tmp_path, text.strip(), **{"deep/down/numbers": text})
        stamps.append(sources_digest(tmp_path / "bench.py", tmp_path / text.strip()))
    assert stamps[0] != stamps[1]


def test_an_entry_of_other_sources_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiled functions of older sources may name modules that are gone."""
    file = philox._cache._cache_file
    index = tmp_path / "index"
    monkeypatch.setattr(file, "_index_path", str(index))
    version, _, _ = file._version.partition(" ")
    index.write_bytes(pickle.dumps(f"{version} older") + b"cverify.gone\nState\n.")
    assert file._load_index() == {}
    index.write_bytes(pickle.dumps(file._version) + b"cverify.gone\nState\n.")
    with pytest.raises(ModuleNotFoundError):
        file._load_index()


@pytest.mark.parametrize("source", ["runs/sampling.py", "samplers/gram/relu_passes.py"])
def test_an_edit_of_a_deep_module_changes_the_digest_of_samples_and_of_passes(
    tmp_path: Path, source: str
) -> None:
    digests = []
    for name, edit in (("before", ""), ("after", "# edited\n")):
        copy = tmp_path / name
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        with (copy / "numerics" / "philox.py").open("a", encoding="utf-8") as file:
            file.write(edit)
        digests.append(sources_digest(copy / source, copy))
    assert digests[0] == sources_digest(PACKAGE / source)
    assert digests[0] != digests[1]
