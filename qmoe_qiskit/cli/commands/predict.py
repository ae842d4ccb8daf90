"""`qmoe predict`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.options import common, hardware, where
from qmoe_qiskit.cli.output.documents import (
    check_vacant_file,
    remark,
    remark_outside,
    write,
    write_file,
    write_json,
)
from qmoe_qiskit.cli.output.evaluation import cost_sentence
from qmoe_qiskit.cli.output.interruption import waiting
from qmoe_qiskit.cli.output.predictions import is_own_column, predictions_csv, predictions_document
from qmoe_qiskit.errors import InputError


@hardware.device_options(without=("data", "target", "samples", "shots", "device_qubits"))
def predict(
    run_folder: common.RunFolder,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .csv, .tsv, .parquet or .npz file.")
    ],
    *,
    backend: where.Backend = None,
    shots: where.Shots = None,
    mitigation: common.OtherMitigation = None,
    device_qubits: common.OtherDeviceQubits = None,
    surrogate: common.SurrogateFile = None,
    device: hardware.DeviceOptions,
    yes: hardware.Yes = False,
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
    """Predict every row of a file: label, probabilities and routing weights.

    Where shots are used, each number has its standard error, and decision_uncertain tells whether
    the label lies within 1.96 standard errors of another one. With --backend runtime:DEVICE the
    circuit runs on IBM Quantum, once for equal rows and options; nothing is sent without --budget,
    --yes or an answer. The options from --options to --yes are for such devices.
    """
    kept = common.names_from("--keep", keep) or ()
    for name in kept:
        if is_own_column(name):
            raise InputError(
                f"--keep {name!r}: the predictions have a column of that name: rename it in the "
                "file"
            )
    given = {**device, "shots": shots, "device_qubits": device_qubits}
    backend = common.surrogate_backend(backend, surrogate)
    request = where.requested_device(
        backend, given, mitigation=mitigation, yes=yes, file=file, keep=kept
    )
    if out is not None:
        check_vacant_file(out, force=force)
    cost = None
    notes: tuple[str, ...] = ()
    predictions: runs.Predictions
    if request is not None:
        from qmoe_qiskit.runs.on_hardware.evaluate import predict_prepared

        run = runs.read_run(run_folder)
        with waiting() as shown:
            # Without --out, stdout is for the predictions: nobody can be asked there.
            quiet = as_json or out is None
            prepared = where.prepare_with_consent(run, request, shown, yes=yes, quiet=quiet)
            predictions = on_device = predict_prepared(prepared)
            cost, notes = on_device.cost, on_device.notes
    else:
        loaded = where.load_simulated(run_folder, backend, given, mitigation=mitigation)
        predictions = runs.predict_file(loaded, file, keep=kept)
    n_rows = len(predictions.labels_N)
    if out is not None:
        write_file(out, predictions_csv(predictions).encode())
        remark(f"{n_rows} predictions: {out}")
    remark_outside(predictions.rows_outside_range, n_rows)
    for note in notes:
        remark(f"note: {note}")
    if cost is not None:
        remark(cost_sentence(cost))
    if as_json:
        document = {"run": str(run_folder), **predictions_document(predictions)}
        write_json(document if cost is None else {**document, "cost": asdict(cost)})
    elif out is None:
        write(predictions_csv(predictions))
