"""Settings of the documentation: ``make docs`` writes it to ``docs/_build``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyg_skeletonmae

# Sphinx reads what lies below this folder alone. The notebooks are shown as they are stored.
HERE = Path(__file__).parent
shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", dirs_exist_ok=True)

project = "pyg_skeletonmae"
author = "The pyg_skeletonmae authors"
copyright = "2026, " + author
release = version = pyg_skeletonmae.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "notebooks/.ipynb_checkpoints"]
html_theme = "furo"
html_title = f"pyg_skeletonmae {release}"

nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"  # signatures stay short, each argument has its type
autodoc_typehints_description_target = "documented_params"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = ["Shapes"]
