"""Independent sets: the optimum by trying all, conflicts by distances of rustworkx."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import rustworkx as rx

from qmoe_qiskit.backends.slots import independent_set
from qmoe_qiskit.backends.slots.independent_set import (
    Selection,
    balls,
    best_independent_set,
    cliques_of,
)
from qmoe_qiskit.typing import FloatArray


def random_graph(rng: np.random.Generator, n_nodes: int) -> list[tuple[int, int]]:
    """A tree and some more edges."""
    tree = [(int(rng.integers(k)), k) for k in range(1, n_nodes)]
    more = [tuple(map(int, sorted(rng.choice(n_nodes, 2, replace=False)))) for _ in range(3)]
    return [*tree, *more]  # type: ignore[list-item]


def distances(n_nodes: int, edges: list[tuple[int, int]]) -> FloatArray:
    graph = rx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(n_nodes))
    graph.add_edges_from_no_data(edges)
    return rx.distance_matrix(graph, null_value=np.inf)


def by_trying_all(
    weights: FloatArray, used: np.ndarray, far: FloatArray, spacing: int, count: int | None
) -> float:
    n = len(weights)
    sets = [np.flatnonzero(row) for row in used]
    fits = np.array(
        [
            [i == j or far[np.ix_(sets[i], sets[j])].min() > spacing for j in range(n)]
            for i in range(n)
        ]
    )
    best = -np.inf
    for size in range(n + 1) if count is None else [count]:
        for chosen in itertools.combinations(range(n), size):
            if fits[np.ix_(chosen, chosen)].all():
                best = max(best, float(weights[list(chosen)].sum()))
    return best


@pytest.mark.parametrize("spacing", [0, 1, 2, 3])
@pytest.mark.parametrize("count", [None, 2, 3])
def test_the_optimum(spacing: int, count: int | None, rng: np.random.Generator) -> None:
    n_nodes = 12
    for _ in range(4):
        edges = random_graph(rng, n_nodes)
        chosen = [edges[k] for k in rng.choice(len(edges), 9, replace=False)]
        used = np.zeros((len(chosen), n_nodes), dtype=bool)
        for k, pair in enumerate(chosen):
            used[k, list(pair)] = True
        weights = rng.uniform(0.5, 1, len(chosen))
        far = distances(n_nodes, edges)
        best = by_trying_all(weights, used, far, spacing, count)
        found = best_independent_set(
            weights, cliques_of(used, balls(n_nodes, edges, spacing)), count=count
        )
        if not np.isfinite(best):
            assert found is None
            continue
        assert found is not None
        assert found.method == "exact"
        assert found.value == pytest.approx(best, abs=1e-9)
        assert found.bound == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("diameter", [0, 1, 2, 3, 4])
def test_balls_are_the_pairs_that_near(diameter: int, rng: np.random.Generator) -> None:
    """Two qubits share a ball if and only if their distance is at most its diameter."""
    n_nodes = 20
    edges = [e for e in random_graph(rng, n_nodes) if 7 not in e]  # one isolated, several parts
    near = balls(n_nodes, edges, diameter)
    share = (near.T.astype(int) @ near.astype(int)) > 0
    assert (share == (distances(n_nodes, edges) <= diameter)).all()


def test_greedy_says_how_far_it_may_be(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_nodes, spacing = 40, 1
    edges = random_graph(rng, n_nodes)
    used = np.zeros((len(edges), n_nodes), dtype=bool)
    for k, pair in enumerate(edges):
        used[k, list(pair)] = True
    weights = rng.uniform(0.5, 1, len(edges))
    cliques = cliques_of(used, balls(n_nodes, edges, spacing))
    exact = best_independent_set(weights, cliques)
    monkeypatch.setattr(independent_set, "MAX_EXACT", 10)
    for count in (None, 4):
        found = best_independent_set(weights, cliques, count=count)
        assert isinstance(found, Selection)
        assert found.method == "greedy"
        assert found.value <= found.bound + 1e-9
        assert 0 <= found.gap < 0.2
        far = distances(n_nodes, edges)
        for a, b in itertools.combinations(found.chosen, 2):
            assert far[np.ix_(edges[a], edges[b])].min() > spacing
    assert exact is not None
    greedy = best_independent_set(weights, cliques)
    assert greedy is not None
    assert greedy.value <= exact.value + 1e-9 <= greedy.bound + 1e-8
