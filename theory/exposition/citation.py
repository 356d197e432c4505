"""A reference says how to cite the theorem, or this software, as BibTeX and in a bibliography."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from theory.coverage import answered

__all__ = ["REFERENCES", "VERSION", "Reference", "bibliography", "bibtex"]

VERSION = "0.1.0"
"""The version of mup-depth, as in setup.cfg."""


@dataclass(frozen=True)
class Reference:
    """One reference: its BibTeX kind and key, and its fields in LaTeX."""

    kind: str
    key: str
    fields: Mapping[str, str]

    def bibtex(self) -> str:
        """The BibTeX entry."""
        width = max(map(len, self.fields))
        lines = (f"  {name:<{width}} = {{{value}}}," for name, value in self.fields.items())
        return "\n".join([f"@{self.kind}{{{self.key},", *lines, "}"])

    def item(self) -> str:
        """The entry of a bibliography that needs no BibTeX."""
        names = self.fields["author"].strip("{}").split(" and ")
        authors = ", ".join(" ".join(reversed(name.split(", "))) for name in names)
        where = self.fields.get("journal") or self.fields["note"]
        said = rf"{authors}. \emph{{{self.fields['title']}}}. {where}, {self.fields['year']}."
        return rf"\bibitem{{{self.key}}} {said}"


REFERENCES = (
    Reference(
        "article",
        "jelassi2023depth",
        {
            "author": "Jelassi, Samy and Hanin, Boris and Ji, Ziwei and Reddi, Sashank J. and "
            "Bhojanapalli, Srinadh and Kumar, Sanjiv",
            "title": r"Depth Dependence of {$\mu$P} Learning Rates in {ReLU} {MLPs}",
            "journal": "arXiv preprint arXiv:2305.07810",
            "year": "2023",
            "eprint": "2305.07810",
            "archiveprefix": "arXiv",
            "primaryclass": "cs.LG",
            "doi": "10.48550/arXiv.2305.07810",
        },
    ),
    Reference(
        "misc",
        "mupdepth",
        {
            "author": "{The mup-depth developers}",
            "title": "{mup-depth}: exact theory of how learning rates must scale with depth",
            "note": f"Software, version {VERSION}",
            "year": "2026",
        },
    ),
)
"""The theorem that the law Theta(eta^2 l^3) is, and the software that makes it exact."""


@answered
def bibtex() -> str:
    """BibTeX entries for the paper arXiv 2305.07810 and for this software.

    >>> from theory import bibtex
    >>> print(bibtex().splitlines()[0])
    @article{jelassi2023depth,
    """
    return "\n\n".join(reference.bibtex() for reference in REFERENCES)


def bibliography() -> str:
    """The same as the ``thebibliography`` of a document that compiles as it stands."""
    items = (reference.item() for reference in REFERENCES)
    return "\n".join([r"\begin{thebibliography}{9}", *items, r"\end{thebibliography}"])
