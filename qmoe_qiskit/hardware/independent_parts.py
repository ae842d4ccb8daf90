"""Work whose circuit falls into parts that no gate and no observable joins, part by part.

Without crosstalk in the noise, the parts have the same outcomes one by one as together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList, SparsePauliOp

from qmoe_qiskit.hardware.work import WorkUnit


@dataclass(frozen=True, kw_only=True, eq=False)
class IndependentPart:
    """A part of a work.

    Attributes:
        work: The part: its gates, its angles, its qubits and observables; the key is the whole's.
        outputs: Which observables of the whole it has.
    """

    work: WorkUnit
    outputs: tuple[int, ...]


def independent_parts(work: WorkUnit) -> list[IndependentPart]:
    """Return the parts of a work that have observables, or the whole work if it is one part."""
    regions = _joined(
        [
            *([q] for q in work.physical_qubits),
            *(qubits for name, qubits in _steps(work.circuit) if name != "barrier"),
            *(_support(work, observable) for observable in work.observables),
        ]
    )
    if len(regions) < 2:
        return [IndependentPart(work=work, outputs=tuple(range(len(work.observables))))]
    region_of = {q: k for k, region in enumerate(regions) for q in region}
    outputs: dict[int, list[int]] = defaultdict(list)
    for index, observable in enumerate(work.observables):
        support = _support(work, observable)
        # A multiple of the identity can be measured anywhere.
        outputs[region_of[support[0]] if support else 0].append(index)
    return [
        IndependentPart(work=_part(work, regions[k], outputs[k]), outputs=tuple(outputs[k]))
        for k in sorted(outputs)
    ]


def gates_on(circuit: QuantumCircuit, region: Iterable[int]) -> QuantumCircuit:
    """Return the part of a circuit on some qubits, which no gate joins to others; same width."""
    inside = set(region)
    part = QuantumCircuit(circuit.num_qubits)
    for step in circuit.data:
        if here := [q for q in (circuit.find_bit(q).index for q in step.qubits) if q in inside]:
            is_barrier = step.operation.name == "barrier"
            part.barrier(here) if is_barrier else part.append(step.operation, here)
    return part


def region_around(circuit: QuantumCircuit, qubits: Iterable[int]) -> set[int]:
    """Return qubits, and all that gates join to them, directly or through others."""
    wanted = set(qubits)
    steps = [on for name, on in _steps(circuit) if name != "barrier"]
    return {
        q for region in _joined([*steps, *([q] for q in wanted)]) if region & wanted for q in region
    }


def _part(work: WorkUnit, region: set[int], outputs: list[int]) -> WorkUnit:
    circuit = gates_on(work.circuit, region)
    column = {parameter: g for g, parameter in enumerate(work.circuit.parameters)}
    columns = [column[parameter] for parameter in circuit.parameters]
    here = [k for k, q in enumerate(work.physical_qubits) if q in region]
    return replace(
        work,
        circuit=circuit,
        physical_qubits=tuple(work.physical_qubits[k] for k in here),
        observables=tuple(_restricted(work.observables[o], here) for o in outputs),
        points_PG=work.points_PG[:, columns],
    )


def _restricted(observable: SparsePauliOp, qubits: list[int]) -> SparsePauliOp:
    """Return an observable that is the identity elsewhere, on some of its qubits."""
    paulis = observable.paulis
    part = PauliList.from_symplectic(paulis.z[:, qubits], paulis.x[:, qubits])
    return SparsePauliOp(part, observable.coeffs)


def _support(work: WorkUnit, observable: SparsePauliOp) -> list[int]:
    """Return the device qubits on which an observable is not the identity."""
    acts_N = (observable.paulis.x | observable.paulis.z).any(axis=0)
    return [work.physical_qubits[k] for k in np.flatnonzero(acts_N)]


def _steps(circuit: QuantumCircuit) -> list[tuple[str, list[int]]]:
    return [
        (step.operation.name, [circuit.find_bit(q).index for q in step.qubits])
        for step in circuit.data
    ]


def _joined(groups: Iterable[Iterable[int]]) -> list[set[int]]:
    """Return the connected parts of qubits that share a group, by their smallest qubit."""
    part_of: dict[int, set[int]] = {}
    for group in groups:
        joined = set(group).union(*(part_of.get(q, set()) for q in group))
        for q in joined:
            part_of[q] = joined
    return sorted({id(part): part for part in part_of.values()}.values(), key=min)
