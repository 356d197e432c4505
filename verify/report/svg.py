"""Matplotlib figures as SVG inside a page: its colours, names of their own, no size of its own."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib.figure import Figure

from verify.comparison.drawing import own_style

__all__ = ["INK", "PAPER", "SERIES", "inline_svg"]

INK, PAPER = "#010203", "#fcfdfe"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""The colours of Okabe and Ito, told apart by most colour-blind readers."""
_VARIABLES = {INK: "var(--ink)", PAPER: "var(--paper)"} | {
    colour: f"var(--series-{index})" for index, colour in enumerate(SERIES)
}
_STYLE: dict[str, Any] = {
    "svg.fonttype": "path",
    "svg.hashsalt": "mup-depth",
    "font.size": 10,
    "text.color": INK,
    "axes.facecolor": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": "small",
}
_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_SIZE = (4.7, 3.5)
"""Inches: drawn to be read at the width of a phone."""


def inline_svg(name: str, title: str, draw: Callable[[Figure], None]) -> Markup:
    """What ``draw`` puts on a figure as an ``svg`` element; equal drawings give equal text.

    ``name``: unlike that of any other figure of the page.  ``title``: said instead of the picture.
    """
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    with own_style(**_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        figure.patch.set_alpha(0.0)
        draw(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(buffer.getvalue())
    for child in [each for each in root if each.tag == f"{{{_SVG}}}metadata"]:
        root.remove(child)
    _without_styles(root)
    for element in root.iter():
        _rename(element, name)
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.attrib |= {"class": "plot", "role": "img", "aria-label": title}
    text = ElementTree.tostring(root, encoding="unicode")
    return Markup(_coloured(text, _VARIABLES))


def _without_styles(root: ElementTree.Element) -> None:
    """Style sheets would hold for the whole page."""
    for parent in list(root.iter()):
        for child in [each for each in parent if each.tag == f"{{{_SVG}}}style"]:
            parent.remove(child)


def _rename(element: ElementTree.Element, name: str) -> None:
    """Put ``name`` before each name and each reference to one."""
    for key, value in list(element.attrib.items()):
        if key == "id":
            element.set(key, f"{name}-{value}")
        elif key == f"{{{_LINK}}}href":
            element.set(key, value.replace("#", f"#{name}-", 1))
        elif "url(#" in value:
            element.set(key, value.replace("url(#", f"url(#{name}-"))


def _coloured(text: str, variables: Mapping[str, str]) -> str:
    for colour, variable in variables.items():
        text = text.replace(colour, variable)
    return text
