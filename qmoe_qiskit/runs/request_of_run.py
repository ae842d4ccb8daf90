"""The request that trains a stored run again."""

from dataclasses import fields
from pathlib import Path

from qmoe_qiskit.errors import RunError
from qmoe_qiskit.runs.relative_paths import resolved_path
from qmoe_qiskit.runs.request import ABOUT_BACKEND, TrainingRequest
from qmoe_qiskit.runs.store import folder
from qmoe_qiskit.runs.store.folder import quoted
from qmoe_qiskit.runs.store.loading import OpenedRun, read_run
from qmoe_qiskit.runs.training import read_request


def request_of_run(path: str | Path) -> TrainingRequest:
    """Return the request of a run, or of an interrupted training; its paths start here.

    A circuit or a calibration that came from a file is named as the copy in the run.

    Raises:
        RunError: If the folder holds no run, a damaged one, or one that was trained in Python.
    """
    if folder.is_interrupted(Path(path)):
        return read_request(path)
    run = read_run(path)
    split = run.manifest.data.split
    if split is None or not run.manifest.command:
        raise RunError(
            f"run {quoted(run.path)} was trained in Python and saved by save_run: what it was "
            "trained with is not stored as options; name a run of qmoe train"
        )
    controls = run.controls()
    record, model = run.manifest.data, run.manifest.model
    known = {field.name for field in fields(TrainingRequest)}
    settings = {name: value for name, value in model["settings"].items() if name in known}
    for one in (run, *controls):
        if one.has_circuit:  # a classical router has no backend
            settings |= {name: one.manifest.model["settings"][name] for name in ABOUT_BACKEND}
            settings["backend"] = _backend(one, settings["backend"])
            break
    qubits = settings["device_qubits"]
    return TrainingRequest(
        **{
            **settings,
            "task": run.task,
            "data": record.name if record.file is None else resolved_path(record.file, run.path),
            "target": None if record.file is None else record.target,
            "features": record.feature_names if record.ignored_columns else None,
            "n_samples": record.n_samples,
            "test_fraction": split.test_fraction,
            "router": _router(run),
            "control": tuple(map(_router, controls)),
            "device_qubits": None if qubits is None else tuple(qubits),
            "max_epochs": model["max_epochs"],
            "seed": run.manifest.seed,
        }
    )


def _router(run: OpenedRun) -> str:
    name = run.model.settings.router
    is_own = run.has_circuit and name != "quantum"
    return str(run.path / folder.CIRCUIT) if is_own else name


def _backend(run: OpenedRun, backend: str) -> str:
    is_file = folder.PROFILE in run.files and backend.endswith(".json")
    return f"noisy:{run.path / folder.PROFILE}" if is_file else backend
