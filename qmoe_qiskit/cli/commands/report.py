"""`qmoe report`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import console, write_json
from qmoe_qiskit.cli.output.study import summary_document


def report(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of studies.")],
    *,
    index: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Page with the verdicts of all studies; by default, for several studies, "
            "index.html in their common parent folder.",
        ),
    ] = None,
    figures_format: common.FiguresFormat = "png",
    as_json: common.Json = False,
) -> None:
    """Write the reports of finished studies again, from their results.

    A report is a page that needs no other file and no network (report.html), the same as Markdown,
    its tables as CSV, and its figures.
    """
    from qmoe_qiskit.studies.report.write import PAGE, check_index, write_index
    from qmoe_qiskit.studies.report_from_folder import report_folder

    paths = list(dict.fromkeys(folders))
    if index is None and len(paths) > 1:
        index = Path(os.path.commonpath([path.resolve() for path in paths])) / "index.html"
    if index is not None:
        check_index(index.resolve())  # before minutes are spent on reports
    made = {path: report_folder(path, figures_format=figures_format) for path in paths}
    if index is not None:
        entries = [
            (path.resolve(), study.name, study.title, summary)
            for path, (study, summary, _) in made.items()
        ]
        write_index(index.resolve(), entries)
    if as_json:
        reports = [
            {
                "study": study.name,
                "title": study.title,
                "out": str(path),
                **summary_document(summary),
                "files": files,
            }
            for path, (study, summary, files) in made.items()
        ]
        write_json({"reports": reports, "index": None if index is None else str(index)})
        return
    screen = console()
    for path, (study, summary, _) in made.items():
        screen.print(study.title)
        for verdict in summary.verdicts:
            screen.print(f"  {verdict}")
        screen.print(f"Report: {path / PAGE}\n", soft_wrap=True)
    if index is not None:
        screen.print(f"Index: {index}", soft_wrap=True)
