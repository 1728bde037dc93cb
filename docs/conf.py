"""Sphinx configuration: the manual, with the tutorials run and rendered from their scripts."""

from importlib.metadata import version as _version

project = "symnet"
author = "symnet developers"
copyright = "2026, symnet developers"
version = release = _version("symnet")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
]
autosummary_generate = True
autodoc_typehints = "description"
exclude_patterns = ["_build"]
html_theme = "alabaster"

sphinx_gallery_conf = {
    "examples_dirs": "../tutorials",
    "gallery_dirs": "tutorials",
    # All are rendered; these are quick enough to be run for their output and picture, too.
    "filename_pattern": r"/logistic_regression\.py$",
    "ignore_pattern": r"(^|/)_\w*\.py$",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
}
