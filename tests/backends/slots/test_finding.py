"""Slots of devices: apart by the distances of rustworkx, complete by its subgraph search."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import rustworkx as rx

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.slots.candidates import all_placements
from qmoe_qiskit.backends.slots.finding import MAX_EXCESS, SlotFinder, find_slots
from qmoe_qiskit.backends.slots.request import SlotRequest, slot_request
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile


def distances(profile: NoiseProfile) -> np.ndarray:
    """Couplers that are out of order count too."""
    graph = rx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(profile.n_qubits))
    graph.add_edges_from_no_data([tuple(p) for p in profile.couplings])
    dropped = [tuple(r.qubits) for r in profile.repairs if len(set(r.qubits)) == 2]
    graph.add_edges_from_no_data(dropped)
    return np.asarray(rx.distance_matrix(graph, null_value=np.inf))


@pytest.fixture(scope="module")
def finders() -> dict[tuple[str, int], SlotFinder]:
    wanted = [("ibm_fez", 2), ("ibm_torino", 3), ("ibm_brisbane", 2), ("ibm_miami", 4)]
    return {
        (device, n): SlotFinder(angle_router(n, 3), load_profile(device), most_qubits=10)
        for device, n in wanted
    }


@pytest.mark.parametrize("spacing", [0, 1, 2])
def test_slots_are_apart(spacing: int, finders: dict[tuple[str, int], SlotFinder]) -> None:
    for finder in finders.values():
        far = distances(finder.profile)
        found = finder.find(SlotRequest(count=8, spacing=spacing))
        assert len(found.slots) == 8
        for a, b in itertools.combinations(found.slots, 2):
            assert far[np.ix_(a.circuit.active, b.circuit.active)].min() > spacing
        for slot in found.slots:
            assert set(slot.qubits) <= set(slot.circuit.active)
            assert slot.expected_error == slot.circuit.expected_error


def test_every_place_of_a_line_is_a_candidate(
    finders: dict[tuple[str, int], SlotFinder],
) -> None:
    """A line of three: rustworkx counts its places in the coupling map."""
    finder = finders["ibm_torino", 3]
    circuit = finder._routing.circuit
    used = {circuit.find_bit(q).index for s in circuit.data for q in s.qubits if len(s.qubits) == 2}
    pairs = {
        tuple(sorted(circuit.find_bit(q).index for q in step.qubits))
        for step in circuit.data
        if len(step.qubits) == 2
    }
    assert (len(used), len(pairs)) == (3, 2)
    device = rx.PyGraph(multigraph=False)
    device.add_nodes_from(range(finder.profile.n_qubits))
    device.add_edges_from_no_data(sorted({tuple(sorted(p)) for p in finder.profile.couplings}))
    line = rx.generators.path_graph(3)
    places = {
        frozenset(dict(mapping))
        for mapping in rx.vf2_mapping(device, line, subgraph=True, induced=False)
    }
    found = [frozenset(row) for row in finder.candidates.places_CQ.tolist()]
    assert len(found) == len(set(found))
    assert set(found) == places


def test_errors_are_those_of_the_circuits(finders: dict[tuple[str, int], SlotFinder]) -> None:
    """All gates of a Heron take equally long, so that waiting times are exact."""
    finder = finders["ibm_fez", 2]
    found = finder.find(SlotRequest(count=20))
    by_place = {
        frozenset(row): error
        for row, error in zip(
            finder.candidates.places_CQ.tolist(), finder.candidates.errors_C, strict=True
        )
    }
    for slot in found.slots:
        assert slot.expected_error == pytest.approx(
            by_place[frozenset(slot.circuit.active)], abs=1e-9
        )
    best = open_backend("noisy:ibm_fez").compile(finder.router)
    assert finder.candidates.errors_C.min() == pytest.approx(best.expected_error, abs=1e-9)
    (alone,) = finder.find(SlotRequest(count=1)).slots
    assert set(alone.qubits) == set(best.physical_qubits)


def test_auto_leaves_out_slots_that_do_not_pay(
    finders: dict[tuple[str, int], SlotFinder],
) -> None:
    finder = finders["ibm_torino", 3]
    least = finder.candidates.errors_C.min()
    found = finder.find(SlotRequest())
    assert all(slot.expected_error <= least + MAX_EXCESS + 1e-3 for slot in found.slots)
    everything = finder.find(SlotRequest(max_error=1.0))
    assert len(everything.slots) > len(found.slots)
    few = finder.find(SlotRequest(max_error=float(least) + 0.02))
    assert len(few.slots) < len(found.slots)


def test_25_circuits_for_1000_samples_on_156_qubits(
    finders: dict[tuple[str, int], SlotFinder],
) -> None:
    found = finders["ibm_fez", 2].find(SlotRequest())
    assert found.selection.method == "exact"
    assert -(-1000 // len(found.slots)) <= 25


def test_more_errors_for_more_slots(finders: dict[tuple[str, int], SlotFinder]) -> None:
    finder = finders["ibm_fez", 2]
    trade = finder.tradeoffs(1)
    assert [each.n_slots for each in trade] == sorted({each.n_slots for each in trade})
    means = [each.mean_error for each in trade]
    assert means == sorted(means)
    most = trade[-1].n_slots
    assert len(finder.find(SlotRequest(count=most)).slots) == most
    with pytest.raises(InputError, match=f"ibm_fez holds at most {most} slots.*{most + 1} were"):
        finder.find(SlotRequest(count=most + 1))


@pytest.mark.parametrize(
    ("spec", "settings", "words"),
    [
        ("noisy:ibm_lagos", {"slots": 0}, "slots must be 'auto' or a number of at least 1, got 0"),
        ("noisy:ibm_lagos", {"slots": True}, "slots must be"),
        ("noisy:ibm_lagos", {"slots": "all"}, "got 'all'"),
        ("noisy:ibm_lagos", {"slots": 2, "spacing": -1}, "spacing must be .* got -1"),
        ("noisy:ibm_lagos", {"spacing": 1}, "spacing 1 is for packed execution"),
        ("noisy:ibm_lagos", {"slots": 2, "max_error": 0}, "max_error must be a probability"),
        (
            "noisy:ibm_lagos",
            {"slots": "auto", "max_error": 1e-6},
            "the best has .* raise max_error",
        ),
        ("noisy:ibm_lagos", {"slots": 9}, "ibm_lagos holds at most 2 slots .* 9 were asked for"),
        ("noisy:ibm_lagos", {"slots": 2, "spacing": 9}, "holds at most 1 slot of this router"),
        ("statevector", {"slots": 2}, "has no device to pack slots on"),
        ("noisy:depolarizing:0.05", {"slots": "auto"}, "has no device qubits to pack slots on"),
        ("runtime:fake_lagos", {"slots": 9}, "fake_lagos holds at most 2 slots"),
    ],
)
def test_bad_input(spec: str, settings: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_backend(spec, **settings).compile(angle_router(2, 1))  # type: ignore[arg-type]


def test_a_router_with_one_place(finders: dict[tuple[str, int], SlotFinder]) -> None:
    """A device as wide as the router holds it once, and no candidate conflicts with another."""
    found = find_slots(angle_router(5, 1), load_profile("ibmq_manila"), SlotRequest())
    assert len(found.slots) == 1
    assert slot_request(None) is None
    assert finders


def test_a_region_bounds_the_slots() -> None:
    region = (0, 1, 2, 3, 4, 5, 6, 7)
    profile = load_profile("ibm_fez")
    found = find_slots(angle_router(2, 1), profile, SlotRequest(count=2), qubits=region)
    assert {q for slot in found.slots for q in slot.circuit.active} <= set(region)


def test_a_limit_keeps_the_best(
    finders: dict[tuple[str, int], SlotFinder], monkeypatch: pytest.MonkeyPatch
) -> None:
    finder = finders["ibm_fez", 2]
    circuit, target = finder._routing.circuit, finder.profile.to_target()
    everything = all_placements(circuit, target)
    assert everything.complete
    monkeypatch.setattr("qmoe_qiskit.backends.slots.candidates.MAX_PLACEMENTS", 50)
    limited = all_placements(circuit, target)
    assert not limited.complete
    assert limited.errors_C[0] == everything.errors_C[0]
