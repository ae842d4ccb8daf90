"""`qmoe evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qmoe_qiskit import runs
from qmoe_qiskit.cli.consent import agree
from qmoe_qiskit.cli.options import common, hardware
from qmoe_qiskit.cli.output.evaluation import show_evaluation
from qmoe_qiskit.cli.output.interruption import waiting
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.runs.on_hardware.request import DeviceRequest

Backend = Annotated[
    str | None,
    typer.Option(
        help="Replaces the backend of training, with its shots, mitigation and qubits. "
        f"{common.BACKEND} On IBM Quantum: runtime:DEVICE, runtime:least_busy, or "
        "runtime:fake_DEVICE, simulated on this machine."
    ),
]
Shots = Annotated[
    int | None,
    typer.Option(
        help="Number of shots per row; by default as in training, with --backend runtime:... 4096, "
        "and with another --backend exact values."
    ),
]


@hardware.device_options(without=("shots", "device_qubits"))
def evaluate(
    run_folder: common.RunFolder,
    *,
    backend: Backend = None,
    shots: Shots = None,
    mitigation: common.OtherMitigation = None,
    device_qubits: common.OtherDeviceQubits = None,
    surrogate: common.SurrogateFile = None,
    device: hardware.DeviceOptions,
    yes: hardware.Yes = False,
    as_json: common.Json = False,
) -> None:
    """Measure a run's model on its held-out rows, or on other data.

    With --backend runtime:DEVICE the circuit runs on IBM Quantum: work that qmoe submit has sent
    with the same options is not sent again, and nothing is sent without --budget, --yes or an
    answer. The options from --options to --yes are for such devices.
    """
    backend = common.surrogate_backend(backend, surrogate)
    paid = {"--yes": yes or None} | {f"--{k}": device[k] for k in ("budget", "ledger", "settle")}
    if backend is not None and backend.startswith("runtime:"):
        if mitigation is not None:
            raise InputError(
                f"--mitigation is for --backend noisy:DEVICE: {backend} mitigates by --resilience"
            )
        if backend.startswith("runtime:fake_"):
            _refuse(backend, paid)
        request = hardware.device_request(
            backend, {**device, "shots": shots, "device_qubits": device_qubits}
        )
        run, result = _evaluate_on_device(run_folder, request, yes=yes, quiet=as_json)
    else:
        primitives = ("options", "resilience", "mode", "repetition")
        _refuse(backend, {f"--{name}": device[name] for name in primitives} | paid)
        run = runs.load_run(
            run_folder,
            backend=backend,
            shots=shots,
            mitigation=mitigation,
            device_qubits=common.qubits_from(device_qubits),
        )
        result = runs.evaluate_run(
            run, device["data"], target=device["target"], samples=device["samples"]
        )
        if surrogate is not None:
            from qmoe_qiskit.runs.surrogates.shot_errors import with_shot_errors

            result = with_shot_errors(
                run, result, device["data"], target=device["target"], samples=device["samples"]
            )
    show_evaluation(run, result, as_json=as_json)


def _evaluate_on_device(
    run_folder: Path, request: DeviceRequest, *, yes: bool, quiet: bool
) -> tuple[runs.Run, runs.Evaluation]:
    from qmoe_qiskit.hardware.devices.ibm import IBMDevice
    from qmoe_qiskit.runs.on_hardware.evaluate import evaluate_prepared
    from qmoe_qiskit.runs.on_hardware.from_ledger import prepare_from_ledger

    run = runs.read_run(run_folder)
    with waiting() as shown:
        prepared = None if request.is_fake else prepare_from_ledger(run, request)
        if prepared is None:
            prepared, backend = hardware.prepare_on_device(run, request, shown)
            if isinstance(backend.device, IBMDevice):
                agree(prepared, backend.device, shown, yes=yes, quiet=quiet)
        return prepared.run, evaluate_prepared(prepared)


def _refuse(backend: str | None, given: dict[str, object]) -> None:
    """Refuse options for devices if the backend is not a device."""
    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"{name} is for a device of IBM Quantum, such as --backend runtime:ibm_fez, not "
                f"for {backend or 'the backend of training'}: omit it"
            )
