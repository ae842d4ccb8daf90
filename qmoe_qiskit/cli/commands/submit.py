"""`qmoe submit`."""

from typing import Annotated

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.consent import agree
from qmoe_qiskit.cli.options import common, hardware
from qmoe_qiskit.cli.output.documents import console, remark, write_json
from qmoe_qiskit.cli.output.evaluation import show_evaluation
from qmoe_qiskit.cli.output.interruption import waiting
from qmoe_qiskit.cli.output.jobs import jobs_table
from qmoe_qiskit.cli.output.placement import placement_sentence
from qmoe_qiskit.errors import InputError

Wait = Annotated[
    bool, typer.Option("--wait", help="Wait for the results, and show what qmoe evaluate shows.")
]


@hardware.device_options()
def submit(
    run_folder: common.RunFolder,
    *,
    backend: hardware.Device,
    device: hardware.DeviceOptions,
    yes: hardware.Yes = False,
    wait: Wait = False,
    as_json: common.Json = False,
) -> None:
    """Run a model's circuit on IBM Quantum: each job once, whatever happens in between.

    After a crash or a lost connection, give the same command again: it finds the jobs that were
    sent and goes on; nothing is paid for twice. Without --budget and --yes it shows the estimate
    and asks.
    """
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice
    from qmoe_qiskit.hardware.ledger.export import job_document
    from qmoe_qiskit.runs.on_hardware.evaluate import evaluate_prepared

    request = hardware.device_request(backend, device)
    if request.is_fake:
        raise InputError(
            f"backend {backend!r} is simulated on this machine at once: use qmoe evaluate"
        )
    run = runs.read_run(run_folder)
    with waiting() as shown:
        prepared, opened = hardware.prepare_on_device(run, request, shown)
        remote = opened.device
        assert isinstance(remote, IBMDevice)
        agree(prepared, remote, shown, yes=yes, quiet=as_json)
        for work in prepared.works:
            remote.submit(work)
        result = evaluate_prepared(prepared) if wait else None
    if result is not None:
        show_evaluation(prepared.run, result, as_json=as_json)
        return
    jobs = [job for work in prepared.works for job in remote.ledger.jobs(work.key)]
    if as_json:
        write_json({"run": str(run_folder), "jobs": [job_document(job) for job in jobs]})
    else:
        devices = {work.key: work.device for work in remote.ledger.works()}
        if (placement := placement_sentence(prepared.run)) is not None:
            console().print(placement, soft_wrap=True)
        console().print(jobs_table(jobs, devices))
        remark("fetch results: qmoe jobs collect; use them: qmoe evaluate with the same options")
