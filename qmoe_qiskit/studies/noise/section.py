"""A part of what a study found; the claims of all its parts are judged together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from qmoe_qiskit.stats.verdicts import Claim, judge
from qmoe_qiskit.studies.report.summary import FigureSpec, Summary, Table


@dataclass(frozen=True, kw_only=True)
class StudySection:
    """Tables, claims, figures and remarks; see `Summary`."""

    tables: tuple[Table, ...] = ()
    claims: tuple[Claim, ...] = ()
    figures: tuple[FigureSpec, ...] = ()
    remarks: tuple[str, ...] = ()


def combine_sections(parts: Sequence[StudySection]) -> Summary:
    """Put the parts of a study together, and judge all claims as one family.

    Correction part by part would give each of them its own chance of a wrong verdict.
    """
    return Summary(
        tables=tuple(chain.from_iterable(part.tables for part in parts)),
        verdicts=tuple(judge([claim for part in parts for claim in part.claims])),
        figures=tuple(chain.from_iterable(part.figures for part in parts)),
        remarks=tuple(chain.from_iterable(part.remarks for part in parts)),
    )
