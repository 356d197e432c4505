"""Settings of the documentation site: `make docs` builds it from these pages into build/docs.

Formulas are drawn by one file of MathJax that a Python package carries and that draws them as SVG,
with no web fonts: the site loads nothing from a network.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "site")]
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])

project = "mup-depth"
author = "The mup-depth developers"
copyright = f"2026, {author}"  # noqa: A001  Sphinx's name
html_title = "mup-depth"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["site"]
highlight_language = "text"

# Pages are Markdown that a code host shows too; those that name a kernel at the top are notebooks.
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True

autodoc_default_options = {"members": True, "imported-members": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
default_role = "py:obj"
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False


def _shipped_mathjax() -> Path:
    package = find_spec("sphinx-mathjax-offline")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("MathJax is missing; install the extra: pip install '.[docs]'")
    return Path(package.origin).parent / "static" / "mathjax" / "tex-svg.js"


if "sphinx" in sys.modules:
    html_static_path.append(str(_shipped_mathjax()))
mathjax_path = "tex-svg.js"


def setup(app: Any) -> None:
    """Fail the build for a public name on no page, and for a wrong output."""
    from absent_torch import stand_in
    from docstrings import escape_bars
    from examples import run_examples
    from printed_tables import mark_printed_tables
    from public_names import report_missing
    from study_figures import draw_figures

    stand_in()
    app.connect("autodoc-process-docstring", escape_bars)
    app.connect("source-read", run_examples)
    app.connect("doctree-resolved", mark_printed_tables)
    app.connect("env-check-consistency", report_missing)
    app.connect("build-finished", draw_figures)
