"""A run is kept for a LaTeX paper as a table and as a vector drawing."""

from __future__ import annotations

from pathlib import Path

from verify.comparison.record import RunRecord
from verify.comparison.table import run_latex
from verify.jobs.folder import write_whole

__all__ = ["TABLE", "VECTORS", "paper_body", "write_paper_files"]

TABLE, VECTORS = "results.tex", "rate.pdf"


def write_paper_files(folder: Path, record: RunRecord) -> None:
    """Write ``results.tex``, a table to be read by a LaTeX document with ``booktabs``, and
    ``rate.pdf``, its figure, to ``folder``."""
    from verify.comparison.figure import rate_image  # Matplotlib takes as long to load as all else

    write_whole(folder / TABLE, run_latex(record) + "\n")
    image = rate_image(record, "pdf")
    if image is not None:
        write_whole(folder / VECTORS, image)


def paper_body() -> str:
    r"""The LaTeX that shows both files in a document.

    >>> print(paper_body().splitlines()[0])
    \input{results.tex}
    """
    return "\n".join(
        [
            rf"\input{{{TABLE}}}",
            r"\begin{figure}[htbp]",
            r"\centering",
            rf"\includegraphics[width=0.8\linewidth]{{{VECTORS}}}",
            r"\caption{The maximal learning rate against depth: exact (lines), measured (marks, "
            r"with two standard errors; hollow where rare networks set the mean), and its leading "
            r"term.}",
            r"\label{fig:rate}",
            r"\end{figure}",
        ]
    )
