"""Choosing the device qubits that a routed circuit runs on, by calibration."""

from __future__ import annotations

from collections import Counter

import numpy as np
import rustworkx as rx
from qiskit import QuantumCircuit
from qiskit.transpiler import Target

# Placements that are looked at; a pattern of 8 qubits has tens of thousands on a large device.
MAX_PLACEMENTS = 20_000
# What an operation without a stated error counts as.
_UNKNOWN_ERROR = 0.0


def active_qubits(circuit: QuantumCircuit) -> list[int]:
    """Return the qubits that any gate or measurement acts on, ascending."""
    used: set[int] = set()
    for step in circuit.data:
        if step.operation.name not in {"barrier", "delay"}:
            used.update(circuit.find_bit(q).index for q in step.qubits)
    return sorted(used)


def expected_error(circuit: QuantumCircuit, target: Target) -> float:
    """Return 1 - the product of (1 - error) over all operations, measurements among them."""
    log_fidelity = sum(
        count * np.log1p(-_error(target, name, qubits))
        for (name, qubits), count in _operations(circuit).items()
    )
    return float(-np.expm1(log_fidelity))


def best_placement(circuit: QuantumCircuit, target: Target) -> dict[int, int]:
    """Return the placement with the smallest expected error, as {qubit now: qubit then}.

    Every placement is looked at that needs no further routing: all ways to lay the graph of the
    circuit's two-qubit gates, directions included, over the device's.
    """
    operations = _operations(circuit)
    used = active_qubits(circuit)
    pattern = rx.PyDiGraph(multigraph=False)
    node = {q: pattern.add_node(q) for q in used}
    device = rx.PyDiGraph(multigraph=False)
    device.add_nodes_from(range(target.num_qubits))
    for name, qubits in operations:
        if len(qubits) == 2:
            pattern.add_edge(node[qubits[0]], node[qubits[1]], name)
    names = {name for name, qubits in operations if len(qubits) == 2}
    for name in names:
        for first, second in target[name]:
            device.add_edge(first, second, name)
    mappings = rx.vf2_mapping(device, pattern, subgraph=True, induced=False, call_limit=None)
    rows = []
    for mapping in mappings:
        back = {inner: outer for outer, inner in mapping.items()}
        rows.append([back[node[q]] for q in used])
        if len(rows) == MAX_PLACEMENTS:
            break
    placements_KQ = np.array(rows)
    cost_K = _costs(operations, used, placements_KQ, target)
    best = placements_KQ[int(np.argmin(cost_K))]
    return dict(zip(used, best.tolist(), strict=True))


def _operations(circuit: QuantumCircuit) -> Counter[tuple[str, tuple[int, ...]]]:
    return Counter(
        (step.operation.name, tuple(circuit.find_bit(q).index for q in step.qubits))
        for step in circuit.data
        if step.operation.name not in {"barrier", "delay"}
    )


def _error(target: Target, name: str, qubits: tuple[int, ...]) -> float:
    properties = target[name].get(qubits) if name in target else None
    error = None if properties is None else properties.error
    return _UNKNOWN_ERROR if error is None else min(error, 1 - 1e-12)


def _costs(
    operations: Counter[tuple[str, tuple[int, ...]]],
    used: list[int],
    placements_KQ: np.ndarray,
    target: Target,
) -> np.ndarray:
    """Return -log of the expected fidelity of every placement."""
    column = {q: k for k, q in enumerate(used)}
    n = target.num_qubits
    cost_K = np.zeros(len(placements_KQ))
    tables: dict[tuple[str, int], np.ndarray] = {}
    for (name, qubits), count in operations.items():
        key = (name, len(qubits))
        if key not in tables:
            table = np.full((n,) * len(qubits), np.inf)  # where the device has no such gate
            for place in target[name]:
                table[place] = -np.log1p(-_error(target, name, place))
            tables[key] = table
        places = tuple(placements_KQ[:, column[q]] for q in qubits)
        cost_K += count * tables[key][places]
    return cost_K
