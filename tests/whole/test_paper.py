"""The paper's text without a TeX: lines that break, prose that is escaped, data that agree."""

import re
from pathlib import Path

import pytest

from tests.tools.paths import ROOT
from theory import MLP, LeakyReLU, bibtex, squared_update
from theory.exposition.citation import REFERENCES
from theory.exposition.paper import paper
from theory.writing.blocks import Formulas, Line
from theory.writing.notation import Math, math_latex, prose_latex
from theory.writing.rendering import block_latex
from verify import compare_law
from verify.comparison.compare import comparison_record
from verify.comparison.table import run_latex
from verify.inference.numbers_in_text import LATEX, value_and_error
from verify.jobs.job import write_pictures


@pytest.mark.slow
@pytest.mark.parametrize("slope", ["0", "1/3", None])
def test_tex_may_break_long_formulas_between_terms(slope: str | None) -> None:
    activation = LeakyReLU() if slope is None else LeakyReLU(slope)
    formula = Math.of(squared_update(MLP(activation=activation)).output.exact)
    written = block_latex(Formulas((Line(Math("", "E"), formula),)))
    assert written.startswith(r"\formula{E = ")
    assert written.count(r"\Bigl(") == written.count(r"\Bigr)") > 0
    assert written.count(r"\left(") == written.count(r"\right)") > 0
    assert not re.search(r"\\left\((?:(?!\\right).){60}", written)
    plain = re.sub(r"\\(?:left|right|Bigl|Bigr|allowbreak)|\s", "", written)
    assert plain == re.sub(r"\\(?:left|right)|\s", "", rf"\formula{{E = {formula.latex}}}")


def test_notation_for_a_terminal_is_read_as_latex() -> None:
    assert math_latex("E[(Δz_i)²]/η²") == r"\mathbb{E}[(\Delta z_{i})^{2}]/\eta ^{2}"
    assert math_latex("W^(ℓ+1)ᵀ") == r"W^{(\ell +1)\mathsf T}"
    assert math_latex("x^(ℓ)") == r"x^{(\ell )}"
    assert prose_latex("50% of $|x|²$ & more_") == r"50\% of $\vert x\vert ^{2}$ \& more\_"
    assert value_and_error(9.0, 40.0, LATEX) == r"8 \times 10^{3} \pm 3 \times 10^{5}"


@pytest.mark.slow
def test_the_paper_holds_the_law_the_references_and_a_table() -> None:
    text = paper(MLP(depth=4))
    assert r"exactly for \texttt{MLP(depth=4)}" in text
    assert text.count(r"\formula{") > 10
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 3
    cited = set(re.findall(r"\\cite\{(\w+)\}", text))
    assert cited == {reference.key for reference in REFERENCES}
    assert all(rf"\bibitem{{{key}}}" in text for key in cited)
    assert "0.9291" in text


def test_references_agree_with_the_citation_file_and_the_package() -> None:
    cff = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    version = re.search(r"^version = (.*)$", setup, re.MULTILINE)
    released = re.search(r"^date-released: ((\d+)-\d+-\d+)", cff, re.MULTILINE)
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert version is not None
    assert released is not None
    theorem, software = REFERENCES
    assert f"version {version.group(1)}" in software.fields["note"]
    assert f"version: {version.group(1)}\n" in cff
    assert released.group(2) == software.fields["year"]
    assert f"## {version.group(1)}, {released.group(1)}\n" in changes
    title = re.sub(r"[{}]|\\$", "", software.fields["title"])
    assert f'title: "{title}"' in cff
    names = re.findall(r"family-names: (\w+), given-names: ([^}]+)", cff)
    assert theorem.fields["author"] == " and ".join(f"{last}, {first}" for last, first in names)
    assert f"arXiv:{theorem.fields['eprint']}" in cff
    assert theorem.fields["eprint"] in bibtex()


@pytest.mark.slow
def test_a_runs_files_are_a_table_and_a_vector_figure(tmp_path: Path) -> None:
    found = comparison_record(compare_law(networks=[MLP(16, 1), MLP(16, 2)], samples=500, seed=1))
    write_pictures(tmp_path, found)
    table = (tmp_path / "results.tex").read_text(encoding="utf-8")
    assert table == run_latex(found) + "\n"
    assert table.count(r"\\") == 4
    assert not re.search(r"(?<!\\)%", table)
    figure = (tmp_path / "rate.pdf").read_bytes()
    assert figure.startswith(b"%PDF")
    write_pictures(tmp_path, found)
    assert (tmp_path / "rate.pdf").read_bytes() == figure
