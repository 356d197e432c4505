"""The transfer study's figures, drawn at build from the numbers that the study keeps.

The files next to the pages are for readers of the sources; the site shows the figures drawn here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["draw_figures"]


def draw_figures(app: Any, exception: Exception | None) -> None:
    """Put the figures drawn now in the place of the files that the site has copied.

    >>> from tempfile import mkdtemp
    >>> from types import SimpleNamespace
    >>> app = SimpleNamespace(outdir=mkdtemp(), builder=SimpleNamespace(format="html"))
    >>> images = Path(app.outdir) / "_images"
    >>> images.mkdir()
    >>> for name in ("transfer.svg", "one-factor.svg"):
    ...     (images / name).touch()
    >>> draw_figures(app, None)
    >>> ["<svg" in path.read_text(encoding="utf-8") for path in images.iterdir()]
    [True, True]
    """
    if exception is not None or app.builder.format != "html":
        return
    from studies.transfer import FIGURES, draw, kept_results

    images = Path(app.outdir) / "_images"
    for name in FIGURES:
        if not (images / name).exists():
            raise FileNotFoundError(f"{name} is on no page, or the site keeps it elsewhere")
    draw(kept_results(), images)
