"""`qmoe estimate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmoe_qiskit.cli import hardware_options as hardware
from qmoe_qiskit.cli import options
from qmoe_qiskit.cli.output import console, write_json

if TYPE_CHECKING:
    from qmoe_qiskit.hardware.estimate import Estimate
    from qmoe_qiskit.runs.on_device import Prepared

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
    from qmoe_qiskit.cli.waiting import waiting
    from qmoe_qiskit.hardware.budget import parse_price
    from qmoe_qiskit.runs.on_device import estimate_prepared, prepare_run

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


def estimate_document(
    prepared: Prepared, estimate: Estimate, remaining_s: float | None, price: float | None
) -> dict[str, Any]:
    """Return an estimate as JSON types."""
    return {
        "run": str(prepared.run.path),
        "device": prepared.device.name,
        "simulated": prepared.device.is_local,
        "n_rows": prepared.rows.n_rows,
        "shots": prepared.works[0].shots,
        "keys": [work.key for work in prepared.works],
        **estimate.document(),
        "remaining_seconds": remaining_s,
        "share_of_remaining": estimate.seconds / remaining_s if remaining_s else None,
        "dollars": None if price is None else estimate.cost(price),
    }


def show_estimate(
    prepared: Prepared,
    estimate: Estimate,
    remaining_s: float | None = None,
    price: float | None = None,
) -> None:
    """Print an estimate for people."""
    from qmoe_qiskit.cli.tables import open_table

    device = prepared.device
    screen = console()
    screen.print(
        f"{prepared.run.path} on {device.name}"
        + (", a fake, estimated as if it were the device" if device.is_local else "")
        + f": {prepared.rows}, {prepared.works[0].shots} shots each"
    )
    table = open_table()
    table.add_column("")
    table.add_column("estimate", justify="right")
    table.add_row("jobs", f"{len(estimate.jobs)}")
    table.add_row("circuits", f"{estimate.circuits:,}")
    table.add_row("executions", f"{estimate.executions:,}")
    table.add_row("QPU seconds", f"{estimate.seconds:.1f}")
    if remaining_s is not None:
        share = f"{estimate.seconds / remaining_s:.1%}" if remaining_s else "nothing is left"
        table.add_row(f"of the {remaining_s:.0f} s left of the allowance", share)
    if price is not None:
        table.add_row(f"dollars, at {price:g} a second", f"{estimate.cost(price):.2f}")
    screen.print(table)
    screen.print(estimate.formula)
    for assumption in estimate.assumptions:
        screen.print(f"- {assumption}")


def remaining_of(prepared: Prepared) -> float | None:
    """Return the QPU seconds that are left of an allowance; None where there is none."""
    from qmoe_qiskit.hardware.remote import RemoteDevice

    device = prepared.device
    if not isinstance(device, RemoteDevice):
        return None
    remaining_s = device.client.usage().get("usage_remaining_seconds")
    return None if remaining_s is None else float(remaining_s)
