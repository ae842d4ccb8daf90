"""Pages of studies as HTML: one self-contained file per page, without scripts."""

from collections.abc import Mapping, Sequence

from qmoe_qiskit.figures.pages.html import embedded, environment
from qmoe_qiskit.stats.types import VerdictOutcome
from qmoe_qiskit.studies.report.page import (
    HOW_JUDGED,
    HOW_LISTED,
    HOW_MADE,
    HOW_SET,
    Page,
    counts,
)
from qmoe_qiskit.studies.report.task_list import LIST

# Words and signs tell outcomes apart, not colour alone.
_SIGNS: dict[VerdictOutcome, str] = {"supported": "✓", "not supported": "✗", "undecided": "?"}
# Every page made here contains this mark; a file without it is somebody else's.
MARK = '<meta name="generator" content="qmoe report">'


def page_html(page: Page) -> str:
    """Return the page of a study as HTML, its figures embedded."""
    return _render(
        "study_page.html.jinja",
        page=page,
        images={figure.name: embedded(figure.png) for figure in page.figures},
        how={"judged": HOW_JUDGED, "made": HOW_MADE, "listed": HOW_LISTED, "set": HOW_SET},
        task_list=LIST,
    )


def index_html(studies: Sequence[Mapping[str, object]]) -> str:
    """Return a page with the verdicts of several studies and links to their pages.

    Args:
        studies: For each study name, title, verdicts and href, the page's path from the index.
    """
    return _render("study_index.html.jinja", studies=studies)


def _render(template: str, **values: object) -> str:
    templates = environment("qmoe_qiskit.studies.report")
    text = templates.get_template(template).render(counts=counts, signs=_SIGNS, **values)
    return text + "\n"
