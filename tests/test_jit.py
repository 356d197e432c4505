"""The stamp of compiled code: it changes with every module that compiled code may come from."""

from pathlib import Path

from verify.jit import sources_digest

KERNEL = "from verify.jit import kernel\nfrom verify import places as at\n"
MODULES = {
    "jit": "",
    "passes": KERNEL,
    "places": "from verify.numbers import ONE\n",
    "numbers": "ONE = 1\n",
    "table": "import passes_in_words\n",
}


def digest(folder: Path, **changed: str) -> str:
    for name, text in (MODULES | changed).items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return sources_digest(folder)


def test_it_follows_imports_of_compiled_modules_and_nothing_else(tmp_path: Path) -> None:
    plain = digest(tmp_path)
    assert digest(tmp_path) == plain
    assert digest(tmp_path, numbers="ONE = 2\n") != plain
    assert digest(tmp_path, jit="OPTIONS = 1\n") != plain
    assert digest(tmp_path, table="import verify.passes\n") == plain
