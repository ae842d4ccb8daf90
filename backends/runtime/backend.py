"""The runtime backend: router circuits on an IBM Quantum device or a fake device."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from qmoe_qiskit import limits
from qmoe_qiskit.backends.gradients.rotations import router_of_rotations
from qmoe_qiskit.backends.protocols import check_router
from qmoe_qiskit.backends.runtime.compiled_router import Layout, RuntimeRouter
from qmoe_qiskit.backends.slots.finding import find_slots
from qmoe_qiskit.backends.slots.request import SlotRequest
from qmoe_qiskit.backends.slots.runtime import PackedLayout, PackedRouter
from qmoe_qiskit.backends.transpile.fractional import BOUNDED
from qmoe_qiskit.backends.transpile.isa_circuit import fit_to_device, gates_only
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.hardware.devices.protocol import Device
from qmoe_qiskit.hardware.devices.pulses import has_u_gates
from qmoe_qiskit.hardware.options import RuntimeOptions
from qmoe_qiskit.noise_profiles import NoiseProfile
from qmoe_qiskit.noise_profiles.calibration import FRACTIONAL_GATES


@dataclass(frozen=True, kw_only=True)
class RuntimeBackend:
    """A backend that evaluates router circuits with IBM's primitives.

    Attributes:
        name: The specification that opens this backend again.
        device: The device that executes the circuits.
        options: The settings of the primitives.
        shots: Number of shots per sample.
        seed: Seed of Qiskit's routing, of SPSA's directions and, for a fake device, of the shots.
        qubits: The device qubits to use; by default those with the smallest expected error.
        title: The purpose of the work, such as a run's folder, for the ledger.
        layout: An earlier layout of the circuit, used unchanged; None for a new layout.
        slots: The regions of the device that are to evaluate samples at once; None for one.

    Raises:
        InputError: If the number of shots is not positive.
    """

    name: str
    device: Device = field(repr=False)
    options: RuntimeOptions
    shots: int
    seed: int | None = None
    qubits: tuple[int, ...] | None = None
    title: str = ""
    layout: Layout | None = None
    slots: SlotRequest | None = None

    def __repr__(self) -> str:
        facts = [f"{self.shots} shots", repr(self.options)]
        facts += [] if self.seed is None else [f"seed {self.seed}"]
        facts += [] if self.qubits is None else [f"qubits {' '.join(map(str, self.qubits))}"]
        return f"<RuntimeBackend {self.name!r}: {', '.join(facts)}>"

    def __post_init__(self) -> None:
        require_positive("shots", self.shots, at_most=limits.SHOTS)

    def compile(self, router: RouterCircuit) -> RuntimeRouter:
        """Transpile a router's circuit to the device, with one parameter per rotation.

        Raises:
            InputError: If the device cannot run the circuit.
        """
        check_router(router)
        if router.standard_circuit.count_ops().get("delay"):
            raise InputError(
                f"the router's circuit holds delays: on {self.device.name} circuits are scheduled "
                "where they run; leave the delays out"
            )
        rotations, table = router_of_rotations(router)
        if not rotations.n_weights:
            raise InputError("the router has no angles: there is nothing to run on a device")
        if self.slots is not None:
            return PackedRouter(
                router=router,
                backend=self,
                layout=self.layout or self._packed(rotations, self.slots),
                table=table,
            )
        return RuntimeRouter(
            router=router,
            backend=self,
            layout=self.layout or self._laid_out(rotations),
            table=table,
        )

    def _laid_out(self, rotations: RouterCircuit) -> Layout:
        profile = self.device.profile()
        offered = self._offered(profile)
        placed = fit_to_device(rotations, offered, qubits=self.qubits, seed=self.seed)
        circuit = gates_only(placed.full)
        assert set(circuit.parameters) == set(rotations.weights)  # the transpiler kept them all
        return Layout(
            circuit=circuit,
            physical_qubits=placed.physical_qubits,
            profile=profile,
            placed=placed,
        )

    def _packed(self, rotations: RouterCircuit, slots: SlotRequest) -> PackedLayout:
        profile = self.device.profile()
        offered = self._offered(profile)
        found = find_slots(rotations, offered, slots, qubits=self.qubits, seed=self.seed)
        return PackedLayout.of(found, profile, rotations.n_weights)

    def __deepcopy__(self, memo: dict[int, object]) -> RuntimeBackend:
        """Return this object: scikit-learn copies settings, but a connection cannot be copied."""
        return self

    def _offered(self, profile: NoiseProfile) -> NoiseProfile:
        """Return the calibration restricted to the gates that circuits may use."""
        if self.options.fractional_gates and "rx" not in profile.basis_gates:
            raise InputError(
                f"{self.device.name} offers no fractional gates: omit option fractional_gates"
            )
        left_out = set() if self.options.fractional_gates else set(FRACTIONAL_GATES)
        if self.options.twirls_or_folds:
            left_out.add(BOUNDED)
        gates = tuple(gate for gate in profile.basis_gates if gate not in left_out)
        in_pulses = self.device.is_local and has_u_gates(profile)
        if self.options.primitive == "estimator" and "rz" not in gates and not in_pulses:
            raise InputError(
                f"IBM's estimator turns qubits by rz, and {self.device.name} has the gates "
                f"{', '.join(gates)}: use option primitive 'sampler'"
            )
        return replace(profile, basis_gates=gates)
