"""A real TeX sets the paper, and the table and figure of a run, without a warning that matters."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from theory import MLP, LeakyReLU, bibtex
from theory.exposition.paper import document, paper
from verify import compare_law
from verify.comparison.compare import comparison_record
from verify.jobs.job import write_pictures

OVERFULL = 2.0
"""Points that a line may stick out."""
BODY = r"""\input{results.tex}
\begin{figure}[htbp]
\centering
\includegraphics[width=0.8\linewidth]{rate.pdf}
\caption{The maximal learning rate against depth: exact (lines), measured (marks, with two standard
errors; hollow where rare networks set the mean), and its leading term.}
\label{fig:rate}
\end{figure}"""
"""The LaTeX that shows both files of a run in a document."""
MISSING = (
    "{} is not installed: install TeX Live with its recommended LaTeX packages and Latin Modern "
    "fonts (Debian: apt-get install texlive-latex-recommended lmodern)"
)


def program(name: str) -> str:
    """The path of a program of TeX Live; the test fails with a sentence where it is missing."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(MISSING.format(name), pytrace=False)
    return found


def compiled(folder: Path, text: str) -> tuple[str, bytes]:
    """The log of the last of two runs of pdflatex on a document, and the PDF."""
    (folder / "paper.tex").write_text(text, encoding="utf-8")
    log = ""
    for _ in range(2):
        done = subprocess.run(
            [program("pdflatex"), "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        log = (folder / "paper.log").read_text(encoding="utf-8", errors="replace")
        assert done.returncode == 0, done.stdout[-2000:]
    return log, (folder / "paper.pdf").read_bytes()


def complaints(log: str) -> list[str]:
    """Warnings, undefined references and lines that stick out."""
    found = re.findall(r"^(?:LaTeX|Package .*) Warning:.*$", log, flags=re.MULTILINE)
    found += re.findall(r"^.*undefined.*$", log, flags=re.MULTILINE)
    found += re.findall(r"^Missing character.*$", log, flags=re.MULTILINE)
    for line, points in re.findall(r"^(Overfull .hbox \(([0-9.]+)pt.*)$", log, flags=re.MULTILINE):
        if float(points) > OVERFULL:
            found.append(line)
    return found


@pytest.mark.parametrize(
    "network",
    [
        MLP(),
        MLP(depth=3),
        MLP(width=100, depth=50),
        MLP(width=64),
        MLP((16, 32, 16), input_width=8),
        MLP(activation=LeakyReLU("1/3")),
        MLP(depth=3, activation=LeakyReLU("0.3")),
        MLP(activation=LeakyReLU()),
    ],
    ids=repr,
)
def test_the_paper_compiles_as_it_stands(network: MLP, tmp_path: Path) -> None:
    log, pdf = compiled(tmp_path, paper(network))
    assert not complaints(log)
    assert pdf.startswith(b"%PDF")
    assert re.search(r"Output written on paper.pdf \([2-9]\d* pages", log)


def test_a_runs_table_and_figure_compile(tmp_path: Path) -> None:
    grid = [MLP(width, depth) for width in (16, 32) for depth in (1, 2, 4, 16)]
    found = compare_law(networks=grid, samples=2000, seed=1)
    write_pictures(tmp_path, comparison_record(found))
    log, _ = compiled(tmp_path, document("What was measured", BODY))
    assert not complaints(log)
    assert "<./rate.pdf>" in log or "rate.pdf" in log
    assert b"/Subtype /Image" not in (tmp_path / "rate.pdf").read_bytes()


def test_a_runs_table_fits_the_page_of_an_article(tmp_path: Path) -> None:
    # Numbers as wide as those of the main job.
    grid = [MLP(64, 128), MLP(1024, 1024), MLP(10**6, 10_000)]
    found = compare_law(networks=grid, samples=1500, seed=1)
    write_pictures(tmp_path, comparison_record(found))
    packages = r"\usepackage{amssymb, booktabs, graphicx}"
    text = rf"\documentclass{{article}}{packages}\begin{{document}}{BODY}\end{{document}}"
    log, _ = compiled(tmp_path, text)
    assert not complaints(log)


def test_bibtex_reads_the_references(tmp_path: Path) -> None:
    (tmp_path / "all.bib").write_text(bibtex(), encoding="utf-8")
    aux = "\\citation{*}\n\\bibdata{all}\n\\bibstyle{plain}\n"
    (tmp_path / "all.aux").write_text(aux, encoding="utf-8")
    done = subprocess.run(
        [program("bibtex"), "all"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "Warning" not in done.stdout
    listed = (tmp_path / "all.bbl").read_text(encoding="utf-8")
    assert "Jelassi" in listed
    assert "mup-depth" in listed


def test_a_missing_tex_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(pytest.fail.Exception, match="apt-get install texlive-latex-recommended"):
        program("pdflatex")
