"""Opening a run so that its circuit has exact values, which derivatives need."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qmoe_qiskit.runs.store.folder import SURROGATE
from qmoe_qiskit.runs.store.loading import Run, load_run, read_run

if TYPE_CHECKING:
    from pathlib import Path


def load_exactly(path: str | Path, backend: str | None = None) -> Run:
    """Read a run and rebuild its model with exact values of its circuit.

    Args:
        path: Path of the run's folder.
        backend: Where the circuit is to run; None for where it was trained, without shots. A model
            that was trained on a device runs on the surrogate that was measured there.

    Raises:
        InputError: If the backend is not accepted, or cannot run the model's circuit.
        RunError: As for `read_run`, or if the parts do not make a model.
    """
    if backend is not None:
        return load_run(path, backend=backend)
    run = read_run(path)
    spec = run.model_state().backend_spec()
    if isinstance(spec.backend, str) and spec.backend.startswith("runtime:"):
        measured = run.path / SURROGATE
        return load_run(path, backend=f"surrogate:{measured}" if measured.exists() else None)
    return load_run(path) if spec.shots is None else run.load(replace(spec, shots=None))
