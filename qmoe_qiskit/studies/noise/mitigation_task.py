"""The task of mitigation: a trained model on a device, with and without it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from qmoe_qiskit.backends.mitigation.folding import check_factor
from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.studies.engine.results import finite
from qmoe_qiskit.studies.noise.tasks import circuit_of, shares
from qmoe_qiskit.studies.training.circuit_execution import EXACT, CircuitExecution
from qmoe_qiskit.studies.training.measuring import restore_on_backend
from qmoe_qiskit.studies.training.train_task import TrainTask, fit
from qmoe_qiskit.typing import FloatArray

if TYPE_CHECKING:
    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.noise_profiles import NoiseProfile

# Mitigation, by the names that tables use: readout errors undone, degree of the extrapolation.
METHODS = {
    "none": (False, None),
    "readout": (True, None),
    "ZNE, linear": (False, 1),
    "readout and ZNE, linear": (True, 1),
    "readout and ZNE, quadratic": (True, 2),
}


@dataclass(frozen=True, kw_only=True)
class MitigationTask(TrainTask):
    """Train without noise, and evaluate on a device with and without mitigation of errors.

    Every method has the same number of executions for a row. Extrapolation shares them between its
    circuits, see `mitigation.folding`; methods that execute the same circuits have the same shots.

    Attributes:
        device: CircuitExecution whose calibration it is; exact.
        factors: How often two-qubit gates are executed for extrapolation.
        executions: Numbers of executions per row; 0 stands for infinitely many.
    """

    kind: ClassVar[str] = "noise-mitigation"

    device: CircuitExecution
    factors: tuple[int, ...] = (1, 3, 5)
    executions: tuple[int, ...] = (0,)

    def check(self) -> None:
        """See `Task.check`.

        Raises:
            InputError: If a setting is not accepted.
        """
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
            expectation value from its ideal; overshoot, the share of them outside [-1, 1].
        """
        from qmoe_qiskit.backends.noisy.backend import NoisyBackend
        from qmoe_qiskit.studies.noise.bitstrings import frequencies, routed, string_probabilities

        fitted = fit(self)
        model, rows = fitted.classifier, fitted.split.test
        router, inputs_BF, weights_W = circuit_of(fitted)
        exact = restore_on_backend(model, EXACT, self.seed).compiled_router
        assert exact is not None
        ideal_BO = exact.expectations(inputs_BF, weights_W).values
        ideal = routed(model, rows, ideal_BO)
        profile = self.device.resolve_backend(self.seed)
        assert not isinstance(profile, str)
        backends = [
            NoisyBackend(name="folded", noise=profile, noise_factor=f, seed=self.seed)
            for f in self.factors
        ]
        exactly_FBS = [
            string_probabilities(backend, router, inputs_BF, weights_W) for backend in backends
        ]
        observables = _observables(router, profile, backends[0].compile(router).physical_qubits)
        found = []
        for executions in self.executions:
            rng = np.random.default_rng([self.seed, executions])
            alone_BS = frequencies(exactly_FBS[0], executions or None, rng)
            shots = executions // len(self.factors) or None
            shared_FBS = np.stack([frequencies(p_BS, shots, rng) for p_BS in exactly_FBS])
            for undone, degree in METHODS.values():
                values_BO = (
                    alone_BS @ observables[undone].T
                    if degree is None
                    else _at_zero(shared_FBS @ observables[undone].T, self.factors, degree)
                )
                distances_BO = np.abs(values_BO - ideal_BO)
                found.append(
                    {
                        **shares(routed(model, rows, values_BO), ideal),
                        "error": finite(float(distances_BO.mean())),
                        "overshoot": float((np.abs(values_BO) > 1 + 1e-9).mean()),
                    }
                )
        return {"mitigation": found}


def _at_zero(values_FBO: FloatArray, factors: tuple[int, ...], degree: int) -> FloatArray:
    """Return the values extrapolated to no noise, (B, O)."""
    from qmoe_qiskit.backends.mitigation.folding import extrapolation

    extrapolated_BO: FloatArray = np.tensordot(extrapolation(factors, degree), values_FBO, axes=1)
    return extrapolated_BO


def _observables(
    router: RouterCircuit, profile: NoiseProfile, qubits: tuple[int, ...]
) -> dict[bool, FloatArray]:
    """Return the observables over measured strings, (O, 2^n), with readout errors undone or not."""
    from qmoe_qiskit.backends.mitigation.readout import (
        apply_readout_error,
        assignment_matrices,
        invert_readout_error,
    )
    from qmoe_qiskit.simulation import diagonals

    plain_OS = diagonals(router.observables)
    return {
        False: plain_OS,
        True: apply_readout_error(
            plain_OS, invert_readout_error(assignment_matrices(profile, qubits))
        ),
    }
