"""Choosing slots that do not conflict: a maximum-weight independent set.

Two candidates conflict if they lie within `spacing` couplers of each other. Each conflict is part
of a clique: all candidates that touch one ball of that diameter. With one constraint per ball the
linear program is tight on the sparse graphs of devices, and HiGHS proves the optimum, in most cases
without branching.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, vstack

from qmoe_qiskit.typing import FloatArray

BoolArray = NDArray[np.bool_]

# Candidates up to which an exact solution is tried, and nodes of its search tree.
MAX_EXACT = 20_000
MAX_NODES = 50
_TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Selection:
    """Candidates without conflicts.

    Attributes:
        chosen: Their indices, ascending.
        value: Their total weight.
        bound: A proven upper bound of the total weight of any such set.
        method: "exact", "branch and bound" that was cut short, or "greedy".
    """

    chosen: tuple[int, ...]
    value: float
    bound: float
    method: str

    @property
    def gap(self) -> float:
        """The share of the bound by which the weight may be below the optimum."""
        return max(0.0, self.bound - self.value) / max(abs(self.bound), _TOLERANCE)


def balls(n_qubits: int, pairs: Iterable[tuple[int, int]], diameter: int) -> BoolArray:
    """Return qubits in balls of a diameter: any two qubits that near share one, (balls, N).

    Even diameters have balls around qubits, odd ones around couplers. Isolated qubits have a ball
    of their own.
    """
    edges = sorted({(min(p), max(p)) for p in pairs})
    near_NN = np.eye(n_qubits, dtype=bool)
    for a, b in edges:
        near_NN[a, b] = near_NN[b, a] = True
    reach_NN = np.eye(n_qubits, dtype=bool)
    for _ in range(diameter // 2):
        reach_NN = (reach_NN.astype(np.int64) @ near_NN) > 0
    if diameter % 2 == 0:
        return reach_NN
    around = [reach_NN[a] | reach_NN[b] for a, b in edges]
    alone = [reach_NN[q] for q in range(n_qubits) if near_NN[q].sum() == 1]
    return np.array([*around, *alone], dtype=bool).reshape(-1, n_qubits)


def cliques_of(used_CN: BoolArray, balls_LN: BoolArray) -> csr_array:
    """Return which candidates touch which ball, (L, C): of each row at most one can be chosen."""
    touches = (balls_LN.astype(np.int64) @ used_CN.T.astype(np.int64)) > 0
    return csr_array(touches[touches.sum(axis=1) > 1].astype(np.float64))


def best_independent_set(
    weights_C: FloatArray, cliques_LC: csr_array, *, count: int | None = None, gap: float = 0.0
) -> Selection | None:
    """Return the set with the largest total weight, of which each clique holds at most one.

    Args:
        weights_C: Weights; they are positive, unless the count is given.
        cliques_LC: One row per clique.
        count: Number of candidates to choose; None for any number.
        gap: Share of the optimum that may be missed, for an answer sooner.

    Returns:
        The selection; None if no set of that count was found.
    """
    if len(weights_C) > MAX_EXACT:
        return _greedy(weights_C, cliques_LC, count, bound=_relaxed(weights_C, cliques_LC, count))
    found = milp(
        -weights_C,
        constraints=_constraints(cliques_LC, count),
        integrality=np.ones(len(weights_C)),
        bounds=Bounds(0, 1),
        # A limit of time would make the result depend on the machine.
        options={"mip_rel_gap": gap, "node_limit": MAX_NODES},
    )
    if found.status == 2:  # infeasible
        return None
    if found.x is None:
        return _greedy(weights_C, cliques_LC, count, bound=_relaxed(weights_C, cliques_LC, count))
    chosen = np.flatnonzero(found.x > 0.5)
    exact = found.status == 0 and gap == 0
    value = float(weights_C[chosen].sum())
    return Selection(
        chosen=tuple(chosen.tolist()),
        value=value,
        bound=value if exact else max(value, -float(found.mip_dual_bound)),
        method="exact" if exact else "branch and bound",
    )


def _constraints(cliques_LC: csr_array, count: int | None) -> LinearConstraint:
    """Return at most one candidate per clique, and the number of candidates where it is given."""
    n_cliques, n_candidates = cliques_LC.shape
    least = 0 if count is None else count
    most = n_candidates if count is None else count
    return LinearConstraint(
        vstack([cliques_LC, csr_array(np.ones((1, n_candidates)))]),
        np.append(np.full(n_cliques, -np.inf), least),
        np.append(np.ones(n_cliques), most),
    )


def _relaxed(weights_C: FloatArray, cliques_LC: csr_array, count: int | None) -> float:
    """Return the optimum of the linear program, an upper bound."""
    found = milp(-weights_C, constraints=_constraints(cliques_LC, count), bounds=Bounds(0, 1))
    return np.inf if found.fun is None else -float(found.fun)


def _greedy(
    weights_C: FloatArray, cliques_LC: csr_array, count: int | None, *, bound: float
) -> Selection | None:
    """Take the best candidates one by one; then exchange one for two as long as that helps."""
    conflicts = (cliques_LC.T @ cliques_LC).astype(bool).tolil()
    rivals = [set(row) - {c} for c, row in enumerate(conflicts.rows)]
    per_rival_C = weights_C / np.array([1 + len(r) for r in rivals])
    # A given count is for small errors; without one, many slots count more than good ones.
    order = np.argsort(-(weights_C if count is not None else per_rival_C), kind="stable").tolist()
    chosen: set[int] = set()
    for c in order:
        if not rivals[c] & chosen:
            chosen.add(c)
    improved = True
    while improved:
        improved = False
        for out in sorted(chosen):
            free = [c for c in rivals[out] if rivals[c] & chosen == {out}]
            best: tuple[int, ...] = ()
            gain = float(weights_C[out])
            for i, a in enumerate(free):
                others = [(a, b) for b in free[i + 1 :] if b not in rivals[a]]
                for option in [(a,), *others]:
                    total = float(weights_C[list(option)].sum())
                    if total > gain + _TOLERANCE:
                        best, gain = option, total
            if best:
                chosen = (chosen - {out}) | set(best)
                improved = True
    kept = sorted(chosen, key=lambda c: -weights_C[c])
    if count is not None:
        if len(kept) < count:
            return None
        kept = kept[:count]
    return Selection(
        chosen=tuple(sorted(kept)),
        value=float(weights_C[kept].sum()),
        bound=bound,
        method="greedy",
    )
