"""Docstrings as Sphinx reads them: a vertical bar is a bar, and what is not ours is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", _escape_bars)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _escape_bars(_app: Any, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:  # noqa: ANN401, E501
    """Escape what reStructuredText would take for a substitution, but not in examples."""
    example = False
    for number, line in enumerate(lines):
        example = (example and bool(line.strip())) or line.lstrip().startswith(">>>")
        if not example:
            lines[number] = line.replace("|", r"\|")


def _skip(_app: Any, _what: str, name: str, _object: Any, _skip: bool, _options: Any) -> bool | None:  # noqa: ANN401, E501
    """Leave out the methods that scikit-learn generates for metadata routing."""
    return True if name.startswith("set_") and name.endswith("_request") else None
