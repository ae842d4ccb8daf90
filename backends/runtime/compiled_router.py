"""A router on a device: each call is one unit of work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from qmoe_qiskit.backends.gradients.parameter_shift import (
    parameter_shifts,
    shifted_slopes,
    vjp_by_jacobian,
)
from qmoe_qiskit.backends.gradients.rotations import rotation_angles
from qmoe_qiskit.backends.gradients.spsa import Directions
from qmoe_qiskit.backends.handed_out import HandsOut
from qmoe_qiskit.backends.protocols import ArrayLike, Expectations, Pullback, check_batch
from qmoe_qiskit.backends.transpile.isa_circuit import DeviceCircuit
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.work import Outcome, WorkUnit, work_key
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import SparsePauliOp

    from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
    from qmoe_qiskit.backends.slots.request import SlotRequest
    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.hardware.options import RuntimeOptions
    from qmoe_qiskit.noise_profiles import NoiseProfile
    from qmoe_qiskit.simulation.angle_table import AngleTable

# What the work yields: expectation values, those at several sets of weights, the values from which
# a gradient is made, or those of one slot without and with others beside it.
Kind = Literal["values", "weights", "shifts", "spsa", "alone", "beside"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """The layout of a router's circuit on a device.

    Attributes:
        circuit: The ISA circuit over the whole device, without measurements, with one parameter per
            rotation.
        physical_qubits: The device qubit that holds each router qubit at the end of the circuit.
        profile: The calibration that the layout was chosen by; None if it is unknown.
        placed: The circuit as it was placed; None if it comes from the ledger, which knows the
            qubits at the end of the circuit only.
    """

    circuit: QuantumCircuit
    physical_qubits: tuple[int, ...]
    profile: NoiseProfile | None
    placed: DeviceCircuit | None = None


class RuntimeRouter(HandsOut):
    """A router whose expectation values come from a device; each call is one unit of work.

    The backend has the device, options and shots. The table has the angles of the circuit's
    rotations as affine functions of inputs and weights.
    """

    def __init__(
        self, *, router: RouterCircuit, backend: RuntimeBackend, layout: Layout, table: AngleTable
    ) -> None:
        self.router, self.backend, self.profile = router, backend, layout.profile
        self.backend_name = f"runtime:{backend.device.name}"
        self._layout, self._table = layout, table

    @cached_property
    def placed(self) -> DeviceCircuit:  # type: ignore[override]
        """The circuit on the device, with the router's own angles, which is handed out."""
        layout = self._layout
        placed = layout.placed or DeviceCircuit.from_full(
            self.router, layout.circuit, layout.physical_qubits
        )
        return placed.with_angles(self.router, rotation_angles(self.router))

    @property
    def physical_qubits(self) -> tuple[int, ...]:
        """See `CompiledRouter.physical_qubits`."""
        return self._layout.physical_qubits

    @property
    def shots_per_row(self) -> int:
        """Number of shots of one execution of the circuit."""
        return self.backend.shots

    @property
    def shots(self) -> int:
        """Number of shots of each point."""
        return self.backend.shots

    def expectations(self, inputs_BF: FloatArray, weights_W: FloatArray) -> Expectations:
        """See `CompiledRouter.expectations`."""
        outcome = self._outcome("values", *check_batch(self.router, inputs_BF, weights_W))
        return Expectations(
            values=outcome.values_PO, std_errors=outcome.std_errors_PO, shots=self.shots
        )

    def expectations_at(
        self, inputs_PF: FloatArray, weights_VW: FloatArray
    ) -> tuple[Expectations, ...]:
        """Evaluate the same inputs at V sets of weights, in one unit of work, see `work_at`.

        Raises:
            InputError: As `work_at` does.
        """
        x_PF, w_VW = self._checked_sets(inputs_PF, weights_VW)
        outcome = self._outcome("weights", x_PF, w_VW)
        values_VPO, errors_VPO = (
            array_XO.reshape(len(w_VW), len(x_PF), -1)
            for array_XO in (outcome.values_PO, outcome.std_errors_PO)
        )
        return tuple(
            Expectations(values=values_PO, std_errors=errors_PO, shots=self.shots)
            for values_PO, errors_PO in zip(values_VPO, errors_VPO, strict=True)
        )

    def jacobian(
        self, inputs_BF: FloatArray, weights_W: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """See `CompiledRouter.jacobian`; the options choose the parameter-shift rule or SPSA."""
        x_BF, w_W = check_batch(self.router, inputs_BF, weights_W)
        values_PO = self._outcome(self._gradient, x_BF, w_W).values_PO
        if self._gradient == "spsa":
            return self._directions(x_BF, w_W).slopes(values_PO)
        slopes_BOG = shifted_slopes(values_PO, len(x_BF), len(self._table.offset_G))
        return self._table.chain(x_BF, w_W, slopes_BOG)

    def vjp(self, inputs_BF: ArrayLike, weights_W: ArrayLike) -> tuple[ArrayLike, Pullback]:
        """See `CompiledRouter.vjp`."""
        return vjp_by_jacobian(self, inputs_BF, weights_W)

    def with_shots(self, shots: int) -> Self:
        """Return the router on the same qubits, with another number of shots."""
        return type(self)(
            router=self.router,
            backend=replace(self.backend, shots=shots),
            layout=self._layout,
            table=self._table,
        )

    def work(self, inputs_BF: FloatArray, weights_W: FloatArray) -> WorkUnit:
        """Return the work of `expectations`: one point per sample.

        Raises:
            InputError: If a shape is wrong, a value is not finite, or the device cannot run it.
        """
        return self._work("values", *check_batch(self.router, inputs_BF, weights_W))

    def work_at(self, inputs_PF: FloatArray, weights_VW: FloatArray) -> WorkUnit:
        """Return the work of `expectations_at`: a point per set of weights and input.

        Raises:
            InputError: If a shape is wrong, a value is not finite, or the device cannot run it.
        """
        return self._work("weights", *self._checked_sets(inputs_PF, weights_VW))

    def key_at(self, inputs_PF: FloatArray, weights_VW: FloatArray) -> str:
        """Return the key of `work_at`, by which the ledger knows it."""
        return self._key("weights", *self._checked_sets(inputs_PF, weights_VW))

    def gradient_work(self, inputs_BF: FloatArray, weights_W: FloatArray) -> WorkUnit:
        """Return the work of `jacobian`: two points per sample and rotation or direction.

        Raises:
            InputError: As `work` does.
        """
        return self._work(self._gradient, *check_batch(self.router, inputs_BF, weights_W))

    @property
    def angle_table(self) -> AngleTable:
        """The angles of the rotations as functions of inputs and weights."""
        return self._table

    def _checked_sets(
        self, inputs_PF: FloatArray, weights_VW: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        w_VW = np.asarray(weights_VW, dtype=np.float64)
        if w_VW.ndim != 2 or not len(w_VW):
            raise InputError(
                f"sets of weights must have shape (V, {self.router.n_weights}), got {w_VW.shape}"
            )
        checked = [check_batch(self.router, inputs_PF, w_W) for w_W in w_VW]
        return checked[0][0], w_VW

    @property
    def _gradient(self) -> Kind:
        return "spsa" if self.backend.options.gradient == "spsa" else "shifts"

    def _points(self, kind: Kind, x_BF: FloatArray, w_W: FloatArray) -> FloatArray:
        """Return the angles of every point that a kind of work evaluates, (P, G).

        For the kind "weights" the weights are (V, W), and those of other kinds are (W,).
        """
        if kind == "spsa":
            batches = self._directions(x_BF, w_W).shifted(x_BF, w_W)
            return np.vstack([self._table.angles(*batch) for batch in batches])
        if kind == "weights":
            return np.vstack([self._table.angles(x_BF, each_W) for each_W in w_W])
        angles_BG = self._table.angles(x_BF, w_W)
        return parameter_shifts(angles_BG) if kind == "shifts" else angles_BG

    def _directions(self, x_BF: FloatArray, w_W: FloatArray) -> Directions:
        # Seeded by the content: a repeated training draws the same directions and finds its work.
        rng = np.random.default_rng(int(self._key("spsa", x_BF, w_W), 16))
        count, step = self.backend.options.spsa_directions, self.backend.options.spsa_step
        return Directions.draw(rng, x_BF.shape, len(w_W), count, step)

    def _key(self, kind: Kind, x_BF: FloatArray, w_W: FloatArray) -> str:
        backend = self.backend
        return request_key(
            kind,
            self.router,
            x_BF,
            w_W,
            spec=backend.name,
            service=backend.device.service,
            options=backend.options,
            shots=backend.shots,
            qubits=backend.qubits,
            seed=backend.seed,
            slots=backend.slots,
        )

    def _work(self, kind: Kind, x_BF: FloatArray, w_W: FloatArray) -> WorkUnit:
        backend, key = self.backend, self._key(kind, x_BF, w_W)
        work = WorkUnit(
            key=key,
            spec=backend.name,
            device=backend.device.name,
            title=backend.title,
            circuit=self._layout.circuit.copy(),
            physical_qubits=self._layout.physical_qubits,
            observables=self._observables,
            points_PG=self._arranged(
                kind, key, self._points(kind, x_BF, w_W), len(np.atleast_2d(w_W))
            ),
            shots=self.shots_per_row,
            options=backend.options,
        )
        if backend.device.backend is not None:
            from qmoe_qiskit.hardware.primitives import check_pub

            check_pub(work, backend.device.backend.target)
        return work

    @property
    def _observables(self) -> tuple[SparsePauliOp, ...]:
        """The observables of the circuit on the device."""
        return self.router.observables

    def _arranged(
        self,
        kind: Kind,  # noqa: ARG002
        key: str,  # noqa: ARG002
        points_PG: FloatArray,
        n_sets: int,  # noqa: ARG002
    ) -> FloatArray:
        """Return the angles of every execution, from those of the points that are asked for.

        The points are at `n_sets` sets of weights, one for all kinds but "weights".
        """
        return points_PG

    def _outcome(self, kind: Kind, x_BF: FloatArray, w_W: FloatArray) -> Outcome:
        """Return the results at the points of `_points`."""
        work = self._work(kind, x_BF, w_W)
        if work.n_points == 0:
            nothing = np.zeros((0, len(work.observables)))
            return Outcome(values_PO=nothing, std_errors_PO=nothing, seconds=0.0, executions=0)
        return self.backend.device.execute(work)


def request_key(
    kind: Kind,
    router: RouterCircuit,
    x_BF: FloatArray,
    w_W: FloatArray,
    *,
    spec: str,
    service: str,
    options: RuntimeOptions,
    shots: int,
    qubits: tuple[int, ...] | None,
    seed: int | None,
    slots: SlotRequest | None = None,
) -> str:
    """Return the key of the work for a request, see `work_key`.

    The kind is "values" for expectation values, "weights" for those at several sets of weights, (V,
    W), "shifts" or "spsa" for a gradient, "alone" or
    "beside" for a measurement of crosstalk. Inputs and
    weights are in radians. The settings are those of a `RuntimeBackend`: `spec` is its name, and
    `service` the service of its device.
    """
    settings = {
        "backend": spec,
        "kind": kind,
        "options": options.key_settings(gradient=kind in {"shifts", "spsa"}),
        "qubits": qubits,
        "router": router.content_hash,
        "seed": seed,
        "service": service,
        "shots": shots,
    }
    if slots is not None:  # without slots the keys are those of earlier versions
        settings["slots"] = slots.key_settings
    return work_key(settings, inputs=x_BF, weights=w_W)
