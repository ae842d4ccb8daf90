"""The limits stand in one place, and in one table of the documentation."""

from __future__ import annotations

from pathlib import Path

from qmoe_qiskit import limits

DOCS = Path(__file__).parents[1] / "docs" / "reference" / "limits.md"


def test_every_limit_has_a_meaning() -> None:
    names = {name for name in vars(limits) if name.isupper() and name[0] != "_"} - {"MEANINGS"}
    assert names == set(limits.MEANINGS)


def test_the_documentation_shows_the_limits() -> None:
    table = DOCS.read_text(encoding="utf-8")
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert rows == [
        f"| {meaning} | {limits.shown(name)} |" for name, meaning in limits.MEANINGS.items()
    ]
