"""`qmoe evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.options import common, hardware, where
from qmoe_qiskit.cli.output.documents import check_vacant_file, remark, write_file
from qmoe_qiskit.cli.output.evaluation import show_evaluation
from qmoe_qiskit.cli.output.evaluation_figures import check_figures, draw_evaluation
from qmoe_qiskit.cli.output.interruption import waiting
from qmoe_qiskit.cli.output.predictions import evaluation_csv
from qmoe_qiskit.cli.output.votes import draw_votes, shots_for_votes, votes_from


@hardware.device_options(without=("shots", "device_qubits"))
def evaluate(
    run_folder: common.RunFolder,
    *,
    backend: where.Backend = None,
    shots: where.Shots = None,
    mitigation: common.OtherMitigation = None,
    device_qubits: common.OtherDeviceQubits = None,
    surrogate: common.SurrogateFile = None,
    device: hardware.DeviceOptions,
    yes: hardware.Yes = False,
    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Write each row's prediction and routing weights, with the standard errors that "
            "shots cause, and whether the decision lies within 1.96 of them of another label.",
        ),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Draw the routing and the circuit's outputs beside the exact ones, and estimated "
            "against charged QPU time.",
        ),
    ] = None,
    votes: Annotated[
        str | None,
        typer.Option(
            metavar="N,N,...",
            help="Measure a model with sampled routing for these numbers of votes per row as well, "
            "such as 1,3,9,27, beside the exact router.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
    as_json: common.Json = False,
) -> None:
    """Measure a run's model on its held-out rows, or on other data.

    With --backend runtime:DEVICE the circuit runs on IBM Quantum: work that qmoe submit has sent
    with the same options is not sent again, and nothing is sent without --budget, --yes or an
    answer. The options from --options to --yes are for such devices.
    """
    counts = votes_from(votes)
    if counts:
        shots = shots_for_votes(run_folder, counts, shots, backend)
    given = {**device, "shots": shots, "device_qubits": device_qubits}
    backend = common.surrogate_backend(backend, surrogate)
    request = where.requested_device(backend, given, mitigation=mitigation, yes=yes)
    if predictions is not None:
        check_vacant_file(predictions, force=force, option="--predictions")
    result: runs.Evaluation
    if request is not None:
        from qmoe_qiskit.runs.on_hardware.evaluate import evaluate_prepared

        run = runs.read_run(run_folder)
        if figures is not None:
            check_figures(run, figures, force=force)
        with waiting() as shown:
            prepared = where.prepare_with_consent(run, request, shown, yes=yes, quiet=as_json)
            loaded, result = prepared.run, evaluate_prepared(prepared)
    else:
        loaded = where.load_simulated(run_folder, backend, given, mitigation=mitigation)
        if figures is not None:
            check_figures(loaded, figures, force=force)
        result = runs.evaluate_run(
            loaded, device["data"], target=device["target"], samples=device["samples"]
        )
        if surrogate is not None:
            from qmoe_qiskit.runs.surrogates.shot_errors import with_shot_errors

            result = with_shot_errors(loaded, result)
    by_votes = runs.accuracy_by_votes(loaded, result, counts) if counts else None
    files: list[Path] = []
    if predictions is not None:
        write_file(predictions, evaluation_csv(loaded, result).encode())
        files.append(predictions)
    if figures is not None:
        files += draw_evaluation(loaded, result, figures, ledger=device["ledger"])
        if by_votes is not None:
            files.append(draw_votes(by_votes, result, figures))
    show_evaluation(loaded, result, as_json=as_json, files=files, votes=by_votes)
    if files and not as_json:
        remark(f"written: {', '.join(map(str, files))}")
