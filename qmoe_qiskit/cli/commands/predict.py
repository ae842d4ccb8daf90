"""`qmoe predict`."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.options import common
from qmoe_qiskit.cli.output.documents import (
    check_vacant_file,
    remark,
    remark_outside,
    write,
    write_file,
    write_json,
)
from qmoe_qiskit.errors import InputError


def predict(
    run_folder: common.RunFolder,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .npz file.")],
    *,
    backend: common.OtherBackend = None,
    shots: common.OtherShots = None,
    mitigation: common.OtherMitigation = None,
    device_qubits: common.OtherDeviceQubits = None,
    surrogate: common.SurrogateFile = None,
    out: Annotated[Path | None, typer.Option(help="CSV file to write; by default stdout.")] = None,
    force: common.ForceFile = False,
    as_json: common.Json = False,
) -> None:
    """Predict every row of a file: label, probabilities and routing weights."""
    backend = common.surrogate_backend(backend, surrogate)
    if out is not None:
        check_vacant_file(out, force=force)
    if backend is not None and backend.startswith("runtime:"):
        raise InputError(
            f"predict takes a simulation, not {backend!r}: qmoe evaluate runs labelled rows on a "
            "device"
        )
    run = runs.load_run(
        run_folder,
        backend=backend,
        shots=shots,
        mitigation=mitigation,
        device_qubits=common.qubits_from(device_qubits),
    )
    predictions = runs.predict_file(run, file)
    n_rows = len(predictions.labels_N)
    if out is not None:
        write_file(out, _csv(predictions).encode())
        remark(f"{n_rows} predictions: {out}")
    remark_outside(predictions.rows_outside_range, n_rows)
    if as_json:
        write_json({"run": str(run.path), **_document(predictions)})
    elif out is None:
        write(_csv(predictions))


def _csv(predictions: runs.Predictions) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    classes = predictions.classes_C.tolist()
    n_experts = predictions.weights_NE.shape[1]
    table.writerow(
        ["label", *(f"probability_{name}" for name in classes)]
        + [f"weight_expert_{expert}" for expert in range(n_experts)]
    )
    for label, probabilities, weights in _rows(predictions):
        table.writerow([label, *probabilities, *weights])
    return text.getvalue()


def _document(predictions: runs.Predictions) -> dict[str, Any]:
    execution = predictions.execution
    return {
        "source": predictions.source,
        "classes": predictions.classes_C.tolist(),
        "rows_outside_range": predictions.rows_outside_range,
        "execution": execution and asdict(execution),
        "predictions": [
            {"label": label, "probabilities": probabilities, "weights": weights}
            for label, probabilities, weights in _rows(predictions)
        ],
    }


def _rows(predictions: runs.Predictions) -> list[tuple[Any, list[float], list[float]]]:
    """Return label, probabilities and weights of every row as Python numbers."""
    arrays = (predictions.labels_N, predictions.probabilities_NC, predictions.weights_NE)
    return list(zip(*(array.tolist() for array in arrays), strict=True))
