"""One piece of work for a device: a circuit at many points, what is read out, and how."""

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
from typing import TYPE_CHECKING


@dataclass(frozen=True, kw_only=True, eq=False)
class WorkUnit:
    """What a device is to execute: P points of one circuit, O observables at each.

    Attributes:
        key: Hash of what was asked for, see `work_key`: equal work has equal keys, in every
            process and after every crash.
        spec: The backend as asked for, such as "runtime:least_busy".
        device: The device's own name.
        title: What it is for, such as a run's folder.
        circuit: Over the whole device, in its gates, without measurements. Its parameters are one
            vector of G angles.
        physical_qubits: The device qubit that holds each of the router's qubits at the end.
        observables: On the router's qubits, of I and Z only.
        points_PG: The angles of every point, in radians, in the order of the vector.
        shots: Of every point.
        options: How the primitives execute it.
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

    def tag(self, start: int, stop: int) -> str:
        """Return the job tag under which a range of points goes out."""
        return job_tag(self.key, start, stop)


def job_tag(key: str, start: int, stop: int, *, retry: int = 0) -> str:
    """Return the tag of a job: a hash of its work's key and its range of points.

    Args:
        key: Of the work.
        start: First point.
        stop: One past the last point.
        retry: How many jobs of this range were paid for, or tried, before.
    """
    again = f" {retry}" if retry else ""
    return "qmoe-" + hashlib.sha256(f"{key} {start} {stop}{again}".encode()).hexdigest()[:32]


def work_key(settings: Mapping[str, Any], **arrays: FloatArray) -> str:
    """Return the content hash, 64 hex digits, of a request.

    It is over what the user asked for, not over the circuit that the transpiler made of it: a
    device that was calibrated again in the meantime shall not turn old work into new.

    Args:
        settings: JSON values: backend, router hash, options, shots.
        arrays: Inputs, weights, directions; exact to the bit.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, allow_nan=False).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name], dtype="<f8")
        digest.update(f"{name} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What came back.

    Attributes:
        values_PO: Expectation values.
        std_errors_PO: Their standard errors.
        seconds: QPU time that was charged; 0 on this machine.
        executions: How often a circuit was executed.
        job_ids: Of the service; empty on this machine.
    """

    values_PO: FloatArray
    std_errors_PO: FloatArray
    seconds: float
    executions: int
    job_ids: tuple[str, ...] = ()
