"""`qmoe estimate`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.options import common, hardware
from qmoe_qiskit.cli.output.costs.estimate import estimate_document, remaining_of, show_estimate
from qmoe_qiskit.cli.output.documents import write_json
from qmoe_qiskit.cli.output.interruption import waiting
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from qmoe_qiskit.runs.on_hardware.request import DeviceRequest


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
    tolerance: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Plan the shots instead: the fewest with which they change at most this share of "
            "the decisions, such as 0.02, and the cost: directly, packed, with a surrogate.",
        ),
    ] = None,
    decision: Annotated[
        Literal["class", "routing"] | None,
        typer.Option(
            help="With --tolerance, what shots may change: the predicted class (default), or the "
            "expert with the largest weight."
        ),
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Estimate what a run on a device would cost; nothing is sent."""
    from qmoe_qiskit.hardware.cost.budget import parse_price
    from qmoe_qiskit.runs.on_hardware.prepare import estimate_prepared

    dollars = None if price is None else parse_price(price)
    request = hardware.device_request(backend, device)
    if tolerance is not None:
        settings = {"tolerance": tolerance, "decision": decision or "class"}
        _plan(run_folder, request, device, settings, dollars=dollars, as_json=as_json)
        return
    if decision is not None:
        raise InputError(f"--decision {decision} is for a plan of shots: give --tolerance as well")
    run = runs.read_run(run_folder)
    with waiting() as shown:
        prepared, _ = hardware.prepare_on_device(run, request, shown)
        result = estimate_prepared(prepared)
        remaining_s = remaining_of(prepared)
    if as_json:
        write_json(estimate_document(prepared, result, remaining_s, dollars))
    else:
        show_estimate(prepared, result, remaining_s, dollars)


def _plan(
    run_folder: Path,
    request: DeviceRequest,
    device: hardware.DeviceOptions,
    settings: dict[str, Any],
    *,
    dollars: float | None,
    as_json: bool,
) -> None:
    """Plan the shots of a run; the settings are tolerance and decision of `plan_shots`."""
    from qmoe_qiskit.backends.slots.request import AUTO, slot_request
    from qmoe_qiskit.cli.output.costs.shot_plan import plan_document, show_plan
    from qmoe_qiskit.runs.shot_plan.plan import check_plan, plan_shots

    if request.shots is not None:
        raise InputError(f"--shots {request.shots} are what --tolerance looks for: omit one")
    check_plan(**settings, options=request.options)
    slots = slot_request(AUTO if request.slots is None else request.slots, device["spacing"])
    assert slots is not None
    run = runs.read_run(run_folder)
    with waiting() as shown:
        alone = replace(request, slots=None, spacing=None)
        prepared, _ = hardware.prepare_on_device(run, alone, shown)
        plan = plan_shots(prepared, **settings, slots=slots, report=shown)
        remaining_s = remaining_of(prepared)
    given: dict[str, Any] = {"backend": request.backend, "device": device}
    given |= {"remaining_s": remaining_s, "price": dollars}
    if as_json:
        write_json(plan_document(plan, prepared, **given))
    else:
        show_plan(plan, prepared, **given)
