"""The program `qmoe`, which knows the study of small tasks too; its workers load them alone."""

from __future__ import annotations

from studies.engine.small_run import PRELOADED

from qmoe_qiskit.cli import main
from qmoe_qiskit.studies.engine.processes import load_libraries, processes
from qmoe_qiskit.studies.registry import STUDIES

if __name__ == "__main__":
    STUDIES["small"] = "studies.engine.small:STUDY"
    load_libraries.__defaults__ = (PRELOADED,)
    processes.__wrapped__.__kwdefaults__["preloaded"] = PRELOADED  # type: ignore[attr-defined]
    main()
