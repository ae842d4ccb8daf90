"""The program of a job: decoded with the client's schemas, checked, and measured."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ibm_quantum_schemas.executor.version_2_0 import ParamsModel
from pydantic import ValidationError
from qiskit.exceptions import QiskitError
from qiskit_ibm_runtime.quantum_program.converters.converters_2_0 import quantum_program_from_2_0
from qiskit_ibm_runtime.utils.utils import is_isa_circuit

from ibm_service.charging import charge, duration

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit
    from qiskit_ibm_runtime.quantum_program import QuantumProgram

    from ibm_service.devices import Device

SCHEMA = "v2.0"


@dataclass(frozen=True, kw_only=True)
class ReceivedProgram:
    """The decoded program of a job, and its size.

    Attributes:
        program: The decoded program; None if it cannot be decoded.
        problem: The reason why it cannot run, or an empty string.
        circuits: Number of circuits to execute, randomizations included.
        executions: Number of shots times number of circuits.
        seconds: QPU time in seconds.
        seed: Hash of the program's content: circuits, arguments, shapes, shots.
    """

    program: QuantumProgram | None
    problem: str = ""
    circuits: int = 0
    executions: int = 0
    seconds: float = 0.0
    seed: int = 0


def read_work(program_id: str, params: dict[str, Any], device: Device) -> ReceivedProgram:
    """Decode, check and measure a program; its problems are returned, not raised."""
    if program_id != "executor" or params.get("schema_version") != SCHEMA:
        return ReceivedProgram(
            program=None,
            problem=(
                f"this service runs the program 'executor' with schema {SCHEMA}, not "
                f"{program_id!r} with {params.get('schema_version')!r}"
            ),
        )
    try:
        program, options = quantum_program_from_2_0(ParamsModel.model_validate(params))
    except (ValidationError, QiskitError, ValueError, KeyError) as error:
        return ReceivedProgram(program=None, problem=f"the program cannot be read: {error}")
    problem = "" if program.meas_level == "classified" else "only classified data is measured"
    for item in program.items:
        problem = problem or _problem(item.circuit, device)
    circuits = [item.size() for item in program.items]
    rep_delay = options.execution.rep_delay
    times = [] if problem else [duration(item.circuit, device.target) for item in program.items]
    return ReceivedProgram(
        program=program,
        problem=problem,
        circuits=sum(circuits),
        executions=program.shots * sum(circuits),
        seconds=charge(
            ((program.shots * n, t) for n, t in zip(circuits, times, strict=False)),
            device.rep_delay if rep_delay is None else rep_delay,
        ),
        seed=_seed(program, device),
    )


def _problem(circuit: QuantumCircuit, device: Device) -> str:
    """The reason why the device cannot run a circuit, or an empty string."""
    if circuit.has_control_flow_op():
        return "control flow is not simulated by this service"
    if problem := is_isa_circuit(circuit, device.target):
        return (
            f"The circuit does not match the target of {device.name}: {problem} Transpile it for "
            "the backend before submitting it."
        )
    index = {qubit: k for k, qubit in enumerate(circuit.qubits)}
    for step in circuit.data:
        qubits = tuple(index[qubit] for qubit in step.qubits)
        # The snapshots list broken couplers; profiles leave them out.
        if (
            len(qubits) == 2
            and step.operation.name != "barrier"
            and device.profile.gate(step.operation.name, qubits) is None
        ):
            return f"{step.operation.name} on qubits {list(qubits)} of {device.name} is faulty"
    return ""


def _seed(program: QuantumProgram, device: Device) -> int:
    """Return a hash of the program without the names and ids that clients generate."""
    digest = hashlib.sha256(f"{device.name} {program.shots}".encode())
    for item in program.items:
        circuit = item.circuit
        index = {bit: k for k, bit in enumerate([*circuit.qubits, *circuit.clbits])}
        for step in circuit.data:
            bits = [index[bit] for bit in (*step.qubits, *step.clbits)]
            digest.update(f"{step.operation.name}{step.operation.params}{bits}".encode())
        digest.update(str(item.shape).encode())
        arguments = getattr(item, "samplex_arguments", None)
        values = [("", item.circuit_arguments)] if arguments is None else list(arguments.items())
        # Names end in numbers that increase from program to program.
        content = sorted((name.rstrip("0123456789"), _content(value)) for name, value in values)
        for name, data in content:
            digest.update(name.encode() + data)
    return int.from_bytes(digest.digest()[:8])


def _content(value: object) -> bytes:
    if isinstance(value, np.ndarray):
        return f"{value.shape}{value.dtype}".encode() + np.ascontiguousarray(value).tobytes()
    return repr(value).encode()
