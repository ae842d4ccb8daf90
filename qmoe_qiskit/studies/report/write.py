"""The report of a study in its folder: a page as HTML and Markdown, tables as CSV, figures."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.io.atomic import write_atomically
from qmoe_qiskit.io.regular_files import read_regular
from qmoe_qiskit.studies.engine.folder import StudyRecord
from qmoe_qiskit.studies.report.html import MARK, index_html, page_html
from qmoe_qiskit.studies.report.markdown import page_markdown
from qmoe_qiskit.studies.report.page import make_page
from qmoe_qiskit.studies.report.summary import Summary
from qmoe_qiskit.studies.report.tables import to_csv
from qmoe_qiskit.studies.report.task_list import LIST, ListedTask, tasks_csv

PAGE = "report.html"


def write_report(
    folder: Path,
    record: StudyRecord,
    summary: Summary,
    *,
    hashes: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
    tasks: Sequence[ListedTask] = (),
    figures_format: str = "png",
) -> list[str]:
    """Write the report of a study: the same bytes for the same arguments.

    Args:
        folder: Existing folder of the study; a report in it is replaced.
        record: Record of the study: name, title, settings, seeds, versions and command.
        summary: Summary of the results.
        hashes: SHA-256 hashes of the noise profiles that the numbers depend on, by name.
        defaults: Default settings as JSON values; the report marks values that differ.
        tasks: Results that the report lists.
        figures_format: Format of files with the figures, beside PNG, which the pages show.

    Returns:
        Names of the files written, below the folder: report.html (one page that needs no other
        file), report.md, tables/NAME.csv, figures/NAME.png, the figures in another format, and
        tasks.csv if there are tasks.

    Raises:
        OSError: If the folder cannot be written to.
    """
    _check_names([table.name for table in summary.tables])
    _check_names([figure.name for figure in summary.figures])
    page = make_page(
        record,
        summary,
        hashes=hashes or {},
        defaults=defaults or {},
        tasks=tasks,
        figures_format=figures_format,
    )
    files = {f"tables/{table.name}.csv": to_csv(table).encode() for table in summary.tables}
    files |= {f"figures/{figure.name}.png": figure.png for figure in page.figures}
    files |= {
        f"figures/{figure.name}.{figures_format}": figure.other
        for figure in page.figures
        if figure.other is not None
    }
    files |= {LIST: tasks_csv(tasks).encode()} if tasks else {}
    files |= {"report.md": page_markdown(page).encode(), PAGE: page_html(page).encode()}
    for path, content in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        write_atomically(folder / path, content)
    return list(files)


def write_index(path: Path, studies: Sequence[tuple[Path, str, str, Summary]]) -> None:
    """Write one page with the verdicts of several studies and links to their reports.

    Args:
        path: Path of the page; an earlier index there is replaced.
        studies: Folder, name, title and summary of each study.

    Raises:
        InputError: If another file has this path, or the page cannot be written.
    """
    check_index(path)
    entries = [
        {
            "name": name,
            "title": title,
            "verdicts": summary.verdicts,
            "href": quote(Path(os.path.relpath(folder / PAGE, path.parent)).as_posix()),
        }
        for folder, name, title, summary in studies
    ]
    try:
        write_atomically(path, index_html(entries).encode())
    except OSError as error:
        raise InputError(
            f"{str(path)!r} cannot be written ({error.strerror or error}): make room, or name "
            "another file for the index"
        ) from error


def check_index(path: Path) -> None:
    """Refuse a file that an index must not replace.

    Raises:
        InputError: If the file is not an index made by this project.
    """
    try:
        replaceable = not path.exists() or MARK.encode() in read_regular(
            path, limits.DOCUMENT_BYTES
        )
    except OSError:  # a folder, or what cannot be read
        replaceable = False
    if not replaceable:
        raise InputError(
            f"{str(path)!r} exists and is no index of reports: name another file for the index"
        )


def _check_names(names: Sequence[str]) -> None:
    """Assert that names suit files and links, and that no name is used twice."""
    assert len(set(names)) == len(names), names
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in names), names
