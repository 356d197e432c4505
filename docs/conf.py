"""Settings of the documentation site: `make docs` builds it from these pages into build/docs."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "pictures")]

project = "mup-depth"
author = "The mup-depth developers"
copyright = f"2026, {author}"  # noqa: A001  Sphinx's name
html_title = "mup-depth"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_generated"]
os.environ["PYTHONPATH"] = str(HERE.parent)
highlight_language = "text"
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(sympy|mpmath|numpy|np|hypothesis|st|concurrent|collections|fractions)\..*"),
    (r"py:.*", r"(?!(theory|verify)\.).*"),
]

# Pages are Markdown that a code host shows too; those that begin with a kernel's name are notebooks.
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
nb_number_source_lines = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
default_role = "any"
add_module_names = False

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
templates_path: list[str] = []


def _shipped_mathjax() -> Path:
    """The one file of MathJax that draws formulas as SVG: no fonts, nothing from a network."""
    package = find_spec("sphinx-mathjax-offline")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("MathJax is missing; install the extra: pip install '.[docs]'")
    return Path(package.origin).parent / "static" / "mathjax" / "tex-svg.js"


if "sphinx" in sys.modules:
    html_static_path.append(str(_shipped_mathjax()))
mathjax_path = "tex-svg.js"
