"""Conversion between work and IBM's primitives: pubs, and the values of their results."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit.library import U2Gate
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.transpiler import Target
from qiskit_ibm_runtime.exceptions import IBMInputValueError
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_estimator.prepare import prepare as prepare_estimator
from qiskit_ibm_runtime.executor_sampler import Sampler
from qiskit_ibm_runtime.executor_sampler.prepare import prepare as prepare_sampler
from qiskit_ibm_runtime.utils.validations import validate_isa_circuits, validate_rzz_pubs

from qmoe_qiskit.circuits.observables import Basis, measurement_bases
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.devices.pulses import U_GATES
from qmoe_qiskit.hardware.work import WorkUnit
from qmoe_qiskit.typing import FloatArray

_REGISTER = "routes"


def pubs_of(work: WorkUnit, start: int, stop: int) -> list[tuple[Any, ...]]:
    """Return the pubs for the points [start, stop).

    The estimator's only pub holds the circuit, the observables on device qubits, shape (O, 1), and
    the angles (P, G); the estimator measures in the bases that they need. The sampler has a pub per
    basis, with the measured circuit and the angles. All observables that a basis measures come from
    the same shots.
    """
    points_PG = work.points_PG[start:stop]
    # Qiskit orders parameters by the index in their vector, like the columns.
    if work.options.primitive == "sampler":
        bases = measurement_bases(work.observables)
        return [(_measured(work, basis), points_PG) for basis in bases]
    layout, n_device = list(work.physical_qubits), work.circuit.num_qubits
    laid_out = [[o.apply_layout(layout, n_device)] for o in work.observables]
    return [(work.circuit, laid_out, points_PG)]


def primitive_for(
    mode: object,
    work: WorkUnit,
    *,
    tags: Sequence[str] = (),
    max_execution_time: int | None = None,
    seed: int | None = None,
) -> Any:  # noqa: ANN401
    """Return the estimator or sampler that executes the work in a backend, session or batch.

    The QPU time of its job is limited to `max_execution_time` seconds; `seed` is for a simulation.
    """
    options: Any = work.options.for_primitive(work.shots)
    options.environment.job_tags = list(tags)
    options.max_execution_time = max_execution_time
    options.simulator.seed_simulator = seed
    return (Sampler if work.options.primitive == "sampler" else Estimator)(mode, options)


def program_of(work: WorkUnit, start: int, stop: int, backend: Any) -> Any:  # noqa: ANN401
    """Return the quantum program that the primitive would send for the points [start, stop).

    The program takes `program.shots * sum(item.size() for item in program.items)` executions.

    Raises:
        InputError: If the options contradict each other.
    """
    pubs = pubs_of(work, start, stop)
    options = work.options.for_primitive(work.shots)
    prepare = prepare_sampler if work.options.primitive == "sampler" else prepare_estimator
    try:
        program, _ = prepare(pubs, options, None, backend=backend)
    except IBMInputValueError as error:
        raise InputError(f"runtime options: {error.message}; nothing was sent") from error
    return program


def check_pub(work: WorkUnit, target: Target) -> None:
    """Check the angles and the circuit before submission; the primitives leave this to the service.

    Raises:
        InputError: If an angle is not finite, the device lacks a gate or coupling of the circuit,
            or the angle of a fractional rzz gate is out of range.
    """
    if not np.isfinite(work.points_PG).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(work.points_PG))[0])
        raise InputError(
            f"angle {list(place)} is {work.points_PG[place]}: angles must be finite; nothing was "
            "sent"
        )
    try:
        validate_isa_circuits([pub[0] for pub in pubs_of(work, 0, 0)], target)
        validate_rzz_pubs([SamplerPub.coerce((work.circuit, work.points_PG))])
    except IBMInputValueError as error:
        raise InputError(f"{work.device} cannot run this circuit: {error.message}") from error


def values_of(result: Any, work: WorkUnit) -> tuple[FloatArray, FloatArray]:  # noqa: ANN401
    """Return values and standard errors, (P, O) each, from a primitive's result."""
    if work.options.primitive == "estimator":
        data = result[0].data
        evs_PO, stds_PO = (np.array(a, dtype=np.float64).T.copy() for a in (data.evs, data.stds))
        return evs_PO, stds_PO
    parts = [
        _values_in(basis, pub_result)
        for basis, pub_result in zip(measurement_bases(work.observables), result, strict=True)
    ]
    values_BPO, errors_BPO = (np.array(each) for each in zip(*parts, strict=True))
    return values_BPO.sum(axis=0), np.sqrt((errors_BPO**2).sum(axis=0))


def _values_in(basis: Basis, pub_result: Any) -> tuple[FloatArray, FloatArray]:  # noqa: ANN401
    """Return the means over one pub's shots, and their standard errors, (P, O) each."""
    outcomes_PSN = getattr(pub_result.data, _REGISTER).to_bool_array(order="little")
    n_shots = outcomes_PSN.shape[-2]
    values, errors = np.zeros((2, len(outcomes_PSN), len(basis.observables)))
    for o, observable in enumerate(basis.observables):
        seen_PS = np.zeros(outcomes_PSN.shape[:2])
        for z_N, coefficient in zip(observable.paulis.z, observable.coeffs.real, strict=True):
            odd_PS = (outcomes_PSN & z_N).sum(axis=-1) % 2
            seen_PS += coefficient * (1 - 2 * odd_PS)
        values[:, o] = seen_PS.mean(axis=1)
        errors[:, o] = seen_PS.std(axis=1, ddof=min(1, n_shots - 1)) / np.sqrt(n_shots)
    return values, errors


def _measured(work: WorkUnit, basis: Basis) -> QuantumCircuit:
    circuit = work.circuit.copy()
    # Early devices have u1, u2 and u3 instead of rz and sx; a circuit with angles has one of them.
    early = not U_GATES.isdisjoint(circuit.count_ops())
    # V with V^H Z V = X, or Y, in gates that the device has.
    for qubit, letter in zip(work.physical_qubits, basis.letters, strict=True):
        if letter not in "XY":
            continue
        if early:
            circuit.append(U2Gate(0, np.pi if letter == "X" else np.pi / 2), [qubit])
            continue
        if letter == "X":
            circuit.rz(np.pi / 2, qubit)
        circuit.sx(qubit)
    register = ClassicalRegister(len(work.physical_qubits), _REGISTER)
    circuit.add_register(register)
    circuit.barrier(list(work.physical_qubits))
    circuit.measure(list(work.physical_qubits), register)
    return circuit
