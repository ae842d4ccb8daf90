"""Finding slots: disjoint regions of a device, apart from each other, with small errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qmoe_qiskit.backends.slots.candidates import Candidates, all_placements
from qmoe_qiskit.backends.slots.independent_set import (
    Selection,
    balls,
    best_independent_set,
    cliques_of,
)
from qmoe_qiskit.backends.transpile.isa_circuit import DeviceCircuit, place_routing, routed_within
from qmoe_qiskit.backends.transpile.region import usable_region
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles.simulated import simulated

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from qmoe_qiskit.backends.slots.request import SlotRequest
    from qmoe_qiskit.backends.transpile.routing import Routing
    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.noise_profiles import NoiseProfile

# Of slots "auto", those are left out whose expected error exceeds the best one's by more than this.
MAX_EXCESS = 0.1
# Figures of the trade of slots against errors may miss the best sum by this share.
_TRADE_GAP = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Slot:
    """A place of a device where the router runs.

    Attributes:
        qubits: The device qubit that holds each router qubit when it is measured.
        expected_error: See `CompiledRouter.expected_error`.
        circuit: The router on these qubits.
    """

    qubits: tuple[int, ...]
    expected_error: float
    circuit: DeviceCircuit


@dataclass(frozen=True, kw_only=True)
class Tradeoff:
    """What a number of slots costs in errors.

    Attributes:
        n_slots: Number of slots.
        mean_error: Mean of their expected errors, the smallest that was found for that number.
        largest_error: Largest of their expected errors.
    """

    n_slots: int
    mean_error: float
    largest_error: float


class SlotFinder:
    """The places of a device for a router, from which sets of slots are chosen.

    Args:
        router: The router.
        profile: The calibration of the device.
        qubits: Device qubits to stay within: a connected region; None for all that work.
        most_qubits: How many device qubits a slot may take, see `fit_to_device`.
        seed: The seed of Qiskit's routing.

    Raises:
        InputError: If the device cannot run the router, see `fit_to_device`.
    """

    def __init__(
        self,
        router: RouterCircuit,
        profile: NoiseProfile,
        *,
        qubits: Sequence[int] | None = None,
        most_qubits: int | None = None,
        seed: int | None = None,
    ) -> None:
        self.router, self.profile = router, simulated(profile)
        self._region = usable_region(router, self.profile, qubits)
        self._routing: Routing = routed_within(
            router, self.profile, self._region, most_qubits=most_qubits, seed=seed
        )
        here = self.profile.subset(self._region)
        found = all_placements(self._routing.circuit, here.to_target())
        # From numbers within the region to those of the device.
        self.candidates = Candidates(
            order=found.order,
            places_CQ=np.asarray(self._region)[found.places_CQ],
            errors_C=found.errors_C,
            complete=found.complete,
        )

    def find(self, request: SlotRequest) -> SlotSet:
        """Choose slots, see `find_slots`.

        Raises:
            InputError: If the device does not hold that many.
        """
        able = self._allowed(request)
        cliques_LC = self._cliques(able, request.spacing)
        if request.count is None:
            # The expected number of executions without an error.
            selection = best_independent_set(1 - able.errors_C, cliques_LC)
            assert selection is not None
        else:
            selection = self._of_count(able, cliques_LC, request)
        slots = sorted(
            (self._slot(able, c) for c in selection.chosen),
            key=lambda slot: (slot.expected_error, slot.qubits),
        )
        return SlotSet(
            slots=tuple(slots),
            request=request,
            n_candidates=len(able.errors_C),
            selection=selection,
        )

    def tradeoffs(self, spacing: int, *, max_error: float | None = None) -> list[Tradeoff]:
        """Return the smallest errors for several numbers of slots, up to the largest."""
        allowed = self.candidates.errors_C <= (1.0 if max_error is None else max_error)
        able = self.candidates.take(allowed)
        cliques_LC = self._cliques(able, spacing)
        most = best_independent_set(np.ones(len(able.errors_C)), cliques_LC)
        assert most is not None
        n_most = len(most.chosen)
        counts = np.unique(np.round(np.linspace(1, n_most, min(n_most, 12))).astype(int))
        found = []
        for count in counts.tolist():
            selection = best_independent_set(
                1 - able.errors_C, cliques_LC, count=count, gap=_TRADE_GAP
            )
            if selection is not None:
                errors = able.errors_C[list(selection.chosen)]
                found.append(
                    Tradeoff(
                        n_slots=count,
                        mean_error=float(errors.mean()),
                        largest_error=float(errors.max()),
                    )
                )
        return found

    def _allowed(self, request: SlotRequest) -> Candidates:
        """Return the candidates that a request allows."""
        errors_C = self.candidates.errors_C
        least = float(errors_C.min())
        if request.max_error is not None:
            most = request.max_error
        else:
            most = 1.0 if request.count is not None else least + MAX_EXCESS
        if least > most:
            raise InputError(
                f"no slot of {self.profile.device} has an expected error of at most {most:g}: the "
                f"best has {least:.3g}; raise max_error"
            )
        return self.candidates.take(errors_C <= most)

    def _of_count(self, able: Candidates, cliques_LC: csr_array, request: SlotRequest) -> Selection:
        assert request.count is not None
        selection = None
        if request.count <= len(able.errors_C):
            selection = best_independent_set(1 - able.errors_C, cliques_LC, count=request.count)
        if selection is None:
            most = best_independent_set(np.ones(len(able.errors_C)), cliques_LC)
            assert most is not None
            n_most = len(most.chosen)
            limit = "" if request.max_error is None else f" and max_error {request.max_error:g}"
            raise InputError(
                f"{self.profile.device} holds at most {n_most} slot{'s' * (n_most != 1)} of this "
                f"router with spacing {request.spacing}{limit}, {request.count} were asked for: "
                "use fewer slots, or a smaller spacing"
            )
        return selection

    def _cliques(self, candidates: Candidates, spacing: int) -> csr_array:
        n_qubits = self.profile.n_qubits
        near = balls(n_qubits, all_couplers(self.profile), spacing)
        return cliques_of(candidates.covers(n_qubits), near)

    def _slot(self, candidates: Candidates, index: int) -> Slot:
        circuit = place_routing(self.router, self.profile, self._routing, candidates.place(index))
        error = circuit.expected_error
        assert error is not None
        return Slot(qubits=circuit.physical_qubits, expected_error=error, circuit=circuit)


@dataclass(frozen=True, kw_only=True, eq=False)
class SlotSet:
    """Slots that can be used at once.

    Attributes:
        slots: The slots, the best first.
        request: What was asked for.
        n_candidates: Number of places from which they were chosen.
        selection: How they were chosen, and how far from the optimum.
    """

    slots: tuple[Slot, ...]
    request: SlotRequest
    n_candidates: int
    selection: Selection

    @property
    def best(self) -> Slot:
        """The slot with the smallest expected error."""
        return self.slots[0]


def find_slots(
    router: RouterCircuit,
    profile: NoiseProfile,
    request: SlotRequest,
    *,
    qubits: Sequence[int] | None = None,
    most_qubits: int | None = None,
    seed: int | None = None,
) -> SlotSet:
    """Choose slots for a router: all run the same routed circuit, each on its own qubits.

    Between any two slots lie at least `spacing` idle qubits. A number of slots gets those with the
    smallest total expected error. Without a number, slots pay whose expected error exceeds that of
    the best by at most `MAX_EXCESS`, and of all sets of such slots the one with the largest
    expected number of faultless executions, the sum of 1 - error, is taken. `max_error` replaces
    that limit.

    Raises:
        InputError: If the device cannot run the router, or does not hold that many slots.

    >>> from qmoe_qiskit import angle_router, load_profile
    >>> from qmoe_qiskit.backends.slots.request import SlotRequest
    >>> found = find_slots(angle_router(2, 3), load_profile("ibm_fez"), SlotRequest(count=40))
    >>> len(found.slots), found.selection.method
    (40, 'exact')
    """
    finder = SlotFinder(router, profile, qubits=qubits, most_qubits=most_qubits, seed=seed)
    return finder.find(request)


def all_couplers(profile: NoiseProfile) -> Iterable[tuple[int, int]]:
    """Return the couplers of a device, those that are out of order included.

    Qubits influence each other through a coupler also if no gate works on it.
    """
    pairs = {(min(p), max(p)) for p in profile.couplings}
    pairs |= {
        (min(repair.qubits), max(repair.qubits))
        for repair in profile.repairs
        if repair.action == "dropped" and len(set(repair.qubits)) == 2
    }
    return sorted(pairs)
