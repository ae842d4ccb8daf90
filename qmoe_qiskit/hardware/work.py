"""A unit of work for a device: one circuit at many points, its observables and its options."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qiskit import QuantumCircuit
    from qiskit.quantum_info import SparsePauliOp

    from qmoe_qiskit.hardware.options import RuntimeOptions


@dataclass(frozen=True, kw_only=True, eq=False)
class WorkUnit:
    """A circuit that a device evaluates at P points, with O observables at each.

    Attributes:
        key: The content hash of the request, see `work_key`. Equal requests have equal keys, in
            every process and after every crash.
        spec: The specification of the backend as the user gave it, such as "runtime:least_busy".
        device: The name of the device.
        title: The purpose of the work, such as the folder of a run.
        circuit: The ISA circuit over the whole device, without measurements. Its parameters are
            one vector of G angles.
        physical_qubits: The device qubit that holds each router qubit at the end of the circuit.
        observables: The observables on the router's qubits.
        points_PG: The angles of every point in radians, in the order of the parameter vector.
        shots: Number of shots per point.
        options: The settings of the primitive.
    """

    key: str
    spec: str
    device: str
    title: str
    circuit: QuantumCircuit
    physical_qubits: tuple[int, ...]
    observables: tuple[SparsePauliOp, ...]
    points_PG: FloatArray
    shots: int
    options: RuntimeOptions

    @property
    def n_points(self) -> int:
        """Number of points, P."""
        return len(self.points_PG)

    @property
    def std_error_notes(self) -> tuple[str, ...]:
        """What must be said of the standard errors that the primitive states, in sentences."""
        notes = [] if self.options.std_error_note is None else [self.options.std_error_note]
        # The identity has no scatter.
        n_terms = [(o.paulis.x | o.paulis.z).any(axis=1).sum() for o in self.observables]
        if self.options.primitive == "estimator" and max(n_terms, default=0) > 1:
            notes.append(
                "IBM's estimator states wrong standard errors for outputs of several Pauli terms, "
                "such as probabilities, because it takes the terms' errors for independent: with "
                "primitive = 'sampler' in --options they are right"
            )
        return tuple(notes)


def job_tag(key: str, start: int, stop: int, *, retry: int = 0) -> str:
    """Return the tag of a job: a hash of its work's key and its points [start, stop).

    `retry` is the number of earlier jobs for these points.

    >>> job_tag("00ff", 0, 10)
    'qmoe-c34396fce2e91f454465d6ede7fdebd2'
    """
    again = f" {retry}" if retry else ""
    return "qmoe-" + hashlib.sha256(f"{key} {start} {stop}{again}".encode()).hexdigest()[:32]


def work_key(settings: Mapping[str, Any], **arrays: FloatArray) -> str:
    """Return the content hash of a request as 64 hexadecimal digits.

    The hash covers what the user asked for, the settings (JSON values) and every bit of inputs and
    weights, not the circuit that the transpiler made of it: a new calibration of the device does
    not turn old work into new work.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, allow_nan=False).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name], dtype="<f8")
        digest.update(f"{name} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """The results of a unit of work.

    Attributes:
        values_PO: Expectation values.
        std_errors_PO: Standard errors of the expectation values.
        seconds: QPU time that was charged, in seconds; 0 for a simulation.
        executions: Number of circuit executions.
        job_ids: The service's ids of the jobs; empty for a simulation.
    """

    values_PO: FloatArray
    std_errors_PO: FloatArray
    seconds: float
    executions: int
    job_ids: tuple[str, ...] = ()
