"""The tasks of the study of noise, beyond plain training."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from qmoe_qiskit.errors import OutOfRangeWarning, require_positive
from qmoe_qiskit.studies.training.circuit_execution import EXACT, CircuitExecution
from qmoe_qiskit.studies.training.measuring import restore_on_backend
from qmoe_qiskit.studies.training.train_task import Fitted, TrainTask, fit, result_of
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.runs.metrics import Observed


@dataclass(frozen=True, kw_only=True)
class ShotsTask(TrainTask):
    """Train without shots, and measure with several numbers of them too.

    Attributes:
        shots: Numbers of shots per sample.
        sampled: Where; without shots of their own.
    """

    kind: ClassVar[str] = "noise-shots"

    shots: tuple[int, ...] = ()
    sampled: tuple[CircuitExecution, ...] = ()

    def check(self) -> None:
        """See `Task.check`.

        Raises:
            InputError: If a setting is not accepted.
        """
        super().check()
        for shots in self.shots:
            require_positive("shots", shots)

    def circuit_executions(self) -> tuple[CircuitExecution, ...]:
        """See `TrainTask.circuit_executions`."""
        return (*super().circuit_executions(), *self.sampled)

    def run(self) -> dict[str, Any]:
        """Train and measure.

        Returns:
            What `TrainTask.run` returns, and shots: for each of `sampled`, for each number of
            shots, accuracy and routing_flips, against the same model there without shots.
        """
        fitted = fit(self)
        return {
            **result_of(self, fitted),
            "shots": [self._with_shots(fitted, setting) for setting in self.sampled],
        }

    def _with_shots(self, fitted: Fitted, setting: CircuitExecution) -> list[dict[str, float]]:
        from qmoe_qiskit.simulation import diagonals
        from qmoe_qiskit.studies.noise.bitstrings import frequencies, routed, string_probabilities

        model, rows = fitted.classifier, fitted.split.test
        router, inputs_BF, weights_W = circuit_of(fitted)
        there = model if setting == self.train_on else restore_on_backend(model, setting, self.seed)
        observables_OS = diagonals(router.observables)
        exactly_BS = string_probabilities(there.backend_, router, inputs_BF, weights_W)
        exact = routed(model, rows, exactly_BS @ observables_OS.T)
        measured = []
        for shots in self.shots:
            seen_BS = frequencies(exactly_BS, shots, np.random.default_rng([self.seed, shots]))
            measured.append(shares(routed(model, rows, seen_BS @ observables_OS.T), exact))
        return measured


@dataclass(frozen=True, kw_only=True)
class PinnedTask(TrainTask):
    """Train, and measure on changed calibrations of a device, always on the same qubits.

    They are those that the calibration as it is stored leads to. Which qubits are the best depends
    on the kind of noise, and a change of place would hide what a change of noise does.
    """

    kind: ClassVar[str] = "noise-pinned"

    def run(self) -> dict[str, Any]:
        """Train and measure.

        Returns:
            settings: see `measured`.
        """
        from qmoe_qiskit.backends import BackendSpec
        from qmoe_qiskit.backends.transpile.placement import active_qubits
        from qmoe_qiskit.studies.training.measuring import (
            measured,
            observe_rows,
            restore_on_backend,
        )
        from qmoe_qiskit.train import model_state, restore_model

        fitted = fit(self)
        model, rows = fitted.classifier, fitted.split.test
        exact = observe_rows(restore_on_backend(model, EXACT, self.seed), rows)
        qubits: dict[str, list[int]] = {}
        for device in dict.fromkeys(setting.backend for setting in self.settings):
            stored = restore_on_backend(
                model, CircuitExecution(backend=device), self.seed
            ).compiled_router
            assert stored is not None
            qubits[device] = sorted(active_qubits(stored.isa_circuit))
        placed = (
            restore_model(
                model_state(model),
                BackendSpec(
                    backend=setting.resolve_backend(self.seed),
                    device_qubits=tuple(qubits[setting.backend]),
                ),
            )
            for setting in self.settings
        )
        return {"settings": [measured(observe_rows(there, rows), exact) for there in placed]}


def circuit_of(fitted: Fitted) -> tuple[RouterCircuit, FloatArray, FloatArray]:
    """Return a trained model's circuit, its inputs on the held-out rows (B, F) and weights (W,)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)
        parts = fitted.classifier.circuit_arguments(fitted.split.test.features_NF)
    compiled = fitted.classifier.compiled_router
    assert compiled is not None
    return compiled.router, np.concatenate([inputs_BF for inputs_BF, _ in parts]), parts[0][1]


def shares(observed: Observed, ideal: Observed) -> dict[str, float]:
    """Return accuracy, and routing_flips against another evaluation of the same model."""
    return {
        "accuracy": float(observed.hits_N.mean()),
        "routing_flips": float((observed.experts_N != ideal.experts_N).mean()),
    }
