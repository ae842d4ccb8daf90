"""What a study found; made of the same plain data that reports are made from."""

from __future__ import annotations

from qmoe_qiskit.report.summary import (
    Breakdown,
    Cell,
    Column,
    Draw,
    Estimate,
    Outcome,
    Picture,
    Summary,
    Table,
    Verdict,
)

__all__ = [
    "Breakdown",
    "Cell",
    "Column",
    "Draw",
    "Estimate",
    "Outcome",
    "Picture",
    "Summary",
    "Table",
    "Verdict",
]
