"""`qmoe predict`."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit.cli import options
from qmoe_qiskit.cli.output import remark, remark_outside, write, write_json
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from qmoe_qiskit.runs import Predictions


def predict(
    run_folder: options.RunFolder,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .csv or .npz file.", show_default=False)
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="CSV file to write; by default stdout.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: options.Json = False,
) -> None:
    """Predict every row of a file: label, probabilities and routing weights."""
    from qmoe_qiskit.runs import load_run, predict_file

    if out is not None:
        _check_out(out, force=force)
    run = load_run(run_folder)
    predictions = predict_file(run, file)
    n_rows = len(predictions.labels_N)
    if out is not None:
        _write_file(out, _csv(predictions))
        remark(f"{n_rows} predictions: {out}")
    remark_outside(predictions.rows_outside_range, n_rows)
    if as_json:
        write_json({"run": str(run.path), **_document(predictions)})
    elif out is None:
        write(_csv(predictions))


def _csv(predictions: Predictions) -> str:
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


def _document(predictions: Predictions) -> dict[str, Any]:
    return {
        "source": predictions.source,
        "classes": predictions.classes_C.tolist(),
        "rows_outside_range": predictions.rows_outside_range,
        "predictions": [
            {"label": label, "probabilities": probabilities, "weights": weights}
            for label, probabilities, weights in _rows(predictions)
        ],
    }


def _rows(predictions: Predictions) -> list[tuple[Any, list[float], list[float]]]:
    """Return label, probabilities and weights of every row as Python's own numbers."""
    return list(
        zip(
            predictions.labels_N.tolist(),
            predictions.probabilities_NC.tolist(),
            predictions.weights_NE.tolist(),
            strict=True,
        )
    )


def _check_out(out: Path, *, force: bool) -> None:
    if out.is_dir():
        raise InputError(f"{str(out)!r} is a folder: name a file with --out")
    if out.exists() and not force:
        raise InputError(f"{str(out)!r} exists: choose another file, or add --force to replace it")


def _write_file(out: Path, text: str) -> None:
    from qmoe_qiskit.train.checkpoint import write_atomically

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, text.encode())
    except OSError as error:
        raise InputError(f"{str(out)!r} cannot be written ({error.strerror})") from error
