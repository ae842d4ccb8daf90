"""The studies that there are, each loaded when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import unknown_name

if TYPE_CHECKING:
    from qmoe_qiskit.studies.engine.study import Study

STUDIES = {
    "ablation": "qmoe_qiskit.studies.ablation.study:STUDY",
    "balance": "qmoe_qiskit.studies.balance.study:STUDY",
    "boundary": "qmoe_qiskit.studies.boundary.study:STUDY",
    "efficiency": "qmoe_qiskit.studies.efficiency.study:STUDY",
    "experts": "qmoe_qiskit.studies.experts.study:STUDY",
    "kernel": "qmoe_qiskit.studies.kernel.study:STUDY",
    "noise": "qmoe_qiskit.studies.noise.study:STUDY",
}


def load_study(name: str) -> Study:
    """Return a study by its name.

    Raises:
        InputError: If there is none of this name.
    """
    if name not in STUDIES:
        raise unknown_name("study", name, STUDIES)
    module, _, attribute = STUDIES[name].partition(":")
    study: Study = getattr(import_module(module), attribute)
    return study
