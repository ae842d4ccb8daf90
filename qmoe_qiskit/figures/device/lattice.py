"""Positions of the qubits of a device in a flat drawing of its coupling map."""

from collections.abc import Iterable

import numpy as np

from qmoe_qiskit.typing import FloatArray

_SWEEPS = 300
_APART = 3.0  # distance, in couplers, between parts of a device that no coupler joins


def lattice_positions(n_qubits: int, pairs: Iterable[tuple[int, int]]) -> FloatArray:
    """Return a position for every qubit, shape (Q, 2), y upwards; a coupler is about 1 long.

    Drawn distances are fitted to the numbers of couplers between qubits, near ones most closely
    (stress majorization: Gansner, Koren and North, 2005; weights of Kamada and Kawai, 1989). Grids,
    rings and heavy-hex lattices get their usual form. The drawing is then turned so that runs of
    consecutive numbers, which are rows on most devices, lie horizontally, with qubit 0 at the upper
    left.

    Args:
        n_qubits: Number of qubits, Q.
        pairs: Qubits that are coupled, in any order.
    """
    edges = sorted({(min(pair), max(pair)) for pair in pairs})
    distance_QQ = _distances(n_qubits, edges)
    positions_Q2 = _majorized(_first_guess(distance_QQ), distance_QQ)
    return _turned(positions_Q2, edges)


def _distances(n_qubits: int, edges: list[tuple[int, int]]) -> FloatArray:
    """Return the number of couplers between any two qubits, (Q, Q)."""
    joined_QQ = np.eye(n_qubits, dtype=bool)
    for a, b in edges:
        joined_QQ[a, b] = joined_QQ[b, a] = True
    distance_QQ = np.where(joined_QQ, 1.0, np.inf)
    np.fill_diagonal(distance_QQ, 0.0)
    reached_QQ, step = joined_QQ.copy(), 1
    while True:
        further_QQ = (reached_QQ.astype(np.float64) @ joined_QQ) > 0
        step += 1
        if (further_QQ == reached_QQ).all():
            break
        distance_QQ[further_QQ & ~reached_QQ] = step
        reached_QQ = further_QQ
    return np.where(np.isfinite(distance_QQ), distance_QQ, step - 1 + _APART)


def _first_guess(distance_QQ: FloatArray) -> FloatArray:
    """Return positions from classical scaling, the plane that reproduces the distances best."""
    n_qubits = len(distance_QQ)
    centring_QQ = np.eye(n_qubits) - 1 / n_qubits
    values_Q, vectors_QQ = np.linalg.eigh(-centring_QQ @ distance_QQ**2 @ centring_QQ / 2)
    flat_QQ = vectors_QQ[:, ::-1] * np.sqrt(np.maximum(values_Q[::-1], 0))
    return np.column_stack([flat_QQ, np.zeros(n_qubits)])[:, :2]  # one qubit has one dimension


def _majorized(positions_Q2: FloatArray, distance_QQ: FloatArray) -> FloatArray:
    """Lower the weighted stress of a drawing, sweep by sweep."""
    off = ~np.eye(len(distance_QQ), dtype=bool)
    weight_QQ = np.where(off, 1 / np.where(off, distance_QQ, 1.0) ** 2, 0.0)
    inverse_QQ = np.linalg.pinv(_laplacian(weight_QQ))
    for _ in range(_SWEEPS):
        drawn_QQ = np.linalg.norm(positions_Q2[:, None] - positions_Q2[None], axis=-1)
        pull_QQ = weight_QQ * distance_QQ / np.maximum(drawn_QQ, 1e-9)
        positions_Q2 = inverse_QQ @ (_laplacian(pull_QQ) @ positions_Q2)
    return positions_Q2


def _laplacian(weight_QQ: FloatArray) -> FloatArray:
    laplacian: FloatArray = np.diag(weight_QQ.sum(axis=1)) - weight_QQ
    return laplacian


def _turned(positions_Q2: FloatArray, edges: list[tuple[int, int]]) -> FloatArray:
    steps = [(a, b) for a, b in edges if b == a + 1] or edges
    if not steps:
        return positions_Q2
    z_Q = positions_Q2 @ np.array([1, 1j])
    along = np.array([z_Q[b] - z_Q[a] for a, b in steps])
    z_Q = z_Q * np.exp(-0.5j * np.angle(np.sum(along**2)))
    x_Q, y_Q = z_Q.real, z_Q.imag
    number_Q = np.arange(len(z_Q)) - (len(z_Q) - 1) / 2
    if sum(x_Q[b] - x_Q[a] for a, b in steps) < 0:
        x_Q = -x_Q
    if number_Q @ y_Q > 0:
        y_Q = -y_Q
    return np.column_stack([x_Q - x_Q.mean(), y_Q - y_Q.mean()])
