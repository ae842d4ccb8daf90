"""Tables of studies on a narrow terminal: in parts, and nothing is cut."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from qmoe_qiskit.cli.output.wide_tables import fitting_tables
from qmoe_qiskit.studies.report.tables import Shown, ShownTable

HEADINGS = (
    "inputs",
    "router",
    "parameters",
    "mean accuracy",
    "median accuracy",
    "time (s)",
    "rate",
)


def table(*, name: str = "random Fourier (16)") -> ShownTable:
    def row(index: int) -> tuple[Shown, ...]:
        return (
            Shown(text="[0, pi]", is_number=False),
            Shown(text=name, is_number=False),
            Shown(text=f"{100 + index}"),
            Shown(text=f"0.9{index}1", detail=f"[0.8{index}2 to 0.9{index}3]"),
            Shown(text=f"0.9{index}4", detail=f"[0.8{index}5 to 0.9{index}6]"),
            Shown(text=f"1{index}.25", detail=f"[1{index}.00 to 1{index}.75]"),
            Shown(text=f"0.0{index}"),
        )

    return ShownTable(
        name="a",
        title="A",
        headings=HEADINGS,
        rows=tuple(map(row, range(1, 4))),
        note="",
        source="",
    )


def printed(shown: ShownTable, width: int) -> list[str]:
    texts = []
    for part in fitting_tables(shown, width):
        console = Console(file=StringIO(), width=width, color_system=None)
        console.print(part)
        texts.append(console.file.getvalue())  # type: ignore[attr-defined]
    return texts


@pytest.mark.parametrize("width", [60, 80, 100, 400])
def test_nothing_is_cut(width: int) -> None:
    shown = table()
    parts = printed(shown, width)
    text = "".join(parts)
    assert "\u2026" not in text
    assert all(len(line) <= width for line in text.splitlines())
    for row in shown.rows:
        for cell in row[2:]:
            assert text.count(cell.text) >= 1
            assert cell.detail in text  # an interval stays on one line
    words = {word for heading in HEADINGS for word in heading.split()}
    assert words <= set(text.split())
    assert (len(parts) == 1) == (width >= 100)


def test_each_part_names_its_rows() -> None:
    for part in printed(table(name="linear"), 80):
        assert part.count("linear") == 3
        assert all(f" {number} " in part for number in (101, 102, 103))


def test_a_name_longer_than_the_terminal_is_continued() -> None:
    text = "".join(printed(table(name="x" * 90), 80))
    assert text.count("x") >= 3 * 90
    assert "\u2026" not in text
