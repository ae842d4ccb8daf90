"""Planning what to do about a device that has drifted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmoe_qiskit import limits
from qmoe_qiskit.adaptive.recalibration.plan import Action, RecalibrationPlan
from qmoe_qiskit.adaptive.recalibration.refit import circuit_values, refitted
from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.backends.gradients.rotations import router_of_rotations
from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile
from qmoe_qiskit.stats.intervals import wilson_interval
from qmoe_qiskit.train.execution import profile_of
from qmoe_qiskit.train.rows import checked_features, codes_of
from qmoe_qiskit.train.stored.state import model_state, restored_as

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.train import QMoEClassifier
    from qmoe_qiskit.typing import FloatArray


def recalibrate(
    model: QMoEClassifier,
    today: NoiseProfile | str,
    X: ArrayLike,
    y: ArrayLike,
    *,
    deployment: NoiseProfile | str | None = None,
    probes: int = 64,
    limit: float | None = None,
    budget: int | None = None,
    epochs: int = 10,
    seed: int = 0,
) -> RecalibrationPlan:
    """Plan what to do with a model whose device has drifted; nothing is executed on a device.

    The reference is what the model predicts where it was trained. At deployment some labels differ
    from it already; a drift matters when more do than the probes can explain by chance. Each action
    is simulated exactly under the calibration of today, which stands for the device.

    Args:
        model: The fitted classifier, with a quantum router.
        today: The calibration of the device now.
        X: Features of the training rows, (N, F); the probes are drawn from them.
        y: Labels of the training rows, (N,).
        deployment: The calibration at deployment; None for the one of the training.
        probes: Number of probe rows, for which the device is asked each time.
        limit: The largest share of flips that is accepted; None for the upper end of the 95 %
            interval of the share of flips at deployment.
        budget: The most circuits to execute, the probes included.
        epochs: Number of epochs of a retraining.
        seed: Seed of the draw of the probes, and of a retraining.

    Raises:
        InputError: If a number is not accepted, the budget is below the number of probes, the
            router is classical, or no calibration at deployment is known.

    >>> from qmoe_qiskit import QMoEClassifier, load_profile
    >>> from qmoe_qiskit.data import load_dataset
    >>> moons = load_dataset("moons", n_samples=60)
    >>> manila = load_profile("ibmq_manila")
    >>> model = QMoEClassifier(backend=manila, n_layers=1, max_epochs=2, random_state=0)
    >>> model = model.fit(moons.features_NF, moons.labels_N)
    >>> plan = recalibrate(model, manila, moons.features_NF, moons.labels_N, probes=20, epochs=1)
    >>> plan.chosen.name, plan.executions
    ('nothing', 20)
    """
    if not hasattr(model, "classes_"):
        raise InputError(
            f"recalibrate counts labels that change, and {type(model).__name__} predicts none: use "
            "a fitted QMoEClassifier"
        )
    compiled = model.compiled_router
    if compiled is None:
        raise InputError(
            f"router {model.router!r} is classical: no device runs it, and none has to be "
            "recalibrated"
        )
    if getattr(model, "top_k", None) is not None:
        raise InputError(
            f"top_k={model.top_k} runs some of the experts per row, and a refit weighs all: "
            "recalibrate a model with top_k=None, or train anew under the calibration"
        )
    features_NF, labels_N = checked_features(model, X), np.asarray(y)
    codes_of(labels_N, model.classes_)
    count = require_positive("probes", probes)
    n_epochs = require_positive("epochs", epochs, at_most=limits.EPOCHS)
    if len(features_NF) != len(labels_N) or count > len(features_NF):
        raise InputError(
            f"{count} probes are drawn from the training rows, and there are "
            f"{len(features_NF)} rows with {len(labels_N)} labels: give at least as many"
        )
    if limit is not None and not 0 <= limit <= 1:
        raise InputError(f"limit is {limit!r}: it is a share of the probes, from 0 to 1")
    if budget is not None and budget < count:
        raise InputError(
            f"a budget of {budget} circuits is below the cheapest step, the {count} probes: raise "
            "it, or use fewer probes"
        )
    at_first = _profile(deployment) if deployment is not None else profile_of(model.backend_)
    if at_first is None:
        raise InputError(
            "the model was trained without a device: give deployment=, the calibration at which it "
            "was deployed"
        )
    rows = np.sort(np.random.default_rng(seed).choice(len(features_NF), count, replace=False))
    probe = _Probe(features_NF[rows], labels_N[rows], model.predict(features_NF[rows]))
    deployed = _moved(model, at_first)
    if profile_of(model.backend_) == at_first:
        deployed = model
    deployment_flips = probe.flips(deployed)
    accepted = wilson_interval(deployment_flips, count)[1] if limit is None else float(limit)

    now = _profile(today)
    assert deployed.compiled_router is not None
    stays = _moved(model, now, deployed.compiled_router.physical_qubits)
    moved = _moved(model, now)
    n_rows = len(features_NF)
    candidates = [
        ("nothing", 0, stays),
        ("move", count, moved),
        ("refit", n_rows, _refitted(stays, features_NF, labels_N)),
        ("move and refit", n_rows, _refitted(moved, features_NF, labels_N)),
        (
            "retrain",
            n_rows * n_epochs * _circuits_per_gradient(compiled.router),
            _retrained(moved, features_NF, labels_N, n_epochs, seed),
        ),
    ]
    actions = tuple(
        Action(
            name=name,
            executions=executions,
            flips=probe.flips(after),
            accuracy=probe.accuracy(after),
            model=after,
        )
        for name, executions, after in candidates
    )
    affordable = [one for one in actions if budget is None or count + one.executions <= budget]
    enough = [one for one in affordable if one.flips <= accepted * count]
    return RecalibrationPlan(
        probes=count,
        deployment_flips=deployment_flips,
        limit=accepted,
        budget=budget,
        actions=actions,
        chosen=min(
            enough or affordable,
            key=lambda one: (one.executions, one.flips) if enough else (one.flips, one.executions),
        ),
        rows=(features_NF, labels_N),
    )


@dataclass(frozen=True, eq=False)
class _Probe:
    """The probe rows, and the labels that the reference predicts for them."""

    features_NF: FloatArray
    labels_N: NDArray[Any]
    reference_N: NDArray[Any]

    def flips(self, model: QMoEClassifier) -> int:
        return int(np.sum(model.predict(self.features_NF) != self.reference_N))

    def accuracy(self, model: QMoEClassifier) -> float:
        return float(np.mean(model.predict(self.features_NF) == self.labels_N))


def _profile(given: NoiseProfile | str) -> NoiseProfile:
    return load_profile(given) if isinstance(given, str) else given


def _moved(
    model: QMoEClassifier, profile: NoiseProfile, device_qubits: tuple[int, ...] | None = None
) -> QMoEClassifier:
    """Return the model under a calibration, by default on the qubits that are best under it."""
    spec = BackendSpec(backend=profile, device_qubits=device_qubits)
    return restored_as(type(model), model_state(model), spec)


def _refitted(model: QMoEClassifier, X: FloatArray, y: NDArray[Any]) -> QMoEClassifier:
    return refitted(model, X, y, circuit_values(model, X))


def _retrained(
    model: QMoEClassifier, X: FloatArray, y: NDArray[Any], epochs: int, seed: int
) -> QMoEClassifier:
    """Return the model after further training under its noise, by exact gradients."""
    fresh = restored_as(type(model), model_state(model))
    # A restored model has no random_state of its own.
    fresh.set_params(random_state=seed, max_epochs=epochs)
    fresh.set_params(warm_start=True, early_stopping=False, verbose=False)
    return fresh.fit(X, y)


def _circuits_per_gradient(router: RouterCircuit) -> int:
    """Return the number of circuits per row of the parameter-shift rule for the weights."""
    _, table = router_of_rotations(router)
    return 1 + 2 * int(np.count_nonzero(np.any(table.weights_GW != 0, axis=1)))
