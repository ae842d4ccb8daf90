"""Sections of a study that has several parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from qmoe_qiskit.stats.verdicts import Claim, judge
from qmoe_qiskit.studies.report.summary import FigureSpec, Summary, Table


@dataclass(frozen=True, kw_only=True)
class StudySection:
    """Tables, claims, figures and remarks of a section; see `Summary`."""

    tables: tuple[Table, ...] = ()
    claims: tuple[Claim, ...] = ()
    figures: tuple[FigureSpec, ...] = ()
    remarks: tuple[str, ...] = ()


def combine_sections(sections: Sequence[StudySection]) -> Summary:
    """Combine the sections of a study, and judge all claims as one family.

    A correction per section would give each section its own chance of a wrong verdict.
    """
    return Summary(
        tables=tuple(chain.from_iterable(section.tables for section in sections)),
        verdicts=tuple(judge([claim for section in sections for claim in section.claims])),
        figures=tuple(chain.from_iterable(section.figures for section in sections)),
        remarks=tuple(chain.from_iterable(section.remarks for section in sections)),
    )
