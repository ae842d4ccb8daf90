"""A router on a device: each call is one piece of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from qmoe_qiskit.backends.gradients.parameter_shift import (
    parameter_shifts,
    shifted_slopes,
    vjp_by_jacobian,
)
from qmoe_qiskit.backends.gradients.spsa import Directions
from qmoe_qiskit.backends.protocols import ArrayLike, Expectations, Pullback, check_batch
from qmoe_qiskit.hardware.primitives import check_pub
from qmoe_qiskit.hardware.work import Outcome, WorkUnit, work_key
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

    from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.hardware.options import RuntimeOptions
    from qmoe_qiskit.noise_profiles import NoiseProfile
    from qmoe_qiskit.simulation.lowering import AngleTable

# What is asked for: expectation values, or what a gradient is made from.
Kind = Literal["values", "shifts", "spsa"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """A router's circuit on a device.

    Attributes:
        circuit: In the device's gates, over the whole device, without measurements, with one
            parameter per rotation.
        physical_qubits: The device qubit that holds each router qubit.
        profile: The calibration by which it was laid out; None where it is not known any more.
    """

    circuit: QuantumCircuit
    physical_qubits: tuple[int, ...]
    profile: NoiseProfile | None


class RuntimeRouter:
    """A router whose expectation values come from a device, one piece of work a call.

    Args:
        router: The router.
        backend: Where and how it runs.
        layout: The router's circuit on the device.
        table: What its parameters are, in the order of their vector.
    """

    def __init__(
        self,
        *,
        router: RouterCircuit,
        backend: RuntimeBackend,
        layout: Layout,
        table: AngleTable,
    ) -> None:
        self.router, self.backend, self.profile = router, backend, layout.profile
        self.isa_circuit, self.physical_qubits = layout.circuit, layout.physical_qubits
        self._table = table

    def expectations(self, inputs_BF: FloatArray, weights_W: FloatArray) -> Expectations:
        """See `CompiledRouter.expectations`."""
        work = self.work(inputs_BF, weights_W)
        return self.outcome_to_expectations(self._execute(work))

    def jacobian(
        self, inputs_BF: FloatArray, weights_W: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """See `CompiledRouter.jacobian`; by the parameter-shift rule or SPSA, as options say."""
        x_BF, w_W = check_batch(self.router, inputs_BF, weights_W)
        work = self.gradient_work(x_BF, w_W)
        values_PO = self._execute(work).values_PO
        if self._is_spsa:
            return self._directions(x_BF, w_W).slopes(values_PO)
        slopes_BOG = shifted_slopes(values_PO, len(x_BF), len(self._table.offset_G))
        return slopes_BOG @ self._table.inputs_GF, slopes_BOG @ self._table.weights_GW

    def vjp(self, inputs_BF: ArrayLike, weights_W: ArrayLike) -> tuple[ArrayLike, Pullback]:
        """See `CompiledRouter.vjp`."""
        return vjp_by_jacobian(self, inputs_BF, weights_W)

    def work(self, inputs_BF: FloatArray, weights_W: FloatArray) -> WorkUnit:
        """Return what `expectations` executes: a point per sample.

        Raises:
            InputError: If a shape does not fit, a value is not finite, or the device cannot run it.
        """
        x_BF, w_W = check_batch(self.router, inputs_BF, weights_W)
        return self._work("values", x_BF, w_W, self._table.angles(x_BF, w_W))

    def gradient_work(self, inputs_BF: FloatArray, weights_W: FloatArray) -> WorkUnit:
        """Return what `jacobian` executes: two points per sample and rotation or direction.

        Raises:
            InputError: As `work` does.
        """
        x_BF, w_W = check_batch(self.router, inputs_BF, weights_W)
        if self._is_spsa:
            batches = self._directions(x_BF, w_W).shifted(x_BF, w_W)
            return self._work(
                "spsa", x_BF, w_W, np.vstack([self._table.angles(*b) for b in batches])
            )
        return self._work("shifts", x_BF, w_W, parameter_shifts(self._table.angles(x_BF, w_W)))

    def outcome_to_expectations(self, outcome: Outcome) -> Expectations:
        """Return the expectation values that the outcome of `work` stands for."""
        return Expectations(
            values=outcome.values_PO, std_errors=outcome.std_errors_PO, shots=self.backend.shots
        )

    @property
    def _is_spsa(self) -> bool:
        return self.backend.options.gradient == "spsa"

    def _directions(self, x_BF: FloatArray, w_W: FloatArray) -> Directions:
        # From the content: a training that is started again draws them again, and finds its work.
        options = self.backend.options
        return Directions.draw(
            np.random.default_rng(int(self._key("spsa", x_BF, w_W), 16)),
            x_BF.shape,
            n_weights=len(w_W),
            count=options.spsa_directions,
            step=options.spsa_step,
        )

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
        )

    def _work(
        self, kind: Kind, x_BF: FloatArray, w_W: FloatArray, points_PG: FloatArray
    ) -> WorkUnit:
        backend = self.backend
        work = WorkUnit(
            key=self._key(kind, x_BF, w_W),
            spec=backend.name,
            device=backend.device.name,
            title=backend.title,
            circuit=self.isa_circuit,
            physical_qubits=self.physical_qubits,
            observables=self.router.observables,
            points_PG=points_PG,
            shots=backend.shots,
            options=backend.options,
        )
        if backend.device.backend is not None:
            check_pub(work, backend.device.backend.target)
        return work

    def _execute(self, work: WorkUnit) -> Outcome:
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
) -> str:
    """Return the key of the work that a request stands for, see `work_key`.

    Args:
        kind: What is asked for.
        router: The router.
        x_BF: Its inputs, in radians.
        w_W: Its weights, in radians.
        spec: Specification of the backend.
        service: Which service its device belongs to; "" for this machine.
        options: See `RuntimeBackend`, as those that follow.
        shots: Of every sample.
        qubits: Device qubits that were asked for.
        seed: Of the backend.
    """
    settings = {
        "backend": spec,
        "kind": kind,
        "options": options.key_settings(gradient=kind != "values"),
        "qubits": qubits,
        "router": router.content_hash,
        "seed": seed,
        "service": service,
        "shots": shots,
    }
    return work_key(settings, inputs=x_BF, weights=w_W)
