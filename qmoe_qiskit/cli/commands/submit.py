"""`qmoe submit`."""

from __future__ import annotations

from typing import Annotated

import typer

from qmoe_qiskit.cli.consent import agree
from qmoe_qiskit.cli.options import common as options
from qmoe_qiskit.cli.options import hardware
from qmoe_qiskit.cli.output.documents import console, remark, write_json
from qmoe_qiskit.errors import InputError

Wait = Annotated[
    bool, typer.Option("--wait", help="Wait for the results, and show what qmoe evaluate shows.")
]


def submit(
    run_folder: options.RunFolder,
    *,
    backend: hardware.Device,
    data: hardware.Data = None,
    target: hardware.Target = None,
    samples: hardware.Samples = None,
    shots: hardware.Shots = None,
    options_file: hardware.Options = None,
    resilience: hardware.Resilience = None,
    mode: hardware.Mode = None,
    repetition: hardware.Repetition = None,
    device_qubits: hardware.DeviceQubits = None,
    budget: hardware.Budget = None,
    yes: hardware.Yes = False,
    wait: Wait = False,
    ledger: hardware.LedgerFile = None,
    settle: hardware.Settle = None,
    as_json: options.Json = False,
) -> None:
    """Run a model's circuit on IBM Quantum: each job once, whatever happens in between.

    Given again after a crash or a lost connection, the same command finds what was sent and goes
    on; nothing is paid for twice. Without --budget and --yes it shows the estimate and asks.
    """
    from qmoe_qiskit.cli.output.waiting import waiting
    from qmoe_qiskit.hardware.cost.budget import parse_seconds
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice
    from qmoe_qiskit.runs.on_hardware.evaluate import evaluate_prepared, prepare_run

    budget_s = None if budget is None else parse_seconds(budget)
    if backend.startswith("runtime:fake_"):
        raise InputError(
            f"backend {backend!r} is simulated on this machine at once: use qmoe evaluate"
        )
    with waiting() as shown:
        opened = hardware.open_for_run(
            backend,
            run_folder,
            shots=shots,
            options=options_file,
            resilience=resilience,
            mode=mode,
            repetition=repetition,
            device_qubits=device_qubits,
            ledger=ledger,
            settle=settle,
            budget_s=budget_s,
            report=shown,
        )
        device = opened.device
        assert isinstance(device, IBMDevice)
        prepared = prepare_run(run_folder, opened, data, target=target, samples=samples)
        agree(prepared, device, shown, yes=yes, quiet=as_json)
        for work in prepared.works:
            device.submit(work)
        result = evaluate_prepared(prepared) if wait else None
    if result is not None:
        from qmoe_qiskit.cli.output.evaluation import show_evaluation

        show_evaluation(prepared.run, result, as_json=as_json)
        return
    from qmoe_qiskit.cli.output.jobs import jobs_table
    from qmoe_qiskit.hardware.ledger.export import job_document

    jobs = [job for work in prepared.works for job in device.ledger.jobs(work.key)]
    if as_json:
        write_json({"run": str(run_folder), "jobs": [job_document(job) for job in jobs]})
    else:
        devices = {work.key: work.device for work in device.ledger.works()}
        console().print(jobs_table(jobs, devices))
        remark("fetch results: qmoe jobs collect; use them: qmoe evaluate with the same options")
