"""An estimate of QPU cost, as JSON and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qmoe_qiskit.cli.output.documents import console
from qmoe_qiskit.cli.output.placement import placement_sentence
from qmoe_qiskit.cli.output.tables import open_table

if TYPE_CHECKING:
    from qmoe_qiskit.hardware.cost.estimate import CostEstimate
    from qmoe_qiskit.runs.on_hardware.prepare import Prepared


def estimate_document(
    prepared: Prepared, estimate: CostEstimate, remaining_s: float | None, price: float | None
) -> dict[str, Any]:
    """Return an estimate as JSON types."""
    return {
        "run": str(prepared.run.path),
        "device": prepared.device.name,
        "simulated": prepared.device.is_local,
        "n_rows": prepared.rows.n_rows,
        "slots": getattr(prepared.run.classifier.compiled_router, "n_slots", None),
        "shots": prepared.works[0].shots,
        "keys": [work.key for work in prepared.works],
        **estimate.document(),
        "remaining_seconds": remaining_s,
        "share_of_remaining": estimate.seconds / remaining_s if remaining_s else None,
        "dollars": None if price is None else estimate.cost(price),
    }


def show_estimate(
    prepared: Prepared,
    estimate: CostEstimate,
    remaining_s: float | None = None,
    price: float | None = None,
) -> None:
    """Print an estimate for people."""
    device, screen = prepared.device, console()
    screen.print(
        f"{prepared.run.path} on {device.name}"
        + (", a fake, estimated as if it were the device" if device.is_local else "")
        + f": {prepared.rows}, {prepared.works[0].shots} shots each"
    )
    if (placement := placement_sentence(prepared.run)) is not None:
        screen.print(placement, soft_wrap=True)
    table = open_table("", numbers=["estimate"])
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
    """Return the QPU seconds that are left of the account's allowance, or None without one."""
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice

    device = prepared.device
    if not isinstance(device, IBMDevice):
        return None
    remaining_s = (device.client.usage() or {}).get("usage_remaining_seconds")
    return None if remaining_s is None else float(remaining_s)
