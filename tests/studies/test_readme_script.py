"""scripts/readme.py: what it makes of the results of studies."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from qmoe_qiskit.studies.statistics import Claim, judge
from qmoe_qiskit.studies.summary import Column, Table

SCRIPT = Path(__file__).parents[2] / "scripts" / "readme.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("readme_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_decided_claims_come_first_and_all_are_counted(script: ModuleType) -> None:
    signs_N = np.where(np.arange(20) % 2, 1.0, -1.0)
    claims = [
        *(Claim(text=f"void {i}", differences_N=signs_N) for i in range(7)),
        Claim(text="smaller", differences_N=np.full(20, 1.5), digits=2, unit="halvings"),
        Claim(text="larger", differences_N=np.full(20, -0.5)),
    ]
    verdicts = judge(claims)
    head, empty, *lines = script.verdicts_part(verdicts).splitlines()
    assert head == "Of 9 claims: 1 supported, 1 not supported, 7 undecided."
    assert not empty
    assert lines[0] == f"- {verdicts[7]}"
    assert "difference +1.50 halvings, 95 % interval" in lines[0]
    assert "corrected over the 9 claims of the study" in lines[0]
    assert lines[1] == f"- {verdicts[8]}"
    assert [line.split("(")[0] for line in lines[2:-1]] == [
        f"- undecided: void {i} " for i in range(4)
    ]
    assert lines[-1] == "- ... and 3 more in the report"


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
    from qmoe_qiskit.studies.efficiency import EfficiencySettings
    from qmoe_qiskit.studies.routers import label

    settings = EfficiencySettings()
    names = {label("quantum", layers) for layers in settings.layers}
    names |= {label(router) for router in settings.controls}
    assert set(script.SHOWN["efficiency"][1]) < names
