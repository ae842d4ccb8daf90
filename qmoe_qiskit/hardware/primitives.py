"""Conversion between work and IBM's primitives: one broadcast pub, and its values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.transpiler import Target
from qiskit_ibm_runtime.exceptions import IBMInputValueError
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_estimator.prepare import prepare as prepare_estimator
from qiskit_ibm_runtime.executor_sampler import Sampler
from qiskit_ibm_runtime.executor_sampler.prepare import prepare as prepare_sampler
from qiskit_ibm_runtime.utils.validations import validate_isa_circuits, validate_rzz_pubs

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.work import WorkUnit
from qmoe_qiskit.typing import FloatArray

_REGISTER = "routes"


def pub_of(work: WorkUnit, start: int, stop: int) -> tuple[Any, ...]:
    """Return one pub for the points [start, stop).

    All observables of a point come from the same shots. The estimator's pub holds the circuit, the
    observables on device qubits, shape (O, 1), and the angles (P, G); the sampler's pub holds the
    measured circuit and the angles.
    """
    points_PG = work.points_PG[start:stop]
    # Qiskit orders parameters by the index in their vector, like the columns.
    if work.options.primitive == "sampler":
        return (_measured(work), points_PG)
    layout, n_device = list(work.physical_qubits), work.circuit.num_qubits
    laid_out = [[o.apply_layout(layout, n_device)] for o in work.observables]
    return (work.circuit, laid_out, points_PG)


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
    pub = pub_of(work, start, stop)
    options = work.options.for_primitive(work.shots)
    prepare = prepare_sampler if work.options.primitive == "sampler" else prepare_estimator
    try:
        program, _ = prepare([pub], options, None, backend=backend)
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
        validate_isa_circuits([work.circuit], target)
        validate_rzz_pubs([SamplerPub.coerce((work.circuit, work.points_PG))])
    except IBMInputValueError as error:
        raise InputError(f"{work.device} cannot run this circuit: {error.message}") from error


def values_of(result: Any, work: WorkUnit) -> tuple[FloatArray, FloatArray]:  # noqa: ANN401
    """Return values and standard errors, (P, O) each, from a primitive's result."""
    data = result[0].data
    if work.options.primitive == "estimator":
        evs_PO, stds_PO = (np.array(a, dtype=np.float64).T.copy() for a in (data.evs, data.stds))
        return evs_PO, stds_PO
    outcomes_PSN = getattr(data, _REGISTER).to_bool_array(order="little")
    n_shots = outcomes_PSN.shape[-2]
    values, errors = np.zeros((2, len(outcomes_PSN), len(work.observables)))
    for o, observable in enumerate(work.observables):
        seen_PS = np.zeros(outcomes_PSN.shape[:2])
        for z_N, coefficient in zip(observable.paulis.z, observable.coeffs.real, strict=True):
            odd_PS = (outcomes_PSN & z_N).sum(axis=-1) % 2
            seen_PS += coefficient * (1 - 2 * odd_PS)
        values[:, o] = seen_PS.mean(axis=1)
        errors[:, o] = seen_PS.std(axis=1, ddof=min(1, n_shots - 1)) / np.sqrt(n_shots)
    return values, errors


def _measured(work: WorkUnit) -> QuantumCircuit:
    circuit = work.circuit.copy()
    register = ClassicalRegister(len(work.physical_qubits), _REGISTER)
    circuit.add_register(register)
    circuit.barrier(list(work.physical_qubits))
    circuit.measure(list(work.physical_qubits), register)
    return circuit
