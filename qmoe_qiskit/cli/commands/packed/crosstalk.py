"""`qmoe crosstalk`."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from qmoe_qiskit import runs
from qmoe_qiskit.cli.consent import agree
from qmoe_qiskit.cli.options import common, hardware
from qmoe_qiskit.cli.output.documents import console, write_json
from qmoe_qiskit.cli.output.evaluation import cost_sentence
from qmoe_qiskit.cli.output.interruption import waiting

if TYPE_CHECKING:
    from qmoe_qiskit.runs.on_hardware.crosstalk import Crosstalk


@hardware.device_options()
def crosstalk(
    run_folder: common.RunFolder,
    *,
    backend: hardware.DeviceOrFake,
    device: hardware.DeviceOptions,
    yes: hardware.Yes = False,
    as_json: common.Json = False,
) -> None:
    """Measure what it costs to run slots side by side: the same rows in the best slot, twice.

    Once that slot runs alone, once beside all others, which run other rows. Without --resilience or
    --options, errors are not mitigated. Given again, the command goes on where it stopped; nothing
    is sent without --budget, --yes or an answer.
    """
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice
    from qmoe_qiskit.runs.on_hardware.crosstalk import (
        measure_crosstalk,
        prepare_crosstalk,
        submit_both,
    )

    given = {**device, "slots": device["slots"] or "auto"}
    if device["resilience"] is None and device["options"] is None:
        given["resilience"] = 0
    request = hardware.device_request(backend, given)
    run = runs.read_run(run_folder)
    with waiting() as shown:
        opened = hardware.open_on_device(run, request, shown)
        prepared = prepare_crosstalk(
            run, opened, request.data, target=request.target, samples=request.samples
        )
        if isinstance(opened.device, IBMDevice):
            agree(prepared, opened.device, shown, yes=yes, quiet=as_json)
            submit_both(prepared, opened.device)
        result = measure_crosstalk(prepared)
    if as_json:
        write_json(_document(run, result))
        return
    screen = console()
    screen.print(
        f"{run.path} on {result.device}: {result.n_points} rows, {result.shots} shots each, on "
        f"qubits {' '.join(map(str, result.qubits))}, alone and as one of {result.n_slots} slots",
        soft_wrap=True,
    )
    screen.print(result.verdict, soft_wrap=True)
    if result.simulated:
        screen.print("The noise of a fake has no crosstalk.")
    screen.print(cost_sentence(result.cost), soft_wrap=True)


def _document(run: runs.OpenedRun, result: Crosstalk) -> dict[str, Any]:
    document = dataclasses.asdict(result)
    test = {k: None if _is_nan(v) else v for k, v in document.pop("test").items()}
    return {"run": str(run.path), "verdict": result.verdict, **document, "test": test}


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
