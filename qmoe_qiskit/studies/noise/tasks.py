"""The tasks of the study of noise, beyond plain training.

Shapes: B inputs, F features, W circuit weights, S bit strings, O observables, K noise factors.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.backends.mitigation.folding import check_factor, extrapolation
from qmoe_qiskit.backends.mitigation.readout import invert_readout_error
from qmoe_qiskit.backends.noisy.backend import NoisyBackend
from qmoe_qiskit.backends.noisy.readout_error import apply_readout_error, assignment_matrices
from qmoe_qiskit.backends.transpile.placement import active_qubits
from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.simulation import diagonals
from qmoe_qiskit.studies.engine.results import finite
from qmoe_qiskit.studies.noise.bitstrings import (
    observe_with_values,
    routing_scores,
    sample_frequencies,
    string_probabilities,
    trained_circuit,
)
from qmoe_qiskit.studies.training.circuit_execution import EXACT, CircuitExecution
from qmoe_qiskit.studies.training.measuring import measured, observe_rows, restore_on_backend
from qmoe_qiskit.studies.training.train_task import Fitted, TrainTask, fit, result_of
from qmoe_qiskit.train import model_state, restore_model

# Methods of mitigation by the names that tables use: whether readout errors are undone, and the
# degree of the extrapolation.
METHODS = {
    "none": (False, None),
    "readout": (True, None),
    "ZNE, linear": (False, 1),
    "readout and ZNE, linear": (True, 1),
    "readout and ZNE, quadratic": (True, 2),
}


@dataclass(frozen=True, kw_only=True)
class ShotsTask(TrainTask):
    """Train without shots, and measure without and with several numbers of shots.

    Attributes:
        shots: Numbers of shots per sample.
        sampled: Settings, without shots of their own, that the model is measured on with shots.
    """

    kind: ClassVar[str] = "noise-shots"

    shots: tuple[int, ...] = ()
    sampled: tuple[CircuitExecution, ...] = ()

    def check(self) -> None:
        """See `Task.check`."""
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
            shots, accuracy and routing_flips, against the same model and setting without shots.
        """
        fitted = fit(self)
        return {
            **result_of(self, fitted),
            "shots": [self._with_shots(fitted, setting) for setting in self.sampled],
        }

    def _with_shots(self, fitted: Fitted, setting: CircuitExecution) -> list[dict[str, float]]:
        model, rows = fitted.classifier, fitted.split.test
        router, inputs_BF, weights_W = trained_circuit(fitted)
        there = model if setting == self.train_on else restore_on_backend(model, setting, self.seed)
        observables_OS = diagonals(router.observables)
        exactly_BS = string_probabilities(there.backend_, router, inputs_BF, weights_W)
        exact = observe_with_values(model, rows, exactly_BS @ observables_OS.T)
        scores = []
        for shots in self.shots:
            rng = np.random.default_rng([self.seed, shots])
            values_BO = sample_frequencies(exactly_BS, shots, rng) @ observables_OS.T
            scores.append(routing_scores(observe_with_values(model, rows, values_BO), exact))
        return scores


@dataclass(frozen=True, kw_only=True)
class PinnedTask(TrainTask):
    """Train, and measure on changed calibrations of a device, always on the same qubits.

    The qubits are those that the stored calibration leads to. Which qubits are the best depends on
    the kind of noise, and other qubits would hide the effect of other noise.
    """

    kind: ClassVar[str] = "noise-pinned"

    def run(self) -> dict[str, Any]:
        """Train and measure; return settings, see `measured`."""
        fitted = fit(self)
        model, rows = fitted.classifier, fitted.split.test
        exact = observe_rows(restore_on_backend(model, EXACT, self.seed), rows)
        qubits: dict[str, list[int]] = {}
        for device in dict.fromkeys(setting.backend for setting in self.settings):
            stored = restore_on_backend(
                model, CircuitExecution(backend=device), self.seed
            ).compiled_router
            assert stored is not None
            qubits[device] = active_qubits(stored.device_circuit(measured=True))
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


@dataclass(frozen=True, kw_only=True)
class MitigationTask(TrainTask):
    """Train without noise, and evaluate on a device with and without mitigation of errors.

    Every method has the same number of executions per row. Extrapolation shares them between its
    circuits, see `mitigation.folding`; methods that execute the same circuits have the same shots.

    Attributes:
        device: The device with a stored calibration, evaluated exactly.
        factors: How many times two-qubit gates are executed for extrapolation.
        executions: Numbers of executions per row; 0 stands for infinitely many.
    """

    kind: ClassVar[str] = "noise-mitigation"

    device: CircuitExecution
    factors: tuple[int, ...] = (1, 3, 5)
    executions: tuple[int, ...] = (0,)

    def check(self) -> None:
        """See `Task.check`."""
        if isinstance(self.device.resolve_backend(self.seed), str):
            raise InputError(
                f"mitigation is measured on a stored calibration, such as 'noisy:ibm_torino', "
                f"got {self.device.backend!r}"
            )
        for factor in self.factors:
            check_factor(factor)
        if self.factors[:1] != (1,) or len(set(self.factors)) < 3:
            raise InputError(
                "extrapolation needs the circuit as it is and two more factors at least, such as "
                f"1, 3 and 5; got {', '.join(map(str, self.factors))}"
            )
        for executions in self.executions:
            if executions and require_positive("executions", executions) < len(self.factors):
                raise InputError(
                    f"{len(self.factors)} circuits share the executions of a row: give at least as "
                    f"many, got {executions}"
                )
        super().check()

    def circuit_executions(self) -> tuple[CircuitExecution, ...]:
        """See `TrainTask.circuit_executions`."""
        return (*super().circuit_executions(), replace(self.device, mitigation="readout"))

    def run(self) -> dict[str, Any]:
        """Train and measure.

        Returns:
            mitigation: for each number of executions and then each of `METHODS`: accuracy;
            routing_flips, against the same model without noise; error, the mean distance of an
            expectation value from its ideal value; overshoot, the share of expectation values
            outside [-1, 1].
        """
        fitted = fit(self)
        model, rows = fitted.classifier, fitted.split.test
        router, inputs_BF, weights_W = trained_circuit(fitted)
        exact = restore_on_backend(model, EXACT, self.seed).compiled_router
        assert exact is not None
        ideal_BO = exact.expectations(inputs_BF, weights_W).values
        ideal = observe_with_values(model, rows, ideal_BO)
        profile = self.device.resolve_backend(self.seed)
        assert not isinstance(profile, str)
        backends = [
            NoisyBackend(name="folded", noise=profile, noise_factor=f, seed=self.seed)
            for f in self.factors
        ]
        exactly_KBS = [
            string_probabilities(backend, router, inputs_BF, weights_W) for backend in backends
        ]
        plain_OS = diagonals(router.observables)
        matrices = assignment_matrices(profile, backends[0].compile(router).physical_qubits)
        # Over measured bit strings, by "readout errors undone".
        observables = {
            False: plain_OS,
            True: apply_readout_error(plain_OS, invert_readout_error(matrices)),
        }
        scores = []
        for executions in self.executions:
            rng = np.random.default_rng([self.seed, executions])
            alone_BS = sample_frequencies(exactly_KBS[0], executions or None, rng)
            shots = executions // len(self.factors) or None
            shared_KBS = np.stack([sample_frequencies(p_BS, shots, rng) for p_BS in exactly_KBS])
            for undone, degree in METHODS.values():
                observables_SO = observables[undone].T
                if degree is None:
                    values_BO = alone_BS @ observables_SO
                else:
                    weights_K = extrapolation(self.factors, degree)
                    values_BO = np.tensordot(weights_K, shared_KBS @ observables_SO, axes=1)
                scores.append(
                    {
                        **routing_scores(observe_with_values(model, rows, values_BO), ideal),
                        "error": finite(float(np.abs(values_BO - ideal_BO).mean())),
                        "overshoot": float((np.abs(values_BO) > 1 + 1e-9).mean()),
                    }
                )
        return {"mitigation": scores}
