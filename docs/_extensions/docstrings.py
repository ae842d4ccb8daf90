"""Docstrings as Sphinx reads them: a vertical bar is a bar, and what is not ours is left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", _cleaned)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _cleaned(
    _app: Any, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]
) -> None:
    """Escape bars, which would begin a substitution, but not in examples."""
    example = False
    for number, line in enumerate(lines):
        example = (example and bool(line.strip())) or line.lstrip().startswith(">>>")
        if not example:
            # Roles that lead into the documentation of other libraries.
            line = re.sub(r":(?:ref|term):`~?([^`<]*?)(?: *<[^>]*>)?`", r"\1", line)  # noqa: PLW2901
            lines[number] = line.replace("|", r"\|")


def _skip(
    _app: Any, _what: str, name: str, _object: Any, _skip: bool, _options: Any
) -> bool | None:
    """Leave out the methods that scikit-learn generates for metadata routing."""
    routing = name == "get_metadata_routing" or re.fullmatch(r"set_\w+_request", name)
    return True if routing else None
