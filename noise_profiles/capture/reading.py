"""From a target and properties to a profile, with a record of all repairs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from qiskit.circuit import Gate, Parameter, Reset
from qiskit.circuit.controlflow import CONTROL_FLOW_OP_NAMES

from qmoe_qiskit.errors import ProfileError
from qmoe_qiskit.noise_profiles.calibration import (
    FRACTIONAL_GATES,
    GateCalibration,
    QubitCalibration,
)
from qmoe_qiskit.noise_profiles.capture.repairing import RepairLog, is_positive
from qmoe_qiskit.noise_profiles.plausibility import implausible
from qmoe_qiskit.noise_profiles.qiskit_models import BOUNDS
from qmoe_qiskit.noise_profiles.simulated import unknown_to_aer
from qmoe_qiskit.noise_profiles.standard_gates import standard_gates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from qiskit.circuit import Instruction
    from qiskit.transpiler import Target
    from qiskit_ibm_runtime.models import BackendProperties

    from qmoe_qiskit.noise_profiles.profile import NoiseProfile

# The gate whose error a fractional one may repeat.
MODELS = {"rx": "sx", "rzz": "cz"}
NOT_GATES = {"measure", "delay", "barrier", *CONTROL_FLOW_OP_NAMES}

# Name, qubits, error and duration as reported.
_Row = tuple[str, tuple[int, ...], float | None, float | None]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A device's description while it is read into a profile.

    Attributes:
        kind: The class of the profile.
        target: What the device offers, with errors and durations.
        properties: What a target cannot hold, for IBM's devices; else None.
        log: The repairs so far.
        unusable: The qubits found so far that cannot be used, with the reason.
    """

    kind: type[NoiseProfile]
    target: Target
    properties: BackendProperties | None
    log: RepairLog = field(default_factory=RepairLog)
    unusable: dict[int, str] = field(default_factory=dict)

    def profile(
        self, *, device: str, family: str | None, captured_at: datetime, source: str
    ) -> NoiseProfile:
        """Return the profile, with all repairs; ProfileError if the device has no calibration."""
        if not self.target.num_qubits:
            raise ProfileError(f"{device} has no fixed qubits, so it has no calibration")
        gates, basis_gates = self._gates()
        if self.target.dt is None:
            self.log.note("missing", "dt", (), None, "durations are rounded to 1 fs")
        qubits = tuple(self._qubits())  # second: dead gates make unusable qubits
        usable = {qubit.qubit for qubit in qubits if qubit.operational}
        for gate in gates:
            if len(gate.qubits) > 1 and not usable.issuperset(gate.qubits):
                self.log.note("dropped", gate.name, gate.qubits, gate.error, "on an unusable qubit")
        gates = [gate for gate in gates if usable.issuperset(gate.qubits)]
        return self.kind(
            device=device,
            family=family,
            captured_at=captured_at.astimezone(UTC),
            source=source,
            dt=self.target.dt,
            basis_gates=basis_gates,
            qubits=qubits,
            gates=tuple(gates),
            physical_qubits=tuple(range(self.target.num_qubits)),
            repairs=(*self.log.repairs, *implausible(self.target.dt, qubits, gates)),
        )

    def _gates(self) -> tuple[list[GateCalibration], tuple[str, ...]]:
        """Return the calibration of every gate that works, and the names of the offered gates.

        Qubits on which a one-qubit gate is dead are added to `unusable`.
        """
        names = []
        rows: list[_Row] = []
        for name in sorted(set(self.target.operation_names) - NOT_GATES):
            operation = self.target.operation_from_name(name)
            if not _is_standard(name, operation):
                self.log.note("dropped", name, (), None, "not one of Qiskit's standard gates")
                continue
            if isinstance(operation, Gate) and name in unknown_to_aer():
                self.log.note("dropped", name, (), None, "not a gate that Aer can simulate")
                continue
            if not _accepts_angles(self.target, name):
                self.log.note("dropped", name, (), None, "its angles have bounds of their own")
                continue
            rows += _rows_of_target(self.target, name, operation.num_qubits)
            if isinstance(operation, Gate):
                names.append(name)
        for name, qubits, error, _ in filter(_is_dead, rows):
            if len(qubits) == 1:
                self.unusable[qubits[0]] = f"{name} has an error of 1 or more"
            else:
                self.log.note("dropped", name, qubits, error, "error of 1 or more: does not work")
        rows += self._fractional_rows()
        errors = {(name, qubits): error for name, qubits, error, _ in rows}
        gates = [
            GateCalibration(
                name=row[0],
                qubits=row[1],
                error=self.log.error(*row[:3]),
                duration=self.log.duration(row[0], row[1], row[3]),
                copied=bool(row[2]) and errors.get((MODELS.get(row[0], ""), row[1])) == row[2],
            )
            for row in rows
            if not _is_dead(row)
        ]
        return gates, tuple(names)

    def _fractional_rows(self) -> list[_Row]:
        """Return the fractional gates that the properties have and the target does not offer."""
        rows: list[_Row] = []
        for name in FRACTIONAL_GATES:
            if self.properties is None or name in self.target.operation_names:
                continue
            found: list[_Row] = []
            for gate in self.properties.gates:
                if gate.gate == name:
                    values = self.properties.gate_property(name, gate.qubits)
                    error, duration = (_value(values, k) for k in ("gate_error", "gate_length"))
                    found.append((name, tuple(gate.qubits), error, duration))
            alive = [row for row in found if not _is_dead(row)]
            if len(alive) < len(found):
                what = f"error of 1 or more in {len(found) - len(alive)} of {len(found)} places"
                self.log.note("dropped", name, (), None, what)
            rows += alive
        return rows

    def _qubits(self) -> Iterator[QubitCalibration]:
        measured = self.target.get("measure", {None: None})
        described = self.target.qubit_properties or [None] * self.target.num_qubits
        for qubit, properties in enumerate(described):
            if (qubit,) not in measured and None not in measured:
                self.unusable[qubit] = "cannot be measured"
            if self.properties is not None and not self.properties.is_qubit_operational(qubit):
                self.unusable[qubit] = "reported as not operational"
            if qubit in self.unusable:
                self.log.note("dropped", "qubit", (qubit,), None, self.unusable[qubit])
            t1 = self.log.time("T1", qubit, getattr(properties, "t1", None), "no relaxation")
            t2 = self.log.time("T2", qubit, getattr(properties, "t2", None), "2 T1")
            if t1 is not None and t2 is not None and t2 > 2 * t1:
                reason = "above 2 T1, which is impossible: 2 T1"
                self.log.note("changed", "T2", (qubit,), t2, reason)
                t2 = 2 * t1
            p1_0, p0_1, length = self._readout(qubit)
            frequency = getattr(properties, "frequency", None)
            yield QubitCalibration(
                qubit=qubit,
                t1=t1,
                t2=t2,
                frequency=frequency if is_positive(frequency) else None,
                p_meas1_prep0=p1_0,
                p_meas0_prep1=p0_1,
                readout_length=length,
                operational=qubit not in self.unusable,
            )

    def _readout(self, qubit: int) -> tuple[float | None, float | None, float | None]:
        """Return P(1|0), P(0|1) and the duration of a measurement."""
        at = (qubit,)
        places = self.target.get("measure", {})
        measure = places.get(at, places.get(None))
        reported = getattr(measure, "duration", None)
        known: dict[str, Any] = {}
        if self.properties is not None:
            known = self.properties.qubit_property(qubit)
            if reported is None:  # not operational: the target leaves it out
                reported = _value(known, "readout_length")
        length = self.log.duration("readout", at, reported)
        wrong: list[Any] = [
            _value(known, name) if name in known else getattr(measure, name, None)
            for name in ("prob_meas1_prep0", "prob_meas0_prep1")
        ]
        error = getattr(measure, "error", None)
        if None in wrong and error is not None:
            self.log.note("assumed", "readout", at, error, "one error for both outcomes")
            wrong = [error, error]
        if None in wrong:
            self.log.note("missing", "readout", at, None, "modelled as faultless")
            return None, None, length
        p1_0, p0_1 = (self.log.probability("readout", at, p) for p in wrong)
        return p1_0, p0_1, length


def _is_standard(name: str, operation: Instruction | type) -> bool:
    """Whether a name alone is enough to make the operation again."""
    standard = standard_gates().get(name)
    return (
        standard is not None
        and isinstance(operation, Gate | Reset)
        and operation.base_class is standard.base_class
        and all(isinstance(angle, Parameter) for angle in operation.params)
    )


def _accepts_angles(target: Target, name: str) -> bool:
    """Whether a gate takes all angles that a profile says it takes."""
    if not target.gate_has_angle_bounds(name):
        return True
    # A range that holds both ends holds what lies between them.
    return name in BOUNDS and all(
        target.supported_angle_bound(name, [angle]) for angle in BOUNDS[name]
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
    for qubits, found in sorted(places.items()):
        yield name, qubits, getattr(found, "error", None), getattr(found, "duration", None)


def _value(properties: Mapping[str, Sequence[float | None]], name: str) -> float | None:
    """Return one of IBM's properties: they come with the date of their measurement."""
    return properties.get(name, (None,))[0]


def _is_dead(row: _Row) -> bool:
    return row[2] is not None and row[2] >= 1
