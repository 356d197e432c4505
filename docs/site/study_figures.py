"""The transfer study's figure, drawn at build from the numbers that the study keeps.

The file beside the pages is for readers of the sources; the site shows the one drawn here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["FIGURE", "draw_figures", "place"]

FIGURE = "transfer.svg"


def place(site: Path) -> Path:
    """Where a built site keeps the figure.

    >>> place(Path("build")).as_posix()
    'build/_images/transfer.svg'
    """
    return site / "_images" / FIGURE


def draw_figures(app: Any, exception: Exception | None) -> None:
    """Put the figure drawn now in the place of the file that the site has copied.

    >>> from tempfile import mkdtemp
    >>> from types import SimpleNamespace
    >>> app = SimpleNamespace(outdir=mkdtemp(), builder=SimpleNamespace(format="html"))
    >>> place(Path(app.outdir)).parent.mkdir()
    >>> place(Path(app.outdir)).write_text("copied")
    6
    >>> draw_figures(app, None)
    >>> "<svg" in place(Path(app.outdir)).read_text(encoding="utf-8")
    True
    """
    if exception is not None or app.builder.format != "html":
        return
    from studies.transfer import draw, kept_results

    if not place(Path(app.outdir)).exists():
        raise FileNotFoundError(f"{FIGURE} is on no page, or the site keeps it elsewhere")
    draw(kept_results()[0], place(Path(app.outdir)))
