"""The hardware rows of the benchmark: local testing mode, and what a training step executes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from qiskit.primitives import BaseEstimatorV2, StatevectorEstimator

from benchmarks.measuring import Row
from qmoe_qiskit import angle_router, open_backend
from qmoe_qiskit.backends.runtime.compiled_router import RuntimeRouter

BATCH = 32


class CountingEstimator(BaseEstimatorV2):  # type: ignore[misc]  # Qiskit is untyped
    """An estimator that counts the circuits that it would have a device execute."""

    def __init__(self) -> None:
        self._estimator = StatevectorEstimator()
        self.circuits = 0

    def run(self, pubs: Any, *, precision: float | None = None) -> Any:  # noqa: ANN401
        """Count pubs and their parameter sets, and evaluate them."""
        job = self._estimator.run(pubs, precision=precision)
        self.circuits += sum(max(1, result.data.evs.size) for result in job.result())
        return job


def measure_hardware() -> list[Row]:
    """Measure everything that needs no service."""
    return [_local_mode(), *_training_step()]


def _local_mode() -> Row:
    rng = np.random.default_rng(0)
    inputs, weights = rng.uniform(0, np.pi, (256, 2)), rng.uniform(-np.pi, np.pi, 18)
    start = time.perf_counter()
    compiled = open_backend("runtime:fake_fez", shots=4096, seed=0).compile(angle_router(2, 3))
    compiled.expectations(inputs, weights)
    seconds = time.perf_counter() - start
    return Row(
        what="local testing mode, fake_fez (156 qubits), 256 samples x 4096 shots, compile "
        "included",
        ours=seconds,
        unit="s",
        peers={},
        goal="at most 10",
        met=seconds <= 10,
    )


def _training_step() -> list[Row]:
    """Count the circuits of forward and backward: executions are these times the shots."""
    from qiskit_machine_learning.neural_networks import EstimatorQNN

    router = angle_router(2, 3)
    rng = np.random.default_rng(0)
    inputs, weights = rng.uniform(0, np.pi, (BATCH, 2)), rng.uniform(-np.pi, np.pi, 18)
    counting = CountingEstimator()
    network = EstimatorQNN(
        circuit=router.circuit,
        observables=list(router.observables),
        input_params=list(router.inputs),
        weight_params=list(router.weights),
        estimator=counting,
    )
    network.forward(inputs, weights)
    network.backward(inputs, weights)
    rows = []
    for gradient in ("parameter-shift", "spsa"):
        backend = open_backend("runtime:fake_manila", seed=0, options={"gradient": gradient})
        compiled = backend.compile(router)
        assert isinstance(compiled, RuntimeRouter)
        works = [compiled.work(inputs, weights), compiled.gradient_work(inputs, weights)]
        circuits = sum(work.n_points for work in works)
        rows.append(
            Row(
                what=f"circuits of a training step, batch {BATCH}, {gradient}",
                ours=circuits,
                unit="",
                peers={"EstimatorQNN": counting.circuits},
            )
        )
    return rows
