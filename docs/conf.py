"""Settings of the documentation site: ``make docs`` builds it offline, with warnings as errors."""

import os
from importlib.metadata import version as version_of

project = "cxrfactory"
author = "The cxrfactory developers"
copyright = author
version = release = version_of("cxrfactory")

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx_design"]
exclude_patterns = ["_build", "jupyter_execute"]
html_theme = "pydata_sphinx_theme"
html_title = "cxrfactory"
html_static_path: list[str] = []
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "header_links_before_dropdown": 7,
    "navbar_end": ["theme-switcher"],
}

# The anchors of headings are those that the pages already use between themselves.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

# Notebooks are run when they, or the package, changed; a cell that fails fails the build.
nb_execution_mode = os.environ.get("CXRFACTORY_DOCS_EXECUTE", "cache")
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True

autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False


def _inside(app, docname: str, source: list[str]) -> None:
    """Lead links to files above docs/ to the pages that include these files."""
    for name in ("CONTRIBUTING", "CHANGELOG"):
        source[0] = source[0].replace(f"](../{name}.md", f"]({name.lower()}.md")


def setup(app) -> None:
    """Connect the hook above; Sphinx calls this function."""
    app.connect("source-read", _inside)
