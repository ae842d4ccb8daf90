"""From work to IBM's primitives and back: one broadcast pub, and its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit

from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit.transpiler import Target

    from qmoe_qiskit.hardware.work import WorkUnit
    from qmoe_qiskit.typing import FloatArray

_REGISTER = "routes"


def pub_of(work: WorkUnit, start: int, stop: int) -> tuple[Any, ...]:
    """Return one pub for the points [start, stop): all observables of a point from the same shots.

    For the estimator: circuit, observables of shape (O, 1) on device qubits, angles (P, G).
    For the sampler: the measured circuit and the angles.
    """
    points_PG = work.points_PG[start:stop]
    # Qiskit orders parameters by the name of their vector and their index in it, as the columns.
    if work.options.primitive == "sampler":
        return (_measured(work), points_PG)
    n_device = work.circuit.num_qubits
    laid_out = [
        [observable.apply_layout(list(work.physical_qubits), n_device)]
        for observable in work.observables
    ]
    return (work.circuit, laid_out, points_PG)


def primitive_for(
    mode: Any,  # noqa: ANN401 - a backend, session or batch of any origin
    work: WorkUnit,
    *,
    tags: Sequence[str] = (),
    max_execution_time: int | None = None,
    seed: int | None = None,
) -> Any:  # noqa: ANN401
    """Return the estimator or sampler that executes the work.

    Args:
        mode: Where: a backend, a session or a batch.
        work: What.
        tags: Job tags.
        max_execution_time: Limit of QPU time, in seconds.
        seed: Of a local simulation.
    """
    from qiskit_ibm_runtime.executor_estimator import Estimator
    from qiskit_ibm_runtime.executor_sampler import Sampler

    sampled = work.options.primitive == "sampler"
    options: Any = (
        work.options.for_sampler(work.shots) if sampled else work.options.for_estimator(work.shots)
    )
    options.environment.job_tags = list(tags)
    options.max_execution_time = max_execution_time
    options.simulator.seed_simulator = seed
    return Sampler(mode, options) if sampled else Estimator(mode, options)


def program_of(work: WorkUnit, start: int, stop: int, backend: Any) -> Any:  # noqa: ANN401
    """Return the quantum program that the primitive would send for the points [start, stop).

    It executes `program.shots * sum(item.size() for item in program.items)` times.

    Raises:
        InputError: If options do not go together.
    """
    from qiskit_ibm_runtime.exceptions import IBMInputValueError
    from qiskit_ibm_runtime.executor_estimator.prepare import prepare as prepare_estimator
    from qiskit_ibm_runtime.executor_sampler.prepare import prepare as prepare_sampler

    pub = pub_of(work, start, stop)
    sampled = work.options.primitive == "sampler"
    options: Any = (
        work.options.for_sampler(work.shots) if sampled else work.options.for_estimator(work.shots)
    )
    prepare = prepare_sampler if sampled else prepare_estimator
    try:
        program, _ = prepare([pub], options, None, backend=backend)
    except IBMInputValueError as error:
        raise InputError(f"runtime options: {error.message}; nothing was sent") from error
    return program


def check_pub(work: WorkUnit, target: Target) -> None:
    """Check on this side what the new primitives leave to the service.

    Raises:
        InputError: If an angle is not finite, the circuit uses what the device has not, or a
            fractional rzz gate leaves its range of angles.
    """
    from qiskit.primitives.containers.sampler_pub import SamplerPub
    from qiskit_ibm_runtime.exceptions import IBMInputValueError
    from qiskit_ibm_runtime.utils.validations import validate_isa_circuits, validate_rzz_pubs

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
        return (
            np.ascontiguousarray(np.asarray(data.evs, dtype=np.float64).T),
            np.ascontiguousarray(np.asarray(data.stds, dtype=np.float64).T),
        )
    bits = getattr(data, _REGISTER)
    # (P, O, S): each observable is a number at every outcome.
    outcomes_PSN = bits.to_bool_array(order="little")
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
