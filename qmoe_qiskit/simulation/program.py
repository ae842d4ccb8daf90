"""A lowered circuit as an engine that evaluates batches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.simulation import fusion
from qmoe_qiskit.simulation.angle_table import AngleTable
from qmoe_qiskit.simulation.arrays import Array
from qmoe_qiskit.simulation.engine import Engine, Tables, Tape
from qmoe_qiskit.simulation.lowering import Gate, lower
from qmoe_qiskit.simulation.matrix_run import MatrixRun, Step
from qmoe_qiskit.simulation.product_state import ProductState
from qmoe_qiskit.simulation.readout import (
    DensityReadout,
    Readout,
    StateReadout,
    walsh_hadamard,
)
from qmoe_qiskit.simulation.representation import DENSITY, STATE, StateRepresentation
from qmoe_qiskit.simulation.steps import InputRotation, Permutation
from qmoe_qiskit.typing import FloatArray


class ExactProgram:
    """Gates compiled for exact evaluation, on NumPy arrays or torch tensors.

    Inputs have shape (B, F) and weights (W,), both float64 and in radians; results are arrays of
    the same library on the same device.

    Args:
        gates: The gates and channels of the circuit, in order.
        table: The table of the gates' angles.
        n_qubits: The number of qubits of the register.
        representation: How states are represented.
        readout: What is measured at the end.
    """

    def __init__(
        self,
        gates: Sequence[Gate],
        table: AngleTable,
        n_qubits: int,
        *,
        representation: StateRepresentation,
        readout: Readout,
    ) -> None:
        preparation, fused = fusion.fuse(gates, table.uses_input, n_qubits, representation)
        sample_rows = sorted(
            {a for a in preparation.angles.ravel().tolist() if a >= 0}
            | {step.angle for step in fused if isinstance(step, fusion.InputStep)}
        )
        place = {angle: row for row, angle in enumerate(sample_rows)}
        steps: list[Step] = []
        shared: list[int] = []
        n_runs = 0
        for step in fused:
            if isinstance(step, fusion.MatrixStep):
                run = MatrixRun.build(step, index=n_runs, start=len(shared), n_qubits=n_qubits)
                steps.append(run)
                shared.extend(step.angles)
                n_runs += 1
            elif isinstance(step, fusion.PermutationStep):
                steps.append(Permutation.build(step))
            else:
                steps.append(InputRotation.build(step, place[step.angle], representation))
        self._host = Engine(
            ProductState.build(preparation, place, representation),
            steps,
            Tables.build(table, shared, sample_rows, representation.scale),
            readout,
        )
        self._on_device: dict[Any, Engine] = {}
        self._functions = table.functions
        self._source = gates, table, n_qubits, representation, readout

    def expectations(self, inputs_BF: Array, weights_W: Array) -> Array:
        """Return values of shape (B, O)."""
        if self._functions is not None:
            inputs_BF, weights_W = self._functions.extend(inputs_BF, weights_W)
        return self._engine(inputs_BF).expectations(inputs_BF, weights_W)

    def vjp(self, inputs_BF: Array, weights_W: Array) -> tuple[Array, Tape]:
        """Return values of shape (B, O), and the tape from which `pullback` starts."""
        given = None
        if self._functions is not None:
            given = inputs_BF, weights_W
            inputs_BF, weights_W = self._functions.extend(inputs_BF, weights_W)
        values_BO, tape = self._engine(inputs_BF).vjp(inputs_BF, weights_W)
        tape.given = given
        return values_BO, tape

    def pullback(
        self,
        tape: Tape,
        gradient_BO: Array,
        *,
        need_inputs: bool = True,
        per_sample: bool = False,
    ) -> tuple[Array | None, Array]:
        """Carry a gradient back: to inputs, (B, F), or None if not needed, and weights, (W,).

        With `per_sample` the weights' gradient is not summed over the samples: (B, W).
        """
        engine, functions = self._engine(tape.inputs_BF), self._functions
        if functions is None:
            return engine.pullback(
                tape, gradient_BO, need_inputs=need_inputs, per_sample=per_sample
            )
        assert tape.given is not None
        by_sample = need_inputs or functions.sample_uses_weights
        gradients = engine.pullback(tape, gradient_BO, need_inputs=by_sample, per_sample=per_sample)
        by_inputs_BF, by_weights_W = functions.pullback(*tape.given, *gradients)
        return (by_inputs_BF if need_inputs else None), by_weights_W

    def jacobian(self, inputs_BF: Array, weights_W: Array) -> tuple[Array, Array]:
        """Return the derivatives of every value: shapes (B, O, F) and (B, O, W)."""
        functions = self._functions
        if functions is None:
            return self._engine(inputs_BF).jacobian(inputs_BF, weights_W)
        extended = functions.extend(inputs_BF, weights_W)
        slopes = self._engine(inputs_BF).jacobian(*extended)
        return functions.chain(inputs_BF, weights_W, *slopes)

    @cached_property
    def by_angle(self) -> tuple[ExactProgram, AngleTable]:
        """The program with its angles as inputs, (B, G), and no weights; and the angles' table."""
        gates, table, n_qubits, representation, readout = self._source
        n_angles = len(table.offset_G)
        free = AngleTable(
            inputs_GF=np.eye(n_angles),
            weights_GW=np.zeros((n_angles, 0)),
            offset_G=np.zeros(n_angles),
        )
        program = ExactProgram(
            gates, free, n_qubits, representation=representation, readout=readout
        )
        return program, table

    @property
    def n_outputs(self) -> int:
        """Number of values per sample, O."""
        return self._source[-1].n_outputs

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
        kept = {name: value for name, value in vars(self).items() if name != "by_angle"}
        return {**kept, "_on_device": {}}


class StatevectorProgram(ExactProgram):
    """A router circuit on state vectors.

    Args:
        router: The circuit to evaluate.

    Raises:
        InputError: If the circuit cannot be lowered (see `lower`).
    """

    def __init__(self, router: RouterCircuit) -> None:
        gates, table = lower(router)
        readout = StateReadout.build(router.observables)
        super().__init__(gates, table, router.n_qubits, representation=STATE, readout=readout)


class DensityProgram(ExactProgram):
    """Gates and channels on density matrices.

    Args:
        gates: The gates and channels of the circuit, in order.
        table: The table of the gates' angles.
        n_qubits: The number of qubits of the register.
        diagonals_OD: The observables, diagonal in the computational basis: (O, 2^n), little-endian.
    """

    def __init__(
        self, gates: Sequence[Gate], table: AngleTable, n_qubits: int, diagonals_OD: FloatArray
    ) -> None:
        # <D> = sum over Z strings m of tr(Z_m rho) times the strings' coefficients in D.
        coefficients = [walsh_hadamard(diagonal) / 2**n_qubits for diagonal in diagonals_OD]
        masks = np.arange(2**n_qubits)
        entries = sum(
            (3 * 4**q * ((masks >> q) & 1) for q in range(n_qubits)), np.zeros_like(masks)
        )
        functionals_OD = np.zeros((len(diagonals_OD), 4**n_qubits))
        functionals_OD[:, entries] = coefficients
        readout = DensityReadout(functionals_OD=functionals_OD)
        super().__init__(gates, table, n_qubits, representation=DENSITY, readout=readout)
