"""Properties of an IBM device without the device: from a file, and as a target."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError
from qiskit.circuit import Gate, Measure
from qiskit.providers import QubitProperties
from qiskit.transpiler import InstructionProperties, Target
from qiskit_ibm_runtime.models import BackendProperties
from qiskit_ibm_runtime.models.backend_properties import GateProperties, Nduv
from qiskit_ibm_runtime.models.exceptions import BackendPropertyError

from qmoe_qiskit.errors import ProfileError, quoted
from qmoe_qiskit.noise_profiles.calibration import FRACTIONAL_GATES
from qmoe_qiskit.noise_profiles.standard_gates import standard_gates

_WHAT = "the properties of an IBM device, as backend.properties().to_dict() gives them"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Value(_Part):
    name: str
    unit: str = ""
    value: float | None


class _Gate(_Part):
    gate: str
    qubits: tuple[int, ...]
    parameters: tuple[_Value, ...]


class _File(_Part):
    backend_name: str
    backend_version: str = "unknown"
    last_update_date: datetime
    qubits: tuple[tuple[_Value, ...], ...]
    gates: tuple[_Gate, ...]


def properties_of_json(text: str | bytes, name: str) -> BackendProperties:
    """Read properties from JSON; messages call it `name`.

    Raises:
        ProfileError: If it is not JSON, or something else than properties.
    """
    try:
        file = _File.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        place = f": {where}" if where else ""
        raise ProfileError(f"{name} is not {_WHAT}{place}: {first['msg']}") from error
    return properties_of(
        device=file.backend_name,
        version=file.backend_version,
        at=file.last_update_date.astimezone(),  # a time without a zone is local
        qubits=[[(v.name, v.unit, v.value) for v in qubit] for qubit in file.qubits],
        gates=[
            (gate.gate, gate.qubits, [(v.name, v.unit, v.value) for v in gate.parameters])
            for gate in file.gates
        ],
        name=name,
    )


def checked(properties: BackendProperties) -> BackendProperties:
    """Return properties that somebody else made, as `properties_of` makes them."""

    def named(values: list[Nduv]) -> list[Named]:
        return [(v.name, v.unit, v.value) for v in values]

    return properties_of(
        device=properties.backend_name,
        version=properties.backend_version,
        at=properties.last_update_date.astimezone(),
        qubits=[named(values) for values in properties.qubits],
        gates=[(g.gate, tuple(g.qubits), named(g.parameters)) for g in properties.gates],
        name=f"the properties of {properties.backend_name}",
    )


# Name, unit and value, which is None where it is unknown.
Named = tuple[str, str, float | None]


def properties_of(
    *,
    device: str,
    version: str,
    at: datetime,
    qubits: list[list[Named]],
    gates: list[tuple[str, tuple[int, ...], list[Named]]],
    name: str,
) -> BackendProperties:
    """Return properties of a device; messages call their source `name`.

    Raises:
        ProfileError: If a gate acts on a qubit that does not exist, or a unit is unknown.
    """
    for gate, places, _ in gates:
        if not places or len(set(places)) < len(places):
            raise ProfileError(f"{name}: gate {quoted(gate)} acts on qubits {quoted(list(places))}")
        if strange := [q for q in places if not 0 <= q < len(qubits)]:
            raise ProfileError(
                f"{name}: gate {quoted(gate)} acts on qubit {quoted(strange[0])}, and it has the "
                f"qubits 0 to {len(qubits) - 1}"
            )

    def dated(values: list[Named]) -> list[Nduv]:
        return [Nduv(at, what, unit, value) for what, unit, value in values if value is not None]

    # Of a qubit without any property IBM's class would not know that it exists.
    working: list[Named] = [("operational", "", 1)]

    try:
        return BackendProperties(
            device,
            version,
            at,
            [dated(working + values) for values in qubits],
            [GateProperties(list(q), gate, dated(values)) for gate, q, values in gates],
            [],
        )
    except BackendPropertyError as error:
        raise ProfileError(f"{name}: {error.message}") from error


class _Reported(Protocol):
    def get(self, name: str, other: Any, /) -> Any: ...  # noqa: ANN401 - a value and its date


def target_of(properties: BackendProperties) -> Target:
    """Return the target of a device of which only the properties are known.

    Its gates are those that the properties report, but for fractional ones: whether a device offers
    them, properties do not say. Its time resolution is unknown.
    """
    n_qubits = len(properties.qubits)
    reported = [properties.qubit_property(q) for q in range(n_qubits)]
    working = [q for q in range(n_qubits) if properties.is_qubit_operational(q)]
    target = Target(
        description=properties.backend_name,
        num_qubits=n_qubits,
        qubit_properties=[
            QubitProperties(
                t1=_value(of, "T1"), t2=_value(of, "T2"), frequency=_value(of, "frequency")
            )
            for of in reported
        ],
    )
    places: dict[str, dict[tuple[int, ...], InstructionProperties]] = defaultdict(dict)
    for gate in properties.gates:
        qubits = tuple(gate.qubits)
        if gate.gate == "measure" or gate.gate in FRACTIONAL_GATES:
            continue
        if set(qubits) <= set(working) and properties.is_gate_operational(gate.gate, qubits):
            of = properties.gate_property(gate.gate, qubits)
            places[gate.gate][qubits] = InstructionProperties(
                _value(of, "gate_length"), _value(of, "gate_error")
            )
    standard = standard_gates()
    for name, found in places.items():
        width = {len(qubits) for qubits in found}
        if len(width) > 1:
            raise ProfileError(f"gate {quoted(name)} acts on {min(width)} and {max(width)} qubits")
        gate = standard.get(name)
        if gate is None or {gate.num_qubits} != width:
            gate = Gate(name, *width, [])  # which is dropped, with a record
        target.add_instruction(gate, found, name=name)
    measured = {
        (q,): InstructionProperties(
            _value(reported[q], "readout_length"), _value(reported[q], "readout_error")
        )
        for q in working
    }
    target.add_instruction(Measure(), measured)
    return target


def _value(of: _Reported, name: str) -> float | None:
    value: float | None = of.get(name, (None,))[0]
    return value
