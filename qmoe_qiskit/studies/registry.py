"""The registry of studies; each study is loaded when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import unknown_name

if TYPE_CHECKING:
    from qmoe_qiskit.studies.engine.study import Study

# Module and attribute of each study, by its name, in the order of the README. This is the only
# place outside a study's folder that names it.
STUDIES = {
    name: f"qmoe_qiskit.studies.{name}.study:STUDY"
    for name in (
        "efficiency",
        "noise",
        "ablation",
        "boundary",
        "experts",
        "kernel",
        "balance",
        "federated",
        "private",
        "adaptive",
    )
}


# Studies that have a command of their own.
COMMANDS = {"compare": "qmoe_qiskit.studies.comparison.study:STUDY"}


def study_names() -> str:
    """Return the names of the studies as a part of a sentence.

    >>> study_names()
    'ablation, adaptive, balance, boundary, ... or private'
    """
    *names, last = sorted(STUDIES)
    return f"{', '.join(names)} or {last}"


def load_study(name: str) -> Study:
    """Return a study by its name.

    Raises:
        InputError: If no study has this name.
    """
    known = {**STUDIES, **COMMANDS}
    if name not in known:
        raise unknown_name("study", name, STUDIES)
    module, _, attribute = known[name].partition(":")
    study: Study = getattr(import_module(module), attribute)
    return study
