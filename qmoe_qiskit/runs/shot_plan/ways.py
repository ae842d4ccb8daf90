"""The ways to get a model's decisions from a device."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from qmoe_qiskit.backends.runtime.compiled_router import RuntimeRouter
from qmoe_qiskit.backends.slots.runtime import PackedRouter
from qmoe_qiskit.backends.surrogate import SurrogatePlan
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles.simulated import simulated
from qmoe_qiskit.runs.on_hardware.prepare import circuit_arguments
from qmoe_qiskit.runs.shot_plan.draws import Measurement
from qmoe_qiskit.runs.shot_plan.places import Place, place_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qmoe_qiskit.backends.slots.request import SlotRequest
    from qmoe_qiskit.backends.transpile.isa_circuit import DeviceCircuit
    from qmoe_qiskit.hardware.options import RuntimeOptions
    from qmoe_qiskit.hardware.work import WorkUnit
    from qmoe_qiskit.runs.on_hardware.prepare import Prepared
    from qmoe_qiskit.typing import FloatArray

WayName = Literal["direct", "packed", "surrogate", "surrogate packed", "one-shot"]
WAYS: tuple[WayName, ...] = ("direct", "packed", "surrogate", "surrogate packed", "one-shot")

# Slots whose exact outcomes are evaluated, half a second each; they stand for the others.
_MOST_SLOTS = 10
# Rows that stand for the others where flips are counted.
_MOST_ROWS = 2000


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A way before its shots are known.

    Attributes:
        measurement: What runs where.
        router: The router on the device, with any number of shots.
        batches: Inputs and weights of its works.
    """

    measurement: Measurement
    router: RuntimeRouter
    batches: Sequence[tuple[FloatArray, FloatArray]]

    @property
    def slots_per_point(self) -> int:
        """The number of slots among which the shots of a point are divided."""
        return len(self.measurement.places_K) if self.measurement.in_every_slot else 1

    def works(self, shots: int) -> list[WorkUnit]:
        """Return what the device would execute."""
        router = self.router.with_shots(shots)
        return [router.work(*batch) for batch in self.batches]


class Ways:
    """The ways of one run on one device, each made when it is asked for.

    Args:
        prepared: The run on the device, without slots.
        slots: The slots of the packed ways.
    """

    def __init__(self, prepared: Prepared, slots: SlotRequest) -> None:
        run = prepared.run
        solo = run.classifier.compiled_router
        assert isinstance(solo, RuntimeRouter)
        assert solo.profile is not None
        self._solo, self._slots = solo, slots
        self._profile = simulated(solo.profile)
        self._batches = circuit_arguments(run, prepared.rows)
        inputs_BF = np.concatenate([inputs for inputs, _ in self._batches])
        self.rows_N = _spread(len(inputs_BF), _MOST_ROWS)
        self.inputs_NF = inputs_BF[self.rows_N]
        self.weights_W = self._batches[0][1]
        self._routing = getattr(run.classifier, "routing", "weighted")
        self._readout = run.classifier.readout

    def candidate(self, name: WayName) -> Candidate:
        """Return a way.

        Raises:
            InputError: If it is not for this run or this device.
        """
        if name == "direct":
            return Candidate(
                measurement=self._of_rows((self.solo,)), router=self._solo, batches=self._batches
            )
        if name == "one-shot":
            return self._one_shot()
        if name == "packed":
            return Candidate(
                measurement=self._of_rows(self._slot_places),
                router=self._packed,
                batches=self._batches,
            )
        plan = self._plan
        batches = [(plan.inputs_BF, self.weights_W)]
        if name == "surrogate":
            measurement = self._of_grid((self.solo,))
            return Candidate(measurement=measurement, router=self._solo, batches=batches)
        return Candidate(
            measurement=self._of_grid(self._slot_places),
            router=self._packed.averaged(),
            batches=batches,
        )

    @property
    def exact_NO(self) -> FloatArray:
        """The outputs with infinitely many shots on the qubits of the direct way."""
        return self.solo.take(slice(len(self.rows_N))).exact_PO

    @cached_property
    def solo(self) -> Place:
        """The outcomes on the qubits of the direct way: rows, then points of the surrogate."""
        return self._place(self._solo.placed, self._solo.backend.options)

    @property
    def n_slots(self) -> int:
        """Number of slots of the packed ways."""
        return self._packed.n_slots

    @property
    def evaluated_slots(self) -> int:
        """Number of slots whose outcomes were evaluated."""
        return len(_spread(self.n_slots, _MOST_SLOTS))

    @cached_property
    def _packed(self) -> PackedRouter:
        compiled = replace(self._solo.backend, slots=self._slots).compile(self._solo.router)
        assert isinstance(compiled, PackedRouter)
        return compiled

    @cached_property
    def _slot_places(self) -> tuple[Place, ...]:
        return self._places_of_slots(self._solo.backend.options)

    def _places_of_slots(self, options: RuntimeOptions) -> tuple[Place, ...]:
        """Return the outcomes of every slot, or of the evaluated one that stands for it."""
        circuits, n_slots = self._packed.placed.circuits, self.n_slots
        evaluated = _spread(n_slots, _MOST_SLOTS)
        places = [self._place(circuits[k], options) for k in evaluated]
        stands = np.arange(n_slots) * len(evaluated) // n_slots
        return tuple(places[k] for k in stands)

    def _one_shot(self) -> Candidate:
        if self._routing != "sampled":
            readout = "" if self._readout == "probabilities" else f", and readout {self._readout!r}"
            raise InputError(
                "not for this run: it was trained with weights of experts that are averaged"
                f"{readout}; a bit string chooses an expert with routing 'sampled'"
            )
        # Only outcomes as they were measured are votes.
        options = self._solo.backend.options.model_copy(update={"resilience_level": 0})
        router = replace(self._packed.backend, options=options).compile(self._solo.router)
        return Candidate(
            measurement=self._of_rows(self._places_of_slots(options)),
            router=router,
            batches=self._batches,
        )

    @cached_property
    def _plan(self) -> SurrogatePlan:
        return SurrogatePlan.make(self._solo.router)

    def _place(self, placed: DeviceCircuit, options: RuntimeOptions) -> Place:
        inputs_PF = self.inputs_NF
        with suppress(InputError):  # of a circuit without a surrogate, rows alone
            inputs_PF = np.concatenate([inputs_PF, self._plan.grid.points_PF])
        return place_at(
            self._solo.router,
            placed,
            self._profile,
            options,
            inputs_PF=inputs_PF,
            weights_W=self.weights_W,
        )

    def _of_rows(self, places: tuple[Place, ...]) -> Measurement:
        n_rows = len(self.rows_N)
        return Measurement(places_K=_taken(places, slice(n_rows)), n_points=n_rows)

    def _of_grid(self, places: tuple[Place, ...]) -> Measurement:
        grid = self._plan.grid
        return Measurement(
            places_K=_taken(places, slice(len(self.rows_N), None)),
            n_points=grid.n_points,
            in_every_slot=len(places) > 1,
            mixing_NP=grid.weights(self.inputs_NF),
        )


def _taken(places: tuple[Place, ...], points: slice) -> tuple[Place, ...]:
    return tuple(place.take(points) for place in places)


def _spread(count: int, most: int) -> list[int]:
    """Return at most so many of the numbers below `count`: the middles of equal parts."""
    kept = min(count, most)
    return [(2 * k + 1) * count // (2 * kept) for k in range(kept)]
