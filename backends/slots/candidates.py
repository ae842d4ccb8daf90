"""All places of a device where a routed circuit can run as it is, with their expected errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.transpiler import Target

from qmoe_qiskit.backends.transpile.placement import (
    Costs,
    active_qubits,
    operations_of,
    waiting_times,
)
from qmoe_qiskit.typing import FloatArray

# Partial placements that are followed at once; beyond, the best of them only. A line of 6 qubits
# has some 500 placements on a heavy-hex device of 156 qubits, and 7 000 on a grid of 120.
MAX_PLACEMENTS = 50_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """Places where a routed circuit can run, C of them, the best first; each set of qubits once.

    Attributes:
        order: The qubits of the routed circuit that it acts on, Q of them.
        places_CQ: The device qubit of each of them.
        errors_C: Expected errors. Gates have the device's median durations where it is determined
            how long qubits wait.
        complete: Whether every place is included.
    """

    order: tuple[int, ...]
    places_CQ: NDArray[np.int64]
    errors_C: FloatArray
    complete: bool

    def place(self, index: int) -> dict[int, int]:
        """Return the device qubit of each qubit of the routed circuit."""
        return dict(zip(self.order, self.places_CQ[index].tolist(), strict=True))

    def covers(self, n_qubits: int) -> NDArray[np.bool_]:
        """Return which candidates use which device qubits, (C, N)."""
        used_CN = np.zeros((len(self.places_CQ), n_qubits), dtype=bool)
        np.put_along_axis(used_CN, self.places_CQ, values=True, axis=1)
        return used_CN

    def take(self, chosen: NDArray[np.bool_]) -> Candidates:
        """Return some of the candidates."""
        return Candidates(
            order=self.order,
            places_CQ=self.places_CQ[chosen],
            errors_C=self.errors_C[chosen],
            complete=self.complete,
        )


def all_placements(circuit: QuantumCircuit, target: Target) -> Candidates:
    """Return every place that needs no further routing: where the device has every operation.

    Several placements can lie on the same qubits if the circuit is symmetric. The one with the
    smallest expected error is returned.

    Args:
        circuit: The routed circuit, in the device's gates, with measurements.
        target: The device.
    """
    costs = Costs(target)
    order = _connected_order(circuit)
    alone_QN, pairs = _cost_tables(circuit, order, costs)
    places_CQ, cost_C, complete = np.zeros((1, 0), dtype=np.int64), np.zeros(1), True
    for k, alone_N in enumerate(alone_QN):
        cost_CN = cost_C[:, None] + alone_N
        for j in range(k):
            if (j, k) in pairs:
                cost_CN = cost_CN + pairs[j, k][places_CQ[:, j]]
        np.put_along_axis(cost_CN, places_CQ, np.inf, axis=1)  # each qubit once
        row, qubit = np.nonzero(np.isfinite(cost_CN))
        cost_C = cost_CN[row, qubit]
        if len(cost_C) > MAX_PLACEMENTS:
            keep = np.sort(np.argsort(cost_C, kind="stable")[:MAX_PLACEMENTS])
            row, qubit, cost_C, complete = row[keep], qubit[keep], cost_C[keep], False
        places_CQ = np.column_stack([places_CQ[row], qubit])
    by_cost = np.argsort(cost_C, kind="stable")
    places_CQ, cost_C = places_CQ[by_cost], cost_C[by_cost]
    _, first = np.unique(np.sort(places_CQ, axis=1), axis=0, return_index=True)
    best = np.sort(first)
    return Candidates(
        order=tuple(order),
        places_CQ=places_CQ[best],
        errors_C=-np.expm1(-cost_C[best]),
        complete=complete,
    )


def _connected_order(circuit: QuantumCircuit) -> list[int]:
    """Return the active qubits so that each, where possible, is coupled to one before it."""
    used = active_qubits(circuit)
    edges = [set(qubits) for _, qubits in operations_of(circuit) if len(qubits) == 2]
    order: list[int] = []
    while len(order) < len(used):
        near = sorted(q for e in edges if e & set(order) for q in e - set(order))
        order.append(near[0] if near else next(q for q in used if q not in order))
    return order


def _cost_tables(
    circuit: QuantumCircuit, order: list[int], costs: Costs
) -> tuple[FloatArray, dict[tuple[int, int], FloatArray]]:
    """Return -log of the fidelity of everything on a qubit, (Q, N), or a pair j < k, (N, N)."""
    position = {q: k for k, q in enumerate(order)}
    alone_QN = np.zeros((len(order), costs.target.num_qubits))
    pairs: dict[tuple[int, int], FloatArray] = {}
    for (name, qubits), count in operations_of(circuit).items():
        cost = count * costs.of(name, len(qubits))
        if len(qubits) == 1:
            alone_QN[position[qubits[0]]] += cost
            continue
        first, second = (position[q] for q in qubits)
        pair = (min(first, second), max(first, second))
        pairs[pair] = pairs.get(pair, 0.0) + (cost if first < second else cost.T)
    waits = waiting_times(circuit, lambda name, _: costs.median_duration(name))
    for q, time in waits.items():
        alone_QN[position[q]] += costs.of_waiting(time)
    return alone_QN, pairs
