"""The content of a study's page, independent of the format."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from matplotlib.figure import Figure

from qmoe_qiskit.figures.style import DPI, figure_bytes, local_style
from qmoe_qiskit.stats.types import Verdict, VerdictOutcome
from qmoe_qiskit.studies.engine.folder import StudyRecord
from qmoe_qiskit.studies.report.settings_toml import settings_toml
from qmoe_qiskit.studies.report.summary import FigureSpec, Summary
from qmoe_qiskit.studies.report.tables import ShownTable, shown_table
from qmoe_qiskit.studies.report.task_list import LIST, ListedTask, kinds_of

OUTCOMES: tuple[VerdictOutcome, ...] = ("supported", "not supported", "undecided")
HOW_JUDGED = (
    "An outcome needs a two-sided p-value below 0.05 in a sign-flip test of the paired "
    "differences, after Holm's correction over all claims of the study, and a 95 % bootstrap "
    "interval that agrees. A claim that is neither is undecided."
)
HOW_MADE = (
    "This command makes every number above, with these settings, seeds and versions. It does not "
    "compute stored results again."
)
HOW_LISTED = (
    f"The tables are made from results, one file per task. {LIST} lists these files with the "
    "settings of their tasks: a row of a table is made from the results of the kind named below "
    "the table with the settings, such as the router, that the row names."
)
HOW_SET = "A file for --settings that makes the same tasks again, even if the defaults change:"


@dataclass(frozen=True, kw_only=True)
class DrawnFigure:
    """A figure as files.

    Attributes:
        name: Name of the files, without their ending.
        caption: Sentence that says what the figure shows.
        png: Content of the PNG file, which pages show.
        other: Content of the file in another format, or None.
    """

    name: str
    caption: str
    png: bytes
    other: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything that a report says.

    Attributes:
        name: Name of the study on the command line.
        title: Question that the study answers.
        seeds: The seeds in words.
        verdicts: Verdicts of the summary.
        tables: Tables of the summary as text.
        figures: Figures of the summary as PNG files.
        remarks: Remarks of the summary.
        command: Command that makes the report.
        settings: Settings as a TOML file.
        kinds: Number of listed results of each kind of task.
        records: Seeds, versions and hashes, each as a heading with texts by name.
    """

    name: str
    title: str
    seeds: str
    verdicts: tuple[Verdict, ...]
    tables: tuple[ShownTable, ...]
    figures: tuple[DrawnFigure, ...]
    remarks: tuple[str, ...]
    command: str
    settings: str
    kinds: dict[str, int]
    records: tuple[tuple[str, dict[str, str]], ...]


def make_page(
    record: StudyRecord,
    summary: Summary,
    *,
    hashes: Mapping[str, str],
    defaults: Mapping[str, Any],
    tasks: Sequence[ListedTask],
    figures_format: str = "png",
) -> Page:
    """Return the page of a study, with its figures drawn; see `write_report`."""
    kinds, seeds = dict(Counter(task.kind for task in tasks)), _seeds(record.seeds)
    records = {"Seeds": {"seeds": seeds}, "Versions": record.versions, "SHA-256": hashes}
    return Page(
        name=record.name,
        title=record.title,
        seeds=f"{'seed' if len(record.seeds) == 1 else f'{len(record.seeds)} seeds:'} {seeds}",
        verdicts=summary.verdicts,
        tables=tuple(
            replace(shown_table(table), kinds=kinds_of(table.source, list(kinds)))
            for table in summary.tables
        ),
        figures=tuple(_drawn(spec, figures_format) for spec in summary.figures),
        remarks=summary.remarks,
        command=shlex.join(record.command),
        settings=settings_toml(record.settings, defaults),
        kinds=kinds,
        records=tuple((heading, dict(values)) for heading, values in records.items() if values),
    )


def counts(verdicts: Sequence[Verdict]) -> str:
    """Return the number of verdicts with each outcome, in words."""
    found = Counter(verdict.outcome for verdict in verdicts)
    return ", ".join(f"{found[outcome]} {outcome}" for outcome in OUTCOMES if found[outcome])


def _drawn(spec: FigureSpec, figures_format: str) -> DrawnFigure:
    with local_style():
        figure = Figure(figsize=spec.size, dpi=DPI, layout="constrained")
        figure = spec.draw(figure) or figure
    other = None if figures_format == "png" else figure_bytes(figure, figures_format)
    return DrawnFigure(name=spec.name, caption=spec.caption, png=figure_bytes(figure), other=other)


def _seeds(seeds: Sequence[int]) -> str:
    """Return seeds in words: "0 to 19", or one by one."""
    if len(seeds) > 2 and all(after == before + 1 for before, after in pairwise(seeds)):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))
