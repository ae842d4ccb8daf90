"""Cells and tables: numbers as they are written, headings of rows, text that is no markup."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from studies.report.pages import NUMBER, Page

from qmoe_qiskit.stats.types import Breakdown, Estimate
from qmoe_qiskit.studies.report.summary import Cell, Column, Table
from qmoe_qiskit.studies.report.tables import (
    escaped,
    number,
    show,
    shown_table,
    to_csv,
    to_markdown,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.98825, "0.988"),
        (-0.0, "0.000"),
        (0.0, "0.000"),
        (0.0004, "4.0e-04"),
        (-1e-9, "-1.0e-09"),
        (0.0005, "0.001"),
        (5258.0, "5258.000"),
        (math.inf, "inf"),
        (math.nan, ""),
    ],
)
def test_numbers_are_written_without_a_false_zero(value: float, text: str) -> None:
    assert number(value, 3) == text
    assert number(0.5, 0) == "5.0e-01"  # Python rounds it to the even neighbour, 0


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 6))
def test_a_written_number_is_the_number_rounded(value: float, digits: int) -> None:
    written = float(number(value, digits))
    assert written == pytest.approx(value, abs=0.51 * 10.0**-digits, rel=1e-15)
    assert (written == 0) == (value == 0)


def test_cells_of_every_kind_are_shown() -> None:
    assert show(None, 3).text == ""
    assert (show(24, 3).text, show(24, 3).is_number) == ("24", True)
    assert show(True, 3).text == "yes"
    assert show(np.float64(0.5), 1).text == "0.5"
    alone = show(Estimate(value=0.5, low=math.nan, high=math.nan, n=1), 2)
    assert (alone.text, alone.detail) == ("0.50", "")
    start = Breakdown(value=0.0, low=0.0, high=0.02, n=20, reached=1.0, first=0.0, last=0.2)
    assert show(start, 2).text == "0, from the start"
    never = Breakdown(
        value=math.inf, low=math.inf, high=math.inf, n=20, reached=0.0, first=0.0, last=0.2
    )
    assert show(never, 2).text == "not reached up to 0.2"
    assert show(never, 2).detail == "(reached in 0 % of resamples)"


def test_numbers_of_seeds_that_differ_stand_in_the_cells() -> None:
    fewer = Estimate(value=0.5, low=0.4, high=0.6, n=12)
    table = Table(
        name="a", title="", columns=(Column(name="x"),), rows=((NUMBER,), (fewer,), (None,))
    )
    shown = shown_table(table)
    assert [row[0].detail for row in shown.rows] == [
        "[0.963 to 0.995], n = 20",
        "[0.400 to 0.600], n = 12",
        "",
    ]
    assert "seeds" not in shown.note
    assert to_csv(table).splitlines()[0] == "x,x: low,x: high,x: n"
    assert to_markdown(shown).splitlines()[1] == "| ---: |"


def grouped(rows: Sequence[tuple[Cell, ...]]) -> list[tuple[str, int]]:
    columns = tuple(Column(name=name) for name in ("inputs", "router", "accuracy"))
    shown = shown_table(Table(name="a", title="", columns=columns, rows=tuple(rows)))
    return [(heading, len(inside[0]) if inside else 0) for heading, inside in shown.groups]


def test_rows_that_begin_alike_stand_under_a_heading() -> None:
    rows = [(inputs, router, 0.5) for inputs in ("paper", "centred") for router in "ab"]
    assert grouped(rows) == [("inputs: paper", 2), ("inputs: centred", 2)]
    # Where a heading would not save a column, or rows would have no names left, there is none.
    assert grouped([*rows, ("other", "a", 0.5)]) == [("", 3)]
    assert grouped([("", router, 0.5) for router in "ab"]) == [("", 3)]
    assert grouped([("paper", size, 0.5) for size in (2, 3)]) == [("", 3)]
    assert grouped([(size, "a", 0.5) for size in (2, 2)]) == [("", 3)]
    assert grouped([]) == [("", 0)]


@given(st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=30))
@example("- a list")
@example("12) a list")
@example("0.5 is a number")
@example("---")
@example("=")
@example("-0.012")
def test_escaped_markdown_is_the_text(text: str) -> None:
    for before in ("", "- ", "x\n"):
        html = MarkdownIt("commonmark").enable("table").render(f"{before}{escaped(text)}\n")
        expected = f"{before.removeprefix('- ')}{' '.join(text.split())}"
        assert " ".join(Page(html).text.split()) == " ".join(expected.split())
