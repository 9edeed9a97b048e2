"""The documentation: ``sphinx-build -W notebooks notebooks/_build`` (extra "docs"); nothing is fetched.

The notebooks are shown as they are stored, with their outputs: ``run.py`` is what executes them. What can be read
off the package (reference, glossary, commands, the picture of the interval rule) is made by ``made.py`` at each build.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import made

import nwbin

project = "nwbin"
author = "The nwbin developers"
copyright = author
version = release = nwbin.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "run.py", "**.ipynb_checkpoints", "jupyter_execute"]
nb_execution_mode = "off"
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
smartquotes_action = "D"  # dashes; quotes stay what one types
suppress_warnings = ["mystnb.unknown_mime_type"]

autosummary_generate = False
autodoc_typehints = "none"  # the docstrings have them, with shapes and units of measure
autodoc_member_order = "alphabetical"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_param = True
napoleon_use_rtype = False
python_use_unqualified_type_names = True

nitpicky = True
# Types in docstrings are words for a reader ("mapping, optional"); what roles point at has to be there.
nitpick_ignore_regex = [(r"py:class", r".*"), (r"py:.*", r"(pandas|numpy|xarray|matplotlib)\..*")]

html_theme = "furo"
html_title = f"nwbin {release}"
html_static_path = ["_static"]
html_css_files = ["nwbin.css"]
html_show_sourcelink = False
html_copy_source = False
templates_path: list[str] = []


def no_type(app: Any, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Keep Napoleon from taking what stands before a property's first colon for its type."""
    if what == "property" and lines:
        lines[0] = f": {lines[0]}"


def one_name_each(app: Any, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Give each of several attributes that are described together its own entry, which Napoleon does not."""
    if "Attributes" not in lines:
        return
    first = at = lines.index("Attributes") + 2
    made: list[str] = []
    while at < len(lines):
        names = lines[at].split(", ") if re.fullmatch(r"\w+(, \w+)+", lines[at]) else [lines[at]]
        at += 1
        about: list[str] = []
        while len(names) > 1 and at < len(lines) and lines[at].startswith(" "):
            about.append(lines[at])
            at += 1
        for one in names:
            made += [one, *about]
    lines[first:] = made


def setup(app: Any) -> None:
    """Make what is made before anything is read."""
    made.write(Path(__file__).parent / "_made")
    app.connect("autodoc-process-docstring", no_type, priority=400)
    app.connect("autodoc-process-docstring", one_name_each, priority=400)
