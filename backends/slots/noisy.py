"""A router in many slots of a simulated device: each slot under the noise of its own qubits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from qmoe_qiskit.backends.handed_out import HandsOut
from qmoe_qiskit.backends.protocols import (
    ArrayLike,
    CompiledRouter,
    Expectations,
    Pullback,
    check_batch,
)
from qmoe_qiskit.backends.slots.assignment import Assignment, IntArray, singles
from qmoe_qiskit.backends.slots.finding import Slot
from qmoe_qiskit.backends.slots.packed_circuit import PackedCircuit
from qmoe_qiskit.backends.slots.request import SlotRequest
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.typing import FloatArray


class PackedNoisyRouter(HandsOut):
    """A router whose samples are evaluated in slots, see `PackedRouter`.

    The noise has no crosstalk: a slot's values are those that it has alone. Which sample of a batch
    goes to which slot depends on the number of samples and on the seed.

    Args:
        router: The router.
        slots: The slots.
        compile_slots: Takes a number of shots, or None for exact values, to the router compiled in
            each slot.
        request: What was asked for.
        shots: Number of shots per sample, or None for exact values.
        seed: The seed of the draw.
        backend_name: The specification of the backend.
    """

    def __init__(
        self,
        router: RouterCircuit,
        slots: Sequence[Slot],
        compile_slots: Callable[[int | None], Sequence[CompiledRouter]],
        *,
        request: SlotRequest,
        shots: int | None,
        seed: int | None,
        backend_name: str,
    ) -> None:
        self.router, self.slots, self.backend_name = router, tuple(slots), backend_name
        self._compile_slots, self._request, self._shots = compile_slots, request, shots
        self._seed = seed
        in_slot = None if shots is None else request.shots_per_slot(shots, len(slots))
        self._compiled = tuple(compile_slots(in_slot))
        self.placed = PackedCircuit(tuple(slot.circuit for slot in slots))

    @property
    def n_slots(self) -> int:
        """Number of slots."""
        return len(self.slots)

    def averaged(self) -> PackedNoisyRouter:
        """Return the router that runs each sample in every slot, see `PackedRouter.averaged`."""
        if self._request.average:
            return self
        return PackedNoisyRouter(
            self.router,
            self.slots,
            self._compile_slots,
            request=replace(self._request, average=True),
            shots=self._shots,
            seed=self._seed,
            backend_name=self.backend_name,
        )

    def expectations(self, inputs_BF: FloatArray, weights_W: FloatArray) -> Expectations:
        """See `CompiledRouter.expectations`."""
        x_BF, w_W = check_batch(self.router, inputs_BF, weights_W)
        values_BO, variances_BO = np.zeros((2, len(x_BF), self.router.n_outputs))
        times_B, shots = self._times(len(x_BF)), None
        for compiled, rows in self._parts(len(x_BF)):
            found = compiled.expectations(x_BF[rows], w_W)
            np.add.at(values_BO, rows, found.values)
            np.add.at(variances_BO, rows, found.std_errors**2)
            shots = found.shots
        if shots is not None and self._request.average:
            shots *= self.n_slots
        return Expectations(
            values=values_BO / times_B[:, None],
            std_errors=np.sqrt(variances_BO) / times_B[:, None],
            shots=shots,
        )

    def jacobian(
        self, inputs_BF: FloatArray, weights_W: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """See `CompiledRouter.jacobian`."""
        x_BF, w_W = check_batch(self.router, inputs_BF, weights_W)
        shape = (len(x_BF), self.router.n_outputs)
        d_inputs_BOF = np.zeros((*shape, self.router.n_inputs))
        d_weights_BOW = np.zeros((*shape, self.router.n_weights))
        for compiled, rows in self._parts(len(x_BF)):
            by_inputs, by_weights = compiled.jacobian(x_BF[rows], w_W)
            np.add.at(d_inputs_BOF, rows, by_inputs)
            np.add.at(d_weights_BOW, rows, by_weights)
        times_B11 = self._times(len(x_BF))[:, None, None]
        return d_inputs_BOF / times_B11, d_weights_BOW / times_B11

    def vjp(self, inputs_BF: ArrayLike, weights_W: ArrayLike) -> tuple[ArrayLike, Pullback]:
        """See `CompiledRouter.vjp`."""
        n_samples = len(inputs_BF)
        times_B = self._times(n_samples)
        parts = [
            (rows, *compiled.vjp(inputs_BF[rows], weights_W))
            for compiled, rows in self._parts(n_samples)
        ]
        values_BO = _summed([(rows, values) for rows, values, _ in parts], n_samples)
        share_B1 = _like(1 / times_B[:, None], values_BO)

        def pullback(
            gradient_BO: ArrayLike, *, need_inputs: bool = True, per_sample: bool = False
        ) -> tuple[ArrayLike | None, ArrayLike]:
            shared_BO = gradient_BO * share_B1
            found = [
                (rows, *back(shared_BO[rows], need_inputs=need_inputs, per_sample=per_sample))
                for rows, _, back in parts
            ]
            if per_sample:
                by_weights = _summed([(rows, each) for rows, _, each in found], n_samples)
            else:
                by_weights = sum(each for _, _, each in found)
            if not need_inputs:
                return None, by_weights
            return _summed([(rows, each) for rows, each, _ in found], n_samples), by_weights

        return values_BO * share_B1, pullback

    def _drawn(self, n_samples: int) -> Assignment:
        draw = Assignment.in_every_slot if self._request.average else Assignment.draw
        return draw(singles(n_samples), len(self.slots), f"{n_samples} {self._seed}")

    def _parts(self, n_samples: int) -> list[tuple[CompiledRouter, IntArray]]:
        """Return the rows of a batch that each slot evaluates; a row may be there twice."""
        return list(zip(self._compiled, self._drawn(n_samples).points_RK.T, strict=True))

    def _times(self, n_samples: int) -> IntArray:
        """Return how many slots evaluate each row."""
        return self._drawn(n_samples).times_P


def _summed(parts: Sequence[tuple[IntArray, ArrayLike]], n_rows: int) -> ArrayLike:
    """Return sums over rows, of the library of the parts."""
    _, first = parts[0]
    if isinstance(first, np.ndarray):
        total: ArrayLike = np.zeros((n_rows, *first.shape[1:]), first.dtype)
        for rows, values in parts:
            np.add.at(total, rows, values)
        return total
    import torch

    total = torch.zeros((n_rows, *first.shape[1:]), dtype=first.dtype, device=first.device)
    for rows, values in parts:
        total = total.index_add(0, torch.from_numpy(rows).to(first.device), values)
    return total


def _like(array: FloatArray, like: ArrayLike) -> ArrayLike:
    if isinstance(like, np.ndarray):
        return array
    import torch

    return torch.as_tensor(array, dtype=like.dtype, device=like.device)
