"""scripts/measure.py: what it makes of the results of studies."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from qmoe_qiskit.stats import Claim, Verdict, judge
from qmoe_qiskit.studies.report.summary import Column, Table

SCRIPT = Path(__file__).parents[2] / "scripts" / "measure.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("measure_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def verdicts() -> list[Verdict]:
    signs_N = np.where(np.arange(20) % 2, 1.0, -1.0)
    return judge(
        [
            *(Claim(text=f"void {i}", differences_N=signs_N) for i in range(3)),
            Claim(text="a | smaller", differences_N=np.full(20, 1.5), digits=2, unit="halvings"),
            Claim(text="larger", differences_N=np.full(20, -0.5)),
        ]
    )


def test_all_claims_are_counted_and_shown(script: ModuleType, verdicts: list[Verdict]) -> None:
    head, empty, *lines = script.verdicts_part(verdicts).splitlines()
    assert head == "Of 5 claims: 1 supported, 1 not supported, 3 undecided."
    assert not empty
    assert lines == [f"- {verdict}" for verdict in verdicts]
    assert "corrected over the 5 claims of the study" in lines[0]


def test_a_headline_is_one_claim(script: ModuleType, verdicts: list[Verdict]) -> None:
    row = script.row_of("some", r"smaller$", verdicts)
    assert row == "| some | a \\| smaller | supported | +1.50 halvings (+1.50 to +1.50) |"
    assert "| not supported | -0.500 (-0.500 to -0.500) |" in script.row_of("s", "^l", verdicts)
    for pattern, count in (("void", 3), ("nothing", 0)):
        with pytest.raises(SystemExit, match=f"{count} claims of study 's'"):
            script.row_of("s", pattern, verdicts)


def test_a_table_is_shortened(script: ModuleType) -> None:
    table = Table(
        name="t",
        title="T",
        columns=(Column(name="router"), Column(name="x"), Column(name="y")),
        rows=(("linear", 1.0, "a"), ("quantum", 2.0, None)),
    )
    short = script.shortened(table, ("x",), ("linear",))
    assert short.columns == (Column(name="router"), Column(name="y"))
    assert short.rows == (("quantum", None),)


def test_what_is_left_out_is_there(script: ModuleType) -> None:
    """A column or router that a study renames must be renamed here too."""
    from qmoe_qiskit.studies.efficiency.settings import EfficiencySettings
    from qmoe_qiskit.studies.training.routers import label

    settings = EfficiencySettings()
    names = {label("quantum", layers) for layers in settings.layers}
    names |= {label(router) for router in settings.controls}
    assert set(script.SHOWN["efficiency"][1]) < names
