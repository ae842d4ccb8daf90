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
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .csv, .tsv, .parquet or .npz file.")
    ],
    *,
    backend: common.OtherBackend = None,
    shots: common.OtherShots = None,
    mitigation: common.OtherMitigation = None,
    device_qubits: common.OtherDeviceQubits = None,
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Columns of the file that stand beside the predictions, such as an identifier.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file to write; by default stdout.")] = None,
    force: common.ForceFile = False,
    as_json: common.Json = False,
) -> None:
    """Predict every row of a file: label, probabilities and routing weights."""
    if out is not None:
        check_vacant_file(out, force=force)
    if backend is not None and backend.startswith("runtime:"):
        raise InputError(
            f"predict takes a simulation, not {backend!r}: qmoe evaluate runs labelled rows on a "
            "device"
        )
    kept = common.names_from("--keep", keep) or ()
    for name in kept:
        if name == "label" or name.startswith(("probability_", "weight_expert_")):
            raise InputError(
                f"--keep {name!r}: the predictions have a column of that name: rename it in the "
                "file"
            )
    run = runs.load_run(
        run_folder,
        backend=backend,
        shots=shots,
        mitigation=mitigation,
        device_qubits=common.qubits_from(device_qubits),
    )
    predictions = runs.predict_file(run, file, keep=kept)
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
        [*predictions.kept, "label", *(f"probability_{name}" for name in classes)]
        + [f"weight_expert_{expert}" for expert in range(n_experts)]
    )
    kept = list(zip(*predictions.kept.values(), strict=True)) or [()] * len(predictions.labels_N)
    for cells, (label, probabilities, weights) in zip(kept, _rows(predictions), strict=True):
        table.writerow([*cells, label, *probabilities, *weights])
    return text.getvalue()


def _document(predictions: runs.Predictions) -> dict[str, Any]:
    execution = predictions.execution
    return {
        "source": predictions.source,
        "classes": predictions.classes_C.tolist(),
        "rows_outside_range": predictions.rows_outside_range,
        "execution": execution and asdict(execution),
        "kept": {name: list(cells) for name, cells in predictions.kept.items()},
        "predictions": [
            {"label": label, "probabilities": probabilities, "weights": weights}
            for label, probabilities, weights in _rows(predictions)
        ],
    }


def _rows(predictions: runs.Predictions) -> list[tuple[Any, list[float], list[float]]]:
    """Return label, probabilities and weights of every row as Python numbers."""
    arrays = (predictions.labels_N, predictions.probabilities_NC, predictions.weights_NE)
    return list(zip(*(array.tolist() for array in arrays), strict=True))
