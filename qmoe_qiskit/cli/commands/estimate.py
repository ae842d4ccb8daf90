"""`qmoe estimate`."""

from typing import Annotated

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.options import common, hardware
from qmoe_qiskit.cli.output.documents import write_json
from qmoe_qiskit.cli.output.estimate import estimate_document, remaining_of, show_estimate
from qmoe_qiskit.cli.output.interruption import waiting


@hardware.device_options(without=("repetition", "budget", "settle"))
def estimate(
    run_folder: common.RunFolder,
    *,
    backend: hardware.DeviceOrFake,
    device: hardware.DeviceOptions,
    price: Annotated[
        str | None,
        typer.Option(metavar="DOLLARS", help="Price of a second of QPU time, such as 1.60."),
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Estimate what a run on a device would cost; nothing is sent."""
    from qmoe_qiskit.hardware.cost.budget import parse_price
    from qmoe_qiskit.runs.on_hardware.prepare import estimate_prepared

    dollars = None if price is None else parse_price(price)
    request = hardware.device_request(backend, device)
    run = runs.read_run(run_folder)
    with waiting() as shown:
        prepared, _ = hardware.prepare_on_device(run, request, shown)
        result = estimate_prepared(prepared)
        remaining_s = remaining_of(prepared)
    if as_json:
        write_json(estimate_document(prepared, result, remaining_s, dollars))
    else:
        show_estimate(prepared, result, remaining_s, dollars)
