"""A router in many slots of a device of IBM Quantum, or of its fake: one circuit for K samples.

The work that it makes is an ordinary one, with K times the angles, qubits and observables: jobs,
ledger, budget and recovery treat it as any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from qmoe_qiskit.backends.gradients.rotations import rotation_angles
from qmoe_qiskit.backends.protocols import check_batch
from qmoe_qiskit.backends.runtime.compiled_router import Kind, Layout, RuntimeRouter
from qmoe_qiskit.backends.slots.assignment import Assignment, permutation, singles
from qmoe_qiskit.backends.slots.finding import Slot
from qmoe_qiskit.backends.slots.packed_circuit import PackedCircuit, spread_observables
from qmoe_qiskit.backends.transpile.isa_circuit import DeviceCircuit, gates_only
from qmoe_qiskit.errors import InputError, LedgerError
from qmoe_qiskit.hardware.independent_parts import gates_on, region_around
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit.quantum_info import SparsePauliOp

    from qmoe_qiskit.backends.slots.assignment import IntArray
    from qmoe_qiskit.backends.slots.finding import SlotSet
    from qmoe_qiskit.hardware.work import Outcome, WorkUnit
    from qmoe_qiskit.noise_profiles import NoiseProfile

# By how much recorded angles may differ from those that are computed again, in radians.
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedLayout(Layout):
    """The layout of a router in several slots, see `Layout`; without `placed`.

    Attributes:
        slots: The slots.
    """

    slots: tuple[Slot, ...]

    @classmethod
    def of(cls, found: SlotSet, profile: NoiseProfile, n_angles: int) -> PackedLayout:
        """Return the layout of slots that were found for a router with one angle per rotation."""
        packed = QuantumCircuit(profile.n_qubits)
        angles = ParameterVector("angle", len(found.slots) * n_angles)
        for k, slot in enumerate(found.slots):
            bare = gates_only(slot.circuit.full)
            own = angles[k * n_angles : (k + 1) * n_angles]
            bare = bare.assign_parameters(dict(zip(bare.parameters, own, strict=True)))
            packed.compose(bare, inplace=True)
        return cls(
            circuit=packed,
            physical_qubits=tuple(q for slot in found.slots for q in slot.qubits),
            profile=profile,
            slots=found.slots,
        )


class PackedRouter(RuntimeRouter):
    """A router that evaluates K samples per execution, each in a slot of its own.

    Points go to slots in a random order that the key of the work decides: equal requests have equal
    orders, in every process; another `repetition` draws another. The two points of a difference,
    of the parameter-shift rule or of SPSA, run in the same slot, so that its bias cancels; and so
    do those of one input at several sets of weights. What is left of the last circuit repeats
    points, whose results are averaged.

    Different points then belong to different functions, each with the noise of its slot. Where they
    must belong to one function, use `averaged`.
    """

    @property
    def n_slots(self) -> int:
        """Number of slots, K."""
        return len(self._layout.physical_qubits) // self.router.n_qubits

    def averaged(self) -> PackedRouter:
        """Return the router that runs each point in every slot, with its shots divided among them.

        Values are means over all slots, for all points alike: P points take P rows of a K-th of
        the shots. A point gets at least the shots that were asked for, in a K-th of the executions.
        """
        backend = self.backend
        assert backend.slots is not None
        if backend.slots.average:
            return self
        return PackedRouter(
            router=self.router,
            backend=replace(backend, slots=replace(backend.slots, average=True)),
            layout=self._layout,
            table=self._table,
        )

    @property
    def shots_per_row(self) -> int:
        """Number of shots of one execution of all slots."""
        assert self.backend.slots is not None
        return self.backend.slots.shots_per_slot(self.backend.shots, self.n_slots)

    @property
    def shots(self) -> int:
        """Number of shots of each point, all slots together."""
        assert self.backend.slots is not None
        return self.shots_per_row * (self.n_slots if self.backend.slots.average else 1)

    @cached_property
    def slots(self) -> tuple[Slot, ...] | None:
        """The slots, the best first; None if the layout comes from a ledger."""
        return self._layout.slots if isinstance(self._layout, PackedLayout) else None

    @cached_property
    def placed(self) -> PackedCircuit:  # type: ignore[override]
        """The circuit on the device, with an input per slot and shared weights."""
        angles = rotation_angles(self.router)
        return PackedCircuit(tuple(c.with_angles(self.router, angles) for c in self._circuits))

    @property
    def _circuits(self) -> Sequence[DeviceCircuit]:
        if self.slots is not None:
            return [slot.circuit for slot in self.slots]
        layout, width = self._layout, self.router.n_qubits
        groups = [layout.physical_qubits[k * width :][:width] for k in range(self.n_slots)]
        return [
            DeviceCircuit.from_full(
                self.router, gates_on(layout.circuit, region_around(layout.circuit, qubits)), qubits
            )
            for qubits in groups
        ]

    def _groups(self, kind: Kind, n_points: int, n_sets: int) -> IntArray:
        """Return the points that must run in the same slot, (Q, M)."""
        points = np.arange(n_points)
        if kind == "weights":
            return points.reshape(n_sets, -1).T
        if kind == "shifts":
            return points.reshape(-1, 2)
        if kind == "spsa":
            count = self.backend.options.spsa_directions
            return points.reshape(count, 2, -1).swapaxes(1, 2).reshape(-1, 2)
        return singles(n_points)

    def crosstalk_works(
        self, inputs_PF: FloatArray, weights_W: FloatArray
    ) -> tuple[WorkUnit, WorkUnit]:
        """Return two works with the same points in one slot: it alone, and beside all others.

        It is the best slot. The others run the same points in other orders.

        Raises:
            InputError: As `work` does, or if the first work was recorded in what is no slot now.
        """
        assert self.slots is not None
        x_PF, w_W = check_batch(self.router, inputs_PF, weights_W)
        points_PG = self._points("values", x_PF, w_W)
        alone, beside = (self._work(kind, x_PF, w_W) for kind in ("alone", "beside"))
        best = self._slot_alone(alone.key, beside.key)
        slot = self.slots[best]
        orders = [permutation(len(x_PF), f"{beside.key} {k}") for k in range(self.n_slots)]
        orders[best] = np.arange(len(x_PF))
        return (
            replace(
                alone,
                circuit=gates_only(slot.circuit.full),
                physical_qubits=slot.qubits,
                observables=self.router.observables,
                points_PG=points_PG,
            ),
            replace(beside, points_PG=np.hstack([points_PG[order] for order in orders])),
        )

    def _slot_alone(self, alone: str, beside: str) -> int:
        """Return the slot that runs alone: the best, or the one that is recorded, by both keys."""
        assert self.slots is not None
        ledger = self.backend.device.ledger
        record = None if ledger is None else ledger.work(alone)
        if ledger is None or record is None or ledger.work(beside) is not None:
            return 0  # what is recorded is not laid out again
        qubits = [slot.qubits for slot in self.slots]
        if record.physical_qubits not in qubits:
            raise InputError(
                f"the first measurement ran on qubits {list(record.physical_qubits)}, which are no "
                "slot under today's calibration: begin again with another repetition"
            )
        return qubits.index(record.physical_qubits)

    @property
    def _observables(self) -> tuple[SparsePauliOp, ...]:
        router = self.router
        return spread_observables(router.observables, router.n_qubits, self.n_slots)

    def _arranged(self, kind: Kind, key: str, points_PG: FloatArray, n_sets: int) -> FloatArray:
        return self._drawn(kind, key, len(points_PG), n_sets, self.n_slots).pack(points_PG)

    def _drawn(self, kind: Kind, key: str, n_points: int, n_sets: int, n_slots: int) -> Assignment:
        assert self.backend.slots is not None
        draw = Assignment.in_every_slot if self.backend.slots.average else Assignment.draw
        return draw(self._groups(kind, n_points, n_sets), n_slots, key)

    def _outcome(self, kind: Kind, x_BF: FloatArray, w_W: FloatArray) -> Outcome:
        outcome = super()._outcome(kind, x_BF, w_W)
        points_PG = self._points(kind, x_BF, w_W)
        # Work that was recorded earlier has the slots of that time: another calibration may have
        # left more or fewer of them.
        n_slots = outcome.values_PO.shape[1] // self.router.n_outputs
        key = self._key(kind, x_BF, w_W)
        drawn = self._drawn(kind, key, len(points_PG), len(np.atleast_2d(w_W)), n_slots)
        self._check_recorded(key, drawn.pack(points_PG))
        return replace(
            outcome,
            values_PO=drawn.unpack(outcome.values_PO),
            std_errors_PO=drawn.unpack_errors(outcome.std_errors_PO),
        )

    def _check_recorded(self, key: str, points_RX: FloatArray) -> None:
        """Refuse recorded work whose angles are not where its results are looked for."""
        ledger = self.backend.device.ledger
        record = None if ledger is None else ledger.work(key)
        if record is not None and (
            record.points_PG.shape != points_RX.shape
            or not np.allclose(record.points_PG, points_RX, rtol=0, atol=_ROUNDING)
        ):
            raise LedgerError(
                f"the ledger's work {key[:12]} has other angles in its slots than this request: "
                "it is damaged, or another version recorded it; repeat it with another repetition"
            )
