"""The tasks of the study of noise, beyond plain training."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.errors import InputError, OutOfRangeWarning, require_positive
from qmoe_qiskit.studies.noise_folding import check_factor
from qmoe_qiskit.studies.results import finite
from qmoe_qiskit.studies.setting import EXACT, Setting
from qmoe_qiskit.studies.training import Fitted, TrainTask, fit, result_of

if TYPE_CHECKING:
    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.noise_profiles import NoiseProfile
    from qmoe_qiskit.runs.metrics import Observed

FloatArray = NDArray[np.float64]

# Mitigation, by the names that tables use: readout errors undone, degree of the extrapolation.
METHODS = {
    "none": (False, None),
    "readout": (True, None),
    "ZNE, linear": (False, 1),
    "readout and ZNE, linear": (True, 1),
    "readout and ZNE, quadratic": (True, 2),
}


@dataclass(frozen=True, kw_only=True)
class SweepTask(TrainTask):
    """Train without shots and measure with several numbers of them too, where it was trained.

    Attributes:
        shots: Numbers of shots per sample.
    """

    kind: ClassVar[str] = "noise-sweep"

    shots: tuple[int, ...] = ()

    def check(self) -> None:
        """See `Task.check`.

        Raises:
            InputError: If a setting is not accepted.
        """
        super().check()
        for shots in self.shots:
            require_positive("shots", shots)

    def run(self) -> dict[str, Any]:
        """Train and measure.

        Returns:
            What `TrainTask.run` returns, and shots: for each number of them accuracy and
            routing_flips, against the same model on the same backend without shots.
        """
        from qmoe_qiskit.simulation import diagonals
        from qmoe_qiskit.studies.noise_strings import frequencies, routed, string_probabilities

        fitted = fit(self)
        model, rows = fitted.classifier, fitted.split.test
        router, inputs_BF, weights_W = _circuit_of(fitted)
        observables_OS = diagonals(router.observables)
        exactly_BS = string_probabilities(model.backend_, router, inputs_BF, weights_W)
        exact = routed(model, rows, exactly_BS @ observables_OS.T)
        measured = []
        for shots in self.shots:
            seen_BS = frequencies(exactly_BS, shots, np.random.default_rng([self.seed, shots]))
            measured.append(_shares(routed(model, rows, seen_BS @ observables_OS.T), exact))
        return {**result_of(self, fitted), "shots": measured}


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
        from qmoe_qiskit.backends.placement import active_qubits
        from qmoe_qiskit.studies.measuring import measured, moved, observe_rows
        from qmoe_qiskit.train import model_state, restore_model

        fitted = fit(self)
        model, rows = fitted.classifier, fitted.split.test
        exact = observe_rows(moved(model, EXACT, self.seed), rows)
        qubits: dict[str, list[int]] = {}
        for device in dict.fromkeys(setting.backend for setting in self.settings):
            stored = moved(model, Setting(backend=device), self.seed).compiled_router
            assert stored is not None
            qubits[device] = sorted(active_qubits(stored.isa_circuit))
        placed = (
            restore_model(
                model_state(model),
                backend=setting.where(self.seed),
                device_qubits=qubits[setting.backend],
            )
            for setting in self.settings
        )
        return {"settings": [measured(observe_rows(there, rows), exact) for there in placed]}


@dataclass(frozen=True, kw_only=True)
class MitigationTask(TrainTask):
    """Train without noise, and evaluate on a device with and without mitigation of errors.

    All methods use the same shots; extrapolation needs more of them, see `noise_folding`.

    Attributes:
        device: Setting whose calibration it is; exact.
        factors: How often two-qubit gates are executed for extrapolation.
        shots: Numbers of shots per circuit; 0 stands for infinitely many.
    """

    kind: ClassVar[str] = "noise-mitigation"

    device: Setting
    factors: tuple[int, ...] = (1, 3, 5)
    shots: tuple[int, ...] = (0,)

    def check(self) -> None:
        """See `Task.check`.

        Raises:
            InputError: If a setting is not accepted.
        """
        super().check()
        self.device.check()
        if isinstance(self.device.where(self.seed), str):
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
        for shots in self.shots:
            if shots:
                require_positive("shots", shots)

    def profiles(self) -> dict[str, str]:
        """See `Task.profiles`."""
        return {**super().profiles(), **self.device.profiles()}

    def run(self) -> dict[str, Any]:
        """Train and measure.

        Returns:
            mitigation: for each number of shots and then each of `METHODS`: accuracy;
            routing_flips, against the same model without noise; error, the mean distance of an
            expectation value from its ideal; overshoot, the share of them outside [-1, 1].
        """
        from qmoe_qiskit.studies.measuring import moved
        from qmoe_qiskit.studies.noise_folding import FoldedBackend
        from qmoe_qiskit.studies.noise_strings import frequencies, routed, string_probabilities

        fitted = fit(self)
        model, rows = fitted.classifier, fitted.split.test
        router, inputs_BF, weights_W = _circuit_of(fitted)
        exact = moved(model, EXACT, self.seed).compiled_router
        assert exact is not None
        ideal_BO = exact.expectations(inputs_BF, weights_W).values
        ideal = routed(model, rows, ideal_BO)
        profile = self.device.where(self.seed)
        assert not isinstance(profile, str)
        backends = [FoldedBackend(profile=profile, factor=f, seed=self.seed) for f in self.factors]
        exactly_FBS = [
            string_probabilities(backend, router, inputs_BF, weights_W) for backend in backends
        ]
        observables = _observables(router, profile, backends[0].compile(router).physical_qubits)
        found = []
        for shots in self.shots:
            rng = np.random.default_rng([self.seed, shots])
            seen_FBS = np.stack([frequencies(p_BS, shots or None, rng) for p_BS in exactly_FBS])
            for undone, degree in METHODS.values():
                values_FBO = seen_FBS @ observables[undone].T
                values_BO = _at_zero(values_FBO, self.factors, degree)
                distances_BO = np.abs(values_BO - ideal_BO)
                found.append(
                    {
                        **_shares(routed(model, rows, values_BO), ideal),
                        "error": finite(float(distances_BO.mean())),
                        "overshoot": float((np.abs(values_BO) > 1 + 1e-9).mean()),
                    }
                )
        return {"mitigation": found}


def _at_zero(values_FBO: FloatArray, factors: tuple[int, ...], degree: int | None) -> FloatArray:
    """Return the values at factor 1, or extrapolated to no noise, (B, O)."""
    from qmoe_qiskit.studies.noise_folding import extrapolation

    if degree is None:
        first_BO: FloatArray = values_FBO[0]
        return first_BO
    extrapolated_BO: FloatArray = np.tensordot(extrapolation(factors, degree), values_FBO, axes=1)
    return extrapolated_BO


def _observables(
    router: RouterCircuit, profile: NoiseProfile, qubits: tuple[int, ...]
) -> dict[bool, FloatArray]:
    """Return the observables over measured strings, (O, 2^n), with readout errors undone or not."""
    from qmoe_qiskit.backends.assignment import assigned, inverted
    from qmoe_qiskit.simulation import diagonals
    from qmoe_qiskit.studies.noise_folding import assignment_of

    plain_OS = diagonals(router.observables)
    return {
        False: plain_OS,
        True: assigned(plain_OS, inverted(assignment_of(profile, qubits))),
    }


def _circuit_of(fitted: Fitted) -> tuple[RouterCircuit, FloatArray, FloatArray]:
    """Return a trained model's circuit, its inputs on the held-out rows (B, F) and weights (W,)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)
        parts = fitted.classifier.circuit_arguments(fitted.split.test.features_NF)
    compiled = fitted.classifier.compiled_router
    assert compiled is not None
    return compiled.router, np.concatenate([inputs_BF for inputs_BF, _ in parts]), parts[0][1]


def _shares(observed: Observed, ideal: Observed) -> dict[str, float]:
    return {
        "accuracy": float(observed.hits_N.mean()),
        "routing_flips": float((observed.experts_N != ideal.experts_N).mean()),
    }
