"""From a target and properties to calibrations, with a record of all repairs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qiskit.circuit import Gate, Parameter, Reset
from qiskit.circuit.controlflow import CONTROL_FLOW_OP_NAMES
from qiskit.circuit.library import get_standard_gate_name_mapping

from qmoe_qiskit.errors import ProfileError
from qmoe_qiskit.noise_profiles.calibration import GateCalibration, QubitCalibration
from qmoe_qiskit.noise_profiles.capture.repairing import RepairLog, is_positive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qiskit.circuit import Instruction
    from qiskit.transpiler import Target
    from qiskit_ibm_runtime.models import BackendProperties

# IBM reports these for every Heron, and offers them on request: with `use_fractional_gates`.
FRACTIONAL_GATES = ("rx", "rzz")
# The gate whose error a fractional one may repeat.
MODELS = {"rx": "sx", "rzz": "cz"}
NOT_GATES = {"measure", "delay", "barrier", *CONTROL_FLOW_OP_NAMES}

# Name, qubits, error and duration as reported.
_Row = tuple[str, tuple[int, ...], float | None, float | None]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A device's description while it is read into a profile.

    Attributes:
        target: What the device offers.
        properties: What a target cannot hold, for IBM's devices; else None.
        log: The repairs so far.
        unusable: The qubits found so far that cannot be used, with the reason.
    """

    target: Target
    properties: BackendProperties | None
    log: RepairLog = field(default_factory=RepairLog)
    unusable: dict[int, str] = field(default_factory=dict)


def read_gates(reading: Reading) -> tuple[list[GateCalibration], tuple[str, ...]]:
    """Return the calibration of every gate that works, and the names of the offered gates.

    Qubits on which a one-qubit gate is dead are added to `reading.unusable`.
    """
    names = []
    rows: list[_Row] = []
    for name in sorted(set(reading.target.operation_names) - NOT_GATES):
        operation = reading.target.operation_from_name(name)
        if not _is_standard(name, operation):
            reading.log.note("dropped", name, (), None, "not one of Qiskit's standard gates")
            continue
        rows += _rows_of_target(reading.target, name, operation.num_qubits)
        if isinstance(operation, Gate):
            names.append(name)
    for name, qubits, error, _ in rows:
        if _is_dead(error):
            if len(qubits) == 1:
                reading.unusable[qubits[0]] = f"{name} has an error of 1 or more"
            else:
                reading.log.note(
                    "dropped", name, qubits, error, "error of 1 or more: does not work"
                )
    rows += _fractional_rows(reading)
    errors = {(name, qubits): error for name, qubits, error, _ in rows}
    gates = [
        GateCalibration(
            name=name,
            qubits=qubits,
            error=reading.log.error(name, qubits, error),
            duration=reading.log.duration(name, qubits, duration),
            copied=bool(error) and errors.get((MODELS.get(name, ""), qubits)) == error,
        )
        for name, qubits, error, duration in rows
        if not _is_dead(error)
    ]
    return gates, tuple(names)


def read_qubits(reading: Reading) -> tuple[QubitCalibration, ...]:
    """Return the calibration of every qubit."""
    described = reading.target.qubit_properties or [None] * reading.target.num_qubits
    qubits = []
    for qubit, properties in enumerate(described):
        measured = reading.target.get("measure", {None: None})
        if (qubit,) not in measured and None not in measured:
            reading.unusable[qubit] = "cannot be measured"
        if reading.properties is not None and not reading.properties.is_qubit_operational(qubit):
            reading.unusable[qubit] = "reported as not operational"
        if qubit in reading.unusable:
            reading.log.note("dropped", "qubit", (qubit,), None, reading.unusable[qubit])
        t1 = reading.log.time("T1", qubit, getattr(properties, "t1", None), "no relaxation")
        t2 = reading.log.time("T2", qubit, getattr(properties, "t2", None), "2 T1")
        if t1 is not None and t2 is not None and t2 > 2 * t1:
            reading.log.note("changed", "T2", (qubit,), t2, "above 2 T1, which is impossible: 2 T1")
            t2 = 2 * t1
        p1_0, p0_1, length = _readout(reading, qubit)
        frequency = getattr(properties, "frequency", None)
        qubits.append(
            QubitCalibration(
                qubit=qubit,
                t1=t1,
                t2=t2,
                frequency=frequency if is_positive(frequency) else None,
                p_meas1_prep0=p1_0,
                p_meas0_prep1=p0_1,
                readout_length=length,
                operational=qubit not in reading.unusable,
            )
        )
    return tuple(qubits)


def _is_standard(name: str, operation: Instruction | type) -> bool:
    """Whether a name alone is enough to make the operation again."""
    standard = get_standard_gate_name_mapping().get(name)
    return (
        standard is not None
        and isinstance(operation, Gate | Reset)
        and operation.base_class is standard.base_class
        and all(isinstance(angle, Parameter) for angle in operation.params)
    )


def _rows_of_target(target: Target, name: str, n_qubits: int) -> Iterator[_Row]:
    places = target[name]
    if None in places:  # offered everywhere
        if n_qubits > 1:
            raise ProfileError(
                f"gate {name!r} of the target acts on any {n_qubits} qubits: a profile needs to "
                "know which pairs are coupled, and how well"
            )
        places = {(qubit,): places[None] for qubit in range(target.num_qubits)}
    for qubits, properties in sorted(places.items()):
        yield name, qubits, getattr(properties, "error", None), _duration(properties)


def _fractional_rows(reading: Reading) -> list[_Row]:
    """Return the fractional gates that the properties have and the target does not offer."""
    rows: list[_Row] = []
    for name in FRACTIONAL_GATES:
        if reading.properties is None or name in reading.target.operation_names:
            continue
        found: list[_Row] = []
        for gate in reading.properties.gates:
            if gate.gate == name:
                values = reading.properties.gate_property(name, gate.qubits)
                error, duration = (_value(values, key) for key in ("gate_error", "gate_length"))
                found.append((name, tuple(gate.qubits), error, duration))
        alive = [row for row in found if not _is_dead(row[2])]
        if len(alive) < len(found):
            what = f"error of 1 or more in {len(found) - len(alive)} of {len(found)} places"
            reading.log.note("dropped", name, (), None, what)
        rows += alive
    return rows


def _readout(reading: Reading, qubit: int) -> tuple[float | None, float | None, float | None]:
    """Return P(1|0), P(0|1) and the duration of a measurement."""
    places = reading.target.get("measure", {})
    measure = places.get((qubit,), places.get(None))
    length = reading.log.duration("readout", (qubit,), _duration(measure))
    known: dict[str, Any] = {}
    if reading.properties is not None:
        known = reading.properties.qubit_property(qubit)
        if length is None:  # not operational: the target leaves it out
            length = reading.log.duration("readout", (qubit,), _value(known, "readout_length"))
    wrong = [
        _value(known, name) if name in known else getattr(measure, name, None)
        for name in ("prob_meas1_prep0", "prob_meas0_prep1")
    ]
    error = getattr(measure, "error", None)
    if None in wrong and error is not None:
        reading.log.note("assumed", "readout", (qubit,), error, "one error for both outcomes")
        wrong = [error, error]
    known_wrong = [p for p in wrong if p is not None]
    if len(known_wrong) < 2:
        reading.log.note("missing", "readout", (qubit,), None, "modelled as faultless")
        return None, None, length
    p1_0, p0_1 = (reading.log.probability("readout", (qubit,), p) for p in known_wrong)
    return p1_0, p0_1, length


def _value(properties: Mapping[str, Any], name: str) -> float | None:
    """Return one of IBM's properties: they come with the date of their measurement."""
    value: float | None = properties.get(name, (None,))[0]
    return value


def _is_dead(error: float | None) -> bool:
    return error is not None and error >= 1


def _duration(properties: object) -> float | None:
    duration: float | None = getattr(properties, "duration", None)
    return duration
