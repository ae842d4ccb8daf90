"""The program `qmoe`, which knows the study of small tasks too; its workers load no library."""

from __future__ import annotations

from qmoe_qiskit.cli import main
from qmoe_qiskit.studies.engine.processes import processes
from qmoe_qiskit.studies.registry import STUDIES

if __name__ == "__main__":
    STUDIES["small"] = "studies.engine.small:STUDY"
    processes.__wrapped__.__kwdefaults__["preloaded"] = ()  # type: ignore[attr-defined]
    main()
