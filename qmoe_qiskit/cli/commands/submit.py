"""`qmoe submit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.consent import agree
from qmoe_qiskit.cli.options import common, hardware
from qmoe_qiskit.cli.output.documents import console, remark, write_json
from qmoe_qiskit.cli.output.evaluation import show_evaluation
from qmoe_qiskit.cli.output.interruption import waiting
from qmoe_qiskit.cli.output.jobs import jobs_table
from qmoe_qiskit.cli.output.placement import placement_sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmoe_qiskit.hardware.ledger.records import JobRecord
    from qmoe_qiskit.runs.on_hardware.prepare import Prepared
    from qmoe_qiskit.runs.on_hardware.request import DeviceRequest

Wait = Annotated[
    bool, typer.Option("--wait", help="Wait for the results, and show what qmoe evaluate shows.")
]


@hardware.device_options()
def submit(
    run_folder: common.RunFolder,
    *,
    backend: hardware.DeviceOrFake,
    device: hardware.DeviceOptions,
    yes: hardware.Yes = False,
    wait: Wait = False,
    as_json: common.Json = False,
) -> None:
    """Run a model's circuit on IBM Quantum: each job once, whatever happens in between.

    After a crash or a lost connection, give the same command again: it finds the jobs that were
    sent and goes on; nothing is paid for twice. Without --budget and --yes it shows the estimate
    and asks. With runtime:fake_DEVICE this machine simulates the device at once: nothing is sent
    or charged, and the results are in the ledger as those of a device are.
    """
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice
    from qmoe_qiskit.hardware.ledger.export import job_document
    from qmoe_qiskit.runs.on_hardware.evaluate import evaluate_prepared

    request = hardware.device_request(backend, device)
    run = runs.read_run(run_folder)
    with waiting() as shown:
        if request.is_fake:
            prepared, jobs = _run_locally(run, request, shown)
        else:
            prepared, opened = hardware.prepare_on_device(run, request, shown)
            remote = opened.device
            assert isinstance(remote, IBMDevice)
            agree(prepared, remote, shown, yes=yes, quiet=as_json)
            for work in prepared.works:
                remote.submit(work)
            jobs = [job for work in prepared.works for job in remote.ledger.jobs(work.key)]
        result = evaluate_prepared(prepared) if wait else None
    if request.is_fake and not as_json:
        remark(
            f"{prepared.device.name} is simulated on this machine: it ran at once, and nothing "
            "was sent or charged"
        )
    if result is not None:
        show_evaluation(prepared.run, result, as_json=as_json)
        return
    if as_json:
        write_json({"run": str(run_folder), "jobs": [job_document(job) for job in jobs]})
        return
    if (placement := placement_sentence(prepared.run)) is not None:
        console().print(placement, soft_wrap=True)
    console().print(jobs_table(jobs, {work.key: work.device for work in prepared.works}))
    fetch = "" if request.is_fake else "fetch results: qmoe jobs collect; "
    remark(f"{fetch}use them: qmoe evaluate with the same options")


def _run_locally(
    run: runs.OpenedRun, request: DeviceRequest, report: Callable[[str], None]
) -> tuple[Prepared, list[JobRecord]]:
    """Run work on a fake device unless the ledger has its results; return it from the ledger."""
    from qmoe_qiskit.hardware.jobs.local import run_locally
    from qmoe_qiskit.hardware.ledger.store import Ledger
    from qmoe_qiskit.runs.on_hardware.from_ledger import prepare_from_ledger
    from qmoe_qiskit.runs.on_hardware.prepare import estimate_works

    prepared, backend = hardware.prepare_on_device(run, request, report)
    report(f"simulating {backend.device.name}")
    with Ledger(request.ledger) as ledger:
        estimates = estimate_works(prepared)
        jobs = [
            job
            for work, estimate in zip(prepared.works, estimates, strict=True)
            for job in run_locally(work, backend.device, ledger, estimate)
        ]
    recorded = prepare_from_ledger(run, request)
    assert recorded is not None
    return recorded, jobs
