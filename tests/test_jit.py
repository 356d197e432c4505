"""The stamp of compiled code: it changes with every module that the code may come from, and with
no other, so that what has not changed is not compiled again."""

from pathlib import Path

import pytest

from verify.numerics.compiled import sources_digest

KERNEL = "from verify.jit import kernel\nfrom verify import places as at\n"
MODULES = {
    "jit": "",
    "passes": KERNEL,
    "places": "from verify.numbers import ONE\n",
    "numbers": "ONE = 1\n",
    "above": "from verify.passes import forward\n",
}


def digest(folder: Path, name: str, **changed: str) -> str:
    """The stamp of passes.py in a folder of its own."""
    (folder / name).mkdir()
    for module, text in (MODULES | changed).items():
        (folder / name / f"{module}.py").write_text(text, encoding="utf-8")
    return sources_digest(folder / name / "passes.py", folder / name)


@pytest.mark.parametrize(
    ("changed", "text", "same"),
    [
        ("passes", KERNEL, True),
        ("passes", KERNEL + "\n", False),
        ("numbers", "ONE = 2\n", False),
        ("jit", "OPTIONS = 1\n", False),
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
        digest(tmp_path, text.strip(), numbers=text)
        stamps.append(sources_digest(tmp_path / "bench.py", tmp_path / text.strip()))
    assert stamps[0] != stamps[1]
