"""Pages of studies as HTML: one self-contained file per page, without scripts."""

import struct
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from qmoe_qiskit.figures.style import DPI
from qmoe_qiskit.stats.types import VerdictOutcome
from qmoe_qiskit.studies.report.page import (
    HOW_JUDGED,
    HOW_LISTED,
    HOW_MADE,
    HOW_SET,
    DrawnFigure,
    Page,
    counts,
)
from qmoe_qiskit.studies.report.task_list import LIST

# Words and signs tell outcomes apart, not colour alone.
_SIGNS: dict[VerdictOutcome, str] = {"supported": "✓", "not supported": "✗", "undecided": "?"}
_CSS_DPI = 96
# Every page made here contains this mark; a file without it is somebody else's.
MARK = '<meta name="generator" content="qmoe report">'


def page_html(page: Page) -> str:
    """Return the page of a study as HTML, its figures embedded."""
    return _render(
        "study_page.html.jinja",
        page=page,
        images={figure.name: _image(figure) for figure in page.figures},
        how={"judged": HOW_JUDGED, "made": HOW_MADE, "listed": HOW_LISTED, "set": HOW_SET},
        task_list=LIST,
    )


def index_html(studies: Sequence[Mapping[str, object]]) -> str:
    """Return a page with the verdicts of several studies and links to their pages.

    Args:
        studies: For each study name, title, verdicts and href, the page's path from the index.
    """
    return _render("study_index.html.jinja", studies=studies)


def _image(figure: DrawnFigure) -> dict[str, Any]:
    """Return a PNG file as a data URI with its size on the page, in CSS pixels."""
    width, height = struct.unpack(">II", figure.png[16:24])
    return {
        "uri": f"data:image/png;base64,{b64encode(figure.png).decode()}",
        "width": round(width * _CSS_DPI / DPI),
        "height": round(height * _CSS_DPI / DPI),
    }


def _render(template: str, **values: object) -> str:
    text = _environment().get_template(template).render(counts=counts, signs=_SIGNS, **values)
    return text + "\n"


def _environment() -> Environment:
    # Names and sentences come from users: only the templates themselves are markup.
    return Environment(
        loader=PackageLoader("qmoe_qiskit.studies.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
