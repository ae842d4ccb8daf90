"""Exact expectation values and derivatives of a router circuit, a whole batch at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import SparsePauliOp

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.simulation import fusion
from qmoe_qiskit.simulation.arrays import Array
from qmoe_qiskit.simulation.engine import Engine, Tables, Tape
from qmoe_qiskit.simulation.lowering import AngleTable, lower
from qmoe_qiskit.simulation.product_state import ProductState
from qmoe_qiskit.simulation.steps import InputRotation, MatrixRun, Permutation, Step


class StatevectorProgram:
    """A router circuit compiled for exact evaluation, on NumPy arrays or torch tensors.

    Inputs have shape (B, F) and weights (W,), both float64 and in radians; answers come in kind, on
    the same device.

    Args:
        router: The circuit to evaluate.

    Raises:
        InputError: If the circuit cannot be lowered (see `lower`).
    """

    def __init__(self, router: RouterCircuit) -> None:
        gates, table = lower(router)
        preparation, fused = fusion.fuse(gates, table.uses_input, router.n_qubits)
        sample_rows = _sample_rows(preparation, fused)
        place = {angle: row for row, angle in enumerate(sample_rows)}
        steps: list[Step] = []
        shared: list[int] = []
        n_runs = 0
        for step in fused:
            if isinstance(step, fusion.MatrixStep):
                steps.append(
                    MatrixRun.build(step, index=n_runs, start=len(shared), n_qubits=router.n_qubits)
                )
                shared.extend(step.angles)
                n_runs += 1
            elif isinstance(step, fusion.PermutationStep):
                steps.append(Permutation.build(step))
            else:
                steps.append(InputRotation.build(step, place[step.angle]))
        self._host = Engine(
            ProductState.build(preparation, place),
            steps,
            _build_tables(router, table, shared, sample_rows),
            router.n_qubits,
        )
        self._on_device: dict[Any, Engine] = {}

    def expectations(self, inputs_BF: Array, weights_W: Array) -> Array:
        """Return values of shape (B, O)."""
        return self._engine(inputs_BF).expectations(inputs_BF, weights_W)

    def vjp(self, inputs_BF: Array, weights_W: Array) -> tuple[Array, Tape]:
        """Return values of shape (B, O), and the tape from which `pullback` starts."""
        return self._engine(inputs_BF).vjp(inputs_BF, weights_W)

    def pullback(
        self, tape: Tape, gradient_BO: Array, *, need_inputs: bool = True
    ) -> tuple[Array | None, Array]:
        """Carry a gradient back: returns its (B, F) for the inputs, if needed, and (W,)."""
        engine = self._engine(tape.inputs_BF)
        return engine.pullback(tape, gradient_BO, need_inputs=need_inputs)

    def jacobian(self, inputs_BF: Array, weights_W: Array) -> tuple[Array, Array]:
        """Return the derivatives of every value: shapes (B, O, F) and (B, O, W)."""
        return self._engine(inputs_BF).jacobian(inputs_BF, weights_W)

    def _engine(self, like: Array) -> Engine:
        if isinstance(like, np.ndarray):
            return self._host
        if like.device not in self._on_device:
            import torch

            self._on_device[like.device] = self._host.converted(
                lambda array: torch.as_tensor(array, device=like.device)
            )
        return self._on_device[like.device]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_on_device": {}}


def _sample_rows(preparation: fusion.Preparation, steps: list[fusion.Step]) -> list[int]:
    used = {int(a) for a in preparation.angles.flat if a >= 0}
    used |= {step.angle for step in steps if isinstance(step, fusion.InputStep)}
    return sorted(used)


def _build_tables(
    router: RouterCircuit, table: AngleTable, shared: list[int], sample: list[int]
) -> Tables:
    observables_OD = np.array([_diagonal(o) for o in router.observables])
    sample_AF = np.vstack([table.inputs_GF[sample], np.zeros((1, router.n_inputs))])
    sample_AW = np.vstack([table.weights_GW[sample], np.zeros((1, router.n_weights))])
    sample_offset_A = np.append(table.offset_G[sample], 0.0)
    return Tables(
        shared_GW=table.weights_GW[shared],
        sample_AF=sample_AF,
        sample_AW=sample_AW,
        half_shared_GW=table.weights_GW[shared] / 2,
        half_shared_offset_G=table.offset_G[shared] / 2,
        half_sample_AF=sample_AF / 2,
        half_sample_AW=sample_AW / 2,
        half_sample_offset_A1=sample_offset_A[:, None] / 2,
        observables_OD=observables_OD,
        twice_observables_DO=2 * observables_OD.T,
    )


def _diagonal(observable: SparsePauliOp) -> NDArray[np.float64]:
    """Diagonal of a sum of Z strings: the Walsh-Hadamard transform of its coefficients."""
    values = np.zeros(2**observable.num_qubits)
    masks_T = observable.paulis.z @ (1 << np.arange(observable.num_qubits))
    np.add.at(values, masks_T, observable.coeffs.real)
    for qubit in range(observable.num_qubits):
        even, odd = np.moveaxis(values.reshape(-1, 2, 2**qubit), 1, 0)
        values = np.stack([even + odd, even - odd], axis=1).reshape(-1)
    return values
