"""`paper` writes the derivation and its results as a complete LaTeX document."""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Symbol

from theory.algebra.numerals import magnitude_latex
from theory.errors import InvalidArgument
from theory.exact.recursion import is_too_long
from theory.exposition.citation import bibliography
from theory.exposition.from_definition import derivation_steps
from theory.laws.update import squared_update
from theory.networks.network import Network
from theory.rates.rate import maximal_learning_rate
from theory.symbols import L, n
from theory.writing.blocks import Prose, Table
from theory.writing.notation import Math, prose_latex
from theory.writing.rendering import block_latex

__all__ = ["document", "paper"]

_PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{lmodern,microtype,amsmath,amssymb,booktabs,graphicx}
\usepackage[margin=26mm]{geometry}
\usepackage[hidelinks]{hyperref}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.6ex plus 0.3ex}
\newcommand{\evidence}[2]{\par{\small\emph{#1:} #2.\par}}
\newcommand{\formula}[1]{\par{\raggedright\leftskip=2em\hangindent=3em\hangafter=1
  \binoppenalty=0 \relpenalty=10 $\displaystyle #1$\par}}
\newcommand{\fitted}[1]{\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{#1}}
"""
_SIZES = ((64, 4), (64, 16), (256, 4), (256, 16), (256, 64), (1024, 16), (1024, 64), (1024, 256))
"""Widths and depths of the table of results."""


def document(title: str, body: str) -> str:
    """A whole LaTeX document with the references at its end."""
    return "\n".join(
        [
            _PREAMBLE + r"\begin{document}",
            rf"\begin{{center}}\LARGE {title}\end{{center}}",
            r"\bigskip",
            body,
            bibliography(),
            r"\end{document}",
            "",
        ]
    )


def paper(network: Network) -> str:
    r"""The derivation for ``network``, with a table of results, as a document.

    >>> from theory import MLP
    >>> print(paper(MLP(width=8, depth=2)).splitlines()[0])
    \documentclass[11pt,a4paper]{article}
    """
    if is_too_long(network):
        raise InvalidArgument(
            f"expected a network whose exact numbers can be written out for a paper, got "
            f"network={network}; leave out the width or the depth"
        )
    steps = "\n\n".join(step.latex() for step in derivation_steps(squared_update(network)))
    return document(
        "How far one gradient step moves a random network",
        "\n\n".join([_introduction(network), steps, *_results(network)]),
    )


def _introduction(network: Network) -> str:
    written = repr(network)
    if not network._is_chain:
        return (
            r"This text derives the mean squared change of the stream in one step of gradient "
            rf"descent exactly for \texttt{{{prose_latex(written)}}}, with \cite{{mupdepth}}, "
            r"which checks each step in exact arithmetic or names the tests that check it. A "
            r"plain network "
            r"of layers, whose largest safe learning rate falls like $L^{-3/2}$ "
            r"\cite{jelassi2023depth}, is derived the same way."
        )
    return (
        r"The mean squared change of a pre-activation in one step of gradient descent is "
        r"$\Theta(\eta^2\ell^3)$ in layer $\ell$ of a random ReLU network, so that the largest "
        r"safe learning rate falls like $L^{-3/2}$ \cite{jelassi2023depth}. This text derives the "
        rf"same quantity exactly for \texttt{{{prose_latex(written)}}}, with "
        r"\cite{mupdepth}, which checks each step in exact arithmetic or names the tests that "
        r"check it."
    )


def _results(network: Network) -> Iterator[str]:
    """Exact values and rates at a few sizes, where the sizes are open."""
    if (
        not network._is_chain
        or network.free_symbols - {n, L}
        or not isinstance(network.width, Symbol | int)
    ):
        return
    sizes = [pair for pair in _SIZES if _fits(network, *pair)]
    if len(sizes) < 2:
        return
    header = ("$n$", "$L$", "label", "output", "total", "rate", "rate/law")
    rows = tuple(_row(network._with(width=n_, depth=depth)) for n_, depth in sizes)
    yield r"\section{Results}"
    yield block_latex(
        Prose(
            "Exact $E[(Δz_i)²]/η²$ in the last layer, the two parts and the total, and the maximal "
            "learning rate, alone and over its leading term as $n → ∞$ and then $L → ∞$:"
        )
    )
    yield block_latex(Table(header, rows, "rr" + "r" * 5))


def _fits(network: Network, width: int, depth: int) -> bool:
    asked = ((network.width, width), (network.depth, depth))
    return all(isinstance(own, Symbol) or own == size for own, size in asked)


def _row(network: Network) -> tuple[str | Math, ...]:
    update = squared_update(network)
    rate = maximal_learning_rate(network).evaluate()
    law = maximal_learning_rate(network._with(width=None, depth=None)).leading()
    ratio = float(rate) / float(law.subs(L, network.depth))
    parts = (update.label, update.output, update)
    return (
        f"${network.width}$",
        f"${network.depth}$",
        *(Math("", magnitude_latex(part.evaluate())) for part in parts),
        Math("", magnitude_latex(rate)),
        f"${ratio:.4f}$",
    )
