"""How Sphinx builds the site: `make docs`. Nothing is downloaded."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).with_name("_extensions")))

project = "qmoe-qiskit"
author = "the qmoe-qiskit authors"
project_copyright = author
release = version = version_of("qmoe-qiskit")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "qiskit_sphinx_theme",
    "command_reference",
    "docstrings",
]
exclude_patterns = ["_extensions"]
suppress_warnings = ["config.cache"]  # the theme sets a function

html_theme = "qiskit-ecosystem"
html_title = f"{project} {release}"
html_theme_options = {"sidebar_qiskit_ecosystem_member": False}
html_static_path = ["_static"]
html_css_files = ["site.css"]

# Docstrings put code between single backticks.
default_role = "code"
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
add_module_names = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# Each notebook is run once, and again when it changes.
nb_execution_mode = "cache"
nb_execution_cache_path = str(Path(__file__).parents[1] / "build" / "notebooks")
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
