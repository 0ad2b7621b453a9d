"""How Sphinx builds these pages: `make docs`."""

from __future__ import annotations

import re
from typing import Any

from preceptor import __version__
from preceptor.benchmarks import base
from preceptor.benchmarks.manifest import Manifest
from preceptor.graders.judge import Judge
from preceptor.protocols import judging

# Annotations are evaluated for these pages; the modules import two of them for type checkers alone.
base.Manifest, judging.Judge = Manifest, Judge

project = "Preceptor"
author = "The Preceptor authors"
project_copyright = "the Preceptor authors, Apache-2.0"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "examples"]
myst_heading_anchors = 3
smartquotes = False  # an option is written with two hyphens

html_theme = "furo"
html_title = f"Preceptor {release}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False


def one_name_an_entry(*arguments: Any) -> None:
    """``a, b`` with one text becomes two entries: napoleon takes it for a name and its type."""
    lines: list[str] = arguments[-1]
    done: list[str] = []
    for line, body in zip(lines, [*lines[1:], ""], strict=True):
        names = line.split(", ")
        if re.fullmatch(r"\w+(, \w+)+", line) and body.startswith("    "):
            for other in names[:-1]:
                done += [other, f"    See ``{names[-1]}``."]
            done.append(names[-1])
        else:
            done.append(line)
    lines[:] = done


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", one_name_an_entry, priority=100)
