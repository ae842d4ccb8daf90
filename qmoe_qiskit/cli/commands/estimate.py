"""`qmoe estimate`."""

from __future__ import annotations

from typing import Annotated

import typer

from qmoe_qiskit.cli.options import common as options
from qmoe_qiskit.cli.options import hardware
from qmoe_qiskit.cli.output.documents import write_json
from qmoe_qiskit.cli.output.estimate import estimate_document, remaining_of, show_estimate

Price = Annotated[
    str | None,
    typer.Option(
        "--price",
        metavar="DOLLARS",
        help="What a second of QPU time costs you, such as 1.60.",
        show_default=False,
    ),
]


def estimate(
    run_folder: options.RunFolder,
    *,
    backend: hardware.DeviceOrFake,
    data: hardware.Data = None,
    target: hardware.Target = None,
    samples: hardware.Samples = None,
    shots: hardware.Shots = None,
    options_file: hardware.Options = None,
    resilience: hardware.Resilience = None,
    mode: hardware.Mode = None,
    device_qubits: hardware.DeviceQubits = None,
    ledger: hardware.LedgerFile = None,
    price: Price = None,
    as_json: options.Json = False,
) -> None:
    """Say what a run on a device would cost; nothing is sent."""
    from qmoe_qiskit.cli.output.waiting import waiting
    from qmoe_qiskit.hardware.cost.budget import parse_price
    from qmoe_qiskit.runs.on_hardware.evaluate import estimate_prepared, prepare_run

    dollars = None if price is None else parse_price(price)
    with waiting() as shown:
        opened = hardware.open_for_run(
            backend,
            run_folder,
            shots=shots,
            options=options_file,
            resilience=resilience,
            mode=mode,
            repetition=None,
            device_qubits=device_qubits,
            ledger=ledger,
            report=shown,
        )
        prepared = prepare_run(run_folder, opened, data, target=target, samples=samples)
        result = estimate_prepared(prepared)
        remaining_s = remaining_of(prepared)
    if as_json:
        write_json(estimate_document(prepared, result, remaining_s, dollars))
    else:
        show_estimate(prepared, result, remaining_s, dollars)
