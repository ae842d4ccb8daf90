"""Exact evaluation by AerSimulator: the reference of the batched engine."""

from functools import cached_property
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import PauliGate, UnitaryGate
from qiskit_aer import AerSimulator

from qmoe_qiskit.backends.gradients import parameter_shift
from qmoe_qiskit.backends.handed_out import HandsOut, WithoutDevice
from qmoe_qiskit.backends.protocols import ArrayLike, Expectations, Pullback, check_batch
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.circuits.angles import has_parameters
from qmoe_qiskit.simulation.angle_table import AngleTable
from qmoe_qiskit.simulation.lowering import Channel, FixedGate, check_angles, lower
from qmoe_qiskit.typing import FloatArray

# Gates whose angles Aer fills in from parameter_binds. For other gates, such as crx, it silently
# returns a single result for the whole batch.
_BINDABLE = {
    "cu", "p", "r", "rx", "rxx", "ry", "ryy", "rz", "rzx", "rzz", "u", "u1", "u2", "u3",
}  # fmt: skip


class AerRouter(HandsOut):
    """A router on Aer's statevector simulator, one circuit per sample."""

    def __init__(self, router: RouterCircuit) -> None:
        """Check the circuit as `check_angles` does."""
        check_angles(router)
        self.router, self.backend_name = router, "statevector"
        self.placed = WithoutDevice(router=router)

    def expectations(self, inputs_BF: FloatArray, weights_W: FloatArray) -> Expectations:
        """See `CompiledRouter.expectations`."""
        x_BF, w_W = check_batch(self.router, inputs_BF, weights_W)
        columns = [*x_BF.T, *np.broadcast_to(w_W[:, None], (len(w_W), len(x_BF)))]
        names = [*self.router.inputs, *self.router.weights]
        values = _run(self._circuit, dict(zip(names, columns, strict=True)), len(x_BF))
        return Expectations(values=values, std_errors=np.zeros_like(values))

    def jacobian(
        self, inputs_BF: FloatArray, weights_W: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """See `CompiledRouter.jacobian`; by the parameter-shift rule, gate by gate."""
        x_BF, w_W = check_batch(self.router, inputs_BF, weights_W)
        circuit, angles, table = self._by_angle
        points = parameter_shift.parameter_shifts(table.angles(x_BF, w_W))
        values = _run(circuit, dict(zip(angles, points.T, strict=True)), len(points))
        slopes_BOG = parameter_shift.shifted_slopes(values, len(x_BF), len(angles))
        slopes: tuple[FloatArray, FloatArray] = table.chain(x_BF, w_W, slopes_BOG)
        return slopes

    def vjp(self, inputs_BF: ArrayLike, weights_W: ArrayLike) -> tuple[ArrayLike, Pullback]:
        """See `CompiledRouter.vjp`."""
        return parameter_shift.vjp_by_jacobian(self, inputs_BF, weights_W)

    @cached_property
    def _circuit(self) -> QuantumCircuit:
        return _observed(self.router.standard_circuit, self.router)

    @cached_property
    def _by_angle(self) -> tuple[QuantumCircuit, list[Parameter], AngleTable]:
        """The circuit with one parameter per rotation, as the shift rule needs it."""
        gates, table = lower(self.router)
        angles = ParameterVector("angle", len(table.offset_G))
        circuit = QuantumCircuit(self.router.n_qubits)
        for gate in gates:
            assert not isinstance(gate, Channel)  # there is no noise here
            if isinstance(gate, FixedGate):
                circuit.append(UnitaryGate(gate.matrix), gate.qubits)
            elif len(gate.pauli) == 1:
                getattr(circuit, f"r{gate.pauli.lower()}")(angles[gate.angle], gate.qubits[0])
            else:
                # exp(-i t/2 P) = C exp(-i t/2 Z..Z) C^H; Aer has rzz, and the rest is fixed.
                basis = _to_z_basis(gate.pauli)
                circuit.append(UnitaryGate(basis), gate.qubits)
                circuit.rzz(angles[gate.angle], *gate.qubits)
                circuit.append(UnitaryGate(basis.conj().T), gate.qubits)
        return _observed(circuit, self.router), list(angles), table


def _to_z_basis(pauli: str) -> np.ndarray:
    """Unitary B with B^H Z..Z B = P, letter k on bit k."""
    basis = np.eye(1)
    for letter in pauli:
        # Columns of the inverse are the letter's eigenvectors, +1 first.
        _, vectors = np.linalg.eigh(-PauliGate(letter).to_matrix())
        basis = np.kron(vectors.conj().T, basis)
    return basis


def unfolded(circuit: QuantumCircuit, method: str = "statevector") -> QuantumCircuit:
    """Unfold the gates that a method of Aer does not know or bind.

    The transpiler would do so too, but takes 2 s to load. The method "density_matrix" knows fewer
    gates than "statevector" does.
    """
    known = {*AerSimulator(method=method).operation_names, "barrier", "delay"}
    circuit = circuit.copy()
    while unknown := {
        step.operation.name
        for step in circuit.data
        if step.operation.name not in known
        or (step.operation.name not in _BINDABLE and has_parameters(step.operation))
    }:
        circuit = circuit.decompose(gates_to_decompose=list(unknown))
    return circuit


def _observed(circuit: QuantumCircuit, router: RouterCircuit) -> QuantumCircuit:
    observed = unfolded(circuit)
    for k, observable in enumerate(router.observables):
        observed.save_expectation_value(observable, range(router.n_qubits), label=f"output_{k}")
    return observed


def _run(circuit: QuantumCircuit, columns: dict[Parameter, Any], n_points: int) -> FloatArray:
    """Evaluate a circuit at many points: shape (n_points, O)."""
    simulator = AerSimulator(method="statevector")
    n_outputs = sum(step.operation.name == "save_expval" for step in circuit.data)
    if n_points == 0:
        return np.zeros((0, n_outputs))
    used = set(circuit.parameters)
    binds = {p: [float(v) for v in column] for p, column in columns.items() if p in used}
    given = {"parameter_binds": [binds]} if used else {}
    result = simulator.run(circuit if used else [circuit] * n_points, shots=1, **given).result()
    return np.array(
        [[result.data(k)[f"output_{o}"] for o in range(n_outputs)] for k in range(n_points)]
    )
