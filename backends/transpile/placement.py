"""Choosing the device qubits for a routed circuit, by calibration.

The error of a gate is the one that the simulation has: the reported one, or that of the relaxation
of its qubits during its time, if that is larger, as in Aer's device noise. A qubit that waits
between gates relaxes too.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import numpy as np
from qiskit import QuantumCircuit
from qiskit.transpiler import Target

from qmoe_qiskit.noise_profiles.thermal import Relaxing, relaxation_fidelity
from qmoe_qiskit.typing import FloatArray

# Partial placements kept at once; a pattern of 6 qubits has 20 000 placements on a large device.
MAX_PLACEMENTS = 20_000
# A first, narrow search gives a bound that shortens the full search.
_NARROW = 64
# The error of an operation that states none.
_UNKNOWN_ERROR = 0.0

Operations = Counter[tuple[str, tuple[int, ...]]]


def active_qubits(circuit: QuantumCircuit) -> list[int]:
    """Return the qubits that any gate or measurement acts on, ascending."""
    used: set[int] = set()
    for step in circuit.data:
        if step.operation.name not in {"barrier", "delay"}:
            used.update(circuit.find_bit(q).index for q in step.qubits)
    return sorted(used)


def expected_error(
    circuit: QuantumCircuit, target: Target, place: Mapping[int, int] | None = None
) -> float:
    """Return 1 - the product of (1 - error) over operations, measurements, and waiting qubits.

    Args:
        circuit: The circuit.
        target: The device.
        place: For each qubit that the circuit acts on, its device qubit; None for its own number.
    """
    relaxing = target.qubit_properties

    def there(qubits: tuple[int, ...]) -> tuple[int, ...]:
        return qubits if place is None else tuple(place[q] for q in qubits)

    log_fidelity = sum(
        count * np.log1p(-_error(target, relaxing, name, there(qubits)))
        for (name, qubits), count in operations_of(circuit).items()
    )
    waits = waiting_times(circuit, lambda name, qubits: _duration(target, name, there(qubits)))
    log_fidelity += sum(np.log1p(-_limit(relaxing, there((q,)), t)) for q, t in waits.items())
    return float(-np.expm1(log_fidelity)) + 0.0  # not -0.0


def waiting_times(
    circuit: QuantumCircuit, duration: Callable[[str, tuple[int, ...]], float]
) -> dict[int, float]:
    """Return how long each qubit waits between its operations, if all start as late as possible.

    Args:
        circuit: The circuit; its delays are left out.
        duration: Takes an operation's name and qubits to its duration in s.
    """
    free_at = [0.0] * circuit.num_qubits  # counted from the end
    waits: dict[int, float] = {}
    for step in reversed(circuit.data):
        name = step.operation.name
        if name == "delay":
            continue
        qubits = tuple(circuit.find_bit(q).index for q in step.qubits)
        ends = max(free_at[q] for q in qubits)
        for q in qubits:
            if name != "barrier":
                waits[q] = waits[q] + ends - free_at[q] if q in waits else 0.0
                free_at[q] = ends + duration(name, qubits)
            elif q in waits:
                waits[q] += ends - free_at[q]
                free_at[q] = ends
    return waits


class Costs:
    """What each operation costs at each place of a device: -log of its fidelity.

    Tables are made once, for all circuits that are placed on the device.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self._tables: dict[str, FloatArray] = {}
        self._medians: dict[str, float] = {}
        # Qiskit makes a new list at each access.
        self._qubits = target.qubit_properties

    def of(self, name: str, n_qubits: int) -> FloatArray:
        """Return the costs of an operation, (N,) or (N, N); infinite where the device lacks it."""
        if name not in self._tables:
            table = np.full((self.target.num_qubits,) * n_qubits, np.inf)
            for place in self.target[name]:
                table[place] = -np.log1p(-_error(self.target, self._qubits, name, place))
            self._tables[name] = table
        return self._tables[name]

    def of_waiting(self, time: float) -> FloatArray:
        """Return the costs of a time in s at each qubit, (N,)."""
        limits = [_limit(self._qubits, (q,), time) for q in range(self.target.num_qubits)]
        costs_N: FloatArray = -np.log1p(-np.array(limits))
        return costs_N

    def median_duration(self, name: str) -> float:
        """Return the median duration of an operation over all its places, in s."""
        if name not in self._medians:
            durations = [_duration(self.target, name, place) for place in self.target[name]]
            self._medians[name] = median(durations)
        return self._medians[name]


def best_placement(
    circuit: QuantumCircuit, target: Target, costs: Costs | None = None
) -> dict[int, int]:
    """Return the placement with the smallest expected error, as {qubit now: qubit then}.

    The search covers all placements that need no further routing: those where the device offers
    every operation, its direction included. Gates have the device's median durations where it is
    determined how long qubits wait. It is branch and bound, qubit by qubit; where more than
    `MAX_PLACEMENTS` partial placements could still win, only the best of them are continued. The
    costs are those of the target, if they are known already.
    """
    costs = costs or Costs(target)
    operations = operations_of(circuit)
    used = active_qubits(circuit)
    order = _connected_order(used, operations)
    alone_QN, pairs = _cost_tables(order, operations, costs)
    waits = waiting_times(circuit, lambda name, _: costs.median_duration(name))
    for k, q in enumerate(order):
        alone_QN[k] += costs.of_waiting(waits[q])
    # What the qubits still to be placed cost at least.
    least = alone_QN.min(axis=1)
    for (_, later), table_NN in pairs.items():
        least[later] += table_NN.min()
    rest = np.append(np.cumsum(least[::-1])[::-1][1:], 0.0)
    best = order  # the circuit can stay where it is
    bound = sum(float(alone_QN[k, q]) for k, q in enumerate(order)) + sum(
        float(table_NN[order[j], order[k]]) for (j, k), table_NN in pairs.items()
    )
    for limit in (_NARROW, MAX_PLACEMENTS):
        found, cost = _search(alone_QN, pairs, rest, bound, limit)
        if cost < bound:
            best, bound = found, cost
    return dict(zip(order, best, strict=True))


def _search(
    alone_QN: FloatArray,
    pairs: dict[tuple[int, int], FloatArray],
    rest: FloatArray,
    bound: float,
    limit: int,
) -> tuple[list[int], float]:
    """Return the best placement that costs less than the bound, and its cost, else infinity."""
    placed_KQ = np.zeros((1, 0), dtype=np.int64)
    cost_K = np.zeros(1)
    for k, alone_N in enumerate(alone_QN):
        cost_KN = cost_K[:, None] + alone_N
        for j in range(k):
            if (j, k) in pairs:
                cost_KN += pairs[j, k][placed_KQ[:, j]]
        np.put_along_axis(cost_KN, placed_KQ, np.inf, axis=1)  # each qubit once
        row, qubit = np.nonzero(cost_KN + rest[k] < bound)
        cost_K = cost_KN[row, qubit]
        if len(cost_K) > limit:
            keep = np.sort(np.argpartition(cost_K, limit)[:limit])
            row, qubit, cost_K = row[keep], qubit[keep], cost_K[keep]
        placed_KQ = np.column_stack([placed_KQ[row], qubit])
    if len(cost_K) == 0:
        return [], np.inf
    winner = int(np.argmin(cost_K))
    return placed_KQ[winner].tolist(), float(cost_K[winner])


def _connected_order(used: list[int], operations: Operations) -> list[int]:
    """Return the qubits so that each, where possible, is coupled to one before it."""
    edges = [set(qubits) for _, qubits in operations if len(qubits) == 2]
    order: list[int] = []
    while len(order) < len(used):
        near = [q for e in edges if e & set(order) for q in e - set(order)]
        order.append(near[0] if near else next(q for q in used if q not in order))
    return order


def _cost_tables(
    order: list[int], operations: Operations, costs: Costs
) -> tuple[FloatArray, dict[tuple[int, int], FloatArray]]:
    """Return -log of the fidelity of everything on a qubit or pair, at every place.

    Returns:
        Per qubit in the order given, (Q, N); per pair j < k of positions in that order, (N, N).
        Infinite where the device lacks an operation.
    """
    position = {q: k for k, q in enumerate(order)}
    alone_QN = np.zeros((len(order), costs.target.num_qubits))
    pairs: dict[tuple[int, int], FloatArray] = {}
    for (name, qubits), count in operations.items():
        cost = count * costs.of(name, len(qubits))
        if len(qubits) == 1:
            alone_QN[position[qubits[0]]] += cost
        else:
            first, second = (position[q] for q in qubits)
            pair = (min(first, second), max(first, second))
            pairs[pair] = pairs.get(pair, 0.0) + (cost if first < second else cost.T)
    return alone_QN, pairs


def operations_of(circuit: QuantumCircuit) -> Operations:
    """Return how often each operation acts on which qubits; barriers and delays are left out."""
    return Counter(
        (step.operation.name, tuple(circuit.find_bit(q).index for q in step.qubits))
        for step in circuit.data
        if step.operation.name not in {"barrier", "delay"}
    )


def error_of(target: Target, name: str, qubits: tuple[int, ...]) -> float:
    """Return the error of an operation as it is simulated, below 1."""
    return _error(target, target.qubit_properties, name, qubits)


def _error(
    target: Target, relaxing: Sequence[Relaxing] | None, name: str, qubits: tuple[int, ...]
) -> float:
    properties = target[name].get(qubits) if name in target else None
    reported = None if properties is None else properties.error
    error = _UNKNOWN_ERROR if reported is None else reported
    if name != "measure":
        error = max(error, _limit(relaxing, qubits, _duration(target, name, qubits)))
    return min(error, 1 - 1e-12)


def _limit(relaxing: Sequence[Relaxing] | None, qubits: tuple[int, ...], duration: float) -> float:
    """Return the error of qubits that relax for some time, in s."""
    if relaxing is None or duration == 0:
        return 0.0
    fidelity = relaxation_fidelity([relaxing[q] for q in qubits], duration)
    return min(1 - fidelity, 1 - 1e-12)


def _duration(target: Target, name: str, qubits: tuple[int, ...]) -> float:
    properties = target[name].get(qubits) if name in target else None
    return (properties.duration or 0.0) if properties is not None else 0.0
