"""Training on a fake by the estimator: what it keeps, how it goes on, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.data import Dataset, load_dataset
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.hardware.devices.fake import FakeDevice
from qmoe_qiskit.train import HardwareTraining, QMoEClassifier

FAKE = "runtime:fake_manila"
ON_FAKE: dict[str, Any] = {"slots": 2, "options": {"resilience_level": 0}}


@pytest.fixture(scope="module")
def moons() -> Dataset:
    return load_dataset("moons", n_samples=40)


def classifier(hardware: dict[str, Any] | None = None, **settings: Any) -> QMoEClassifier:
    given = HardwareTraining(**(ON_FAKE | {"max_steps": 2} | (hardware or {})))
    settings = {"backend": FAKE, "n_layers": 1, "shots": 64, "random_state": 5} | settings
    return QMoEClassifier(**settings, hardware_training=given, verbose=False)


def test_the_fitted_model_predicts_from_what_was_measured(moons: Dataset) -> None:
    """No shots are drawn: predictions repeat, and follow from the surrogate."""
    model = classifier().fit(moons.features_NF, moons.labels_N)
    assert model.hardware_report_.steps == 2
    seconds = [entry["qpu_seconds"] for entry in model.history_]
    assert model.hardware_report_.seconds == pytest.approx(sum(seconds))
    first, again = (model.predict_proba(moons.features_NF) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert model.compiled_router is model.surrogate_
    best = min(entry["train_loss"] for entry in model.history_)
    rows_N = np.arange(len(first))
    assert -np.log(first[rows_N, moons.labels_N]).mean() == pytest.approx(best, abs=1e-9)


def test_every_point_runs_in_every_slot(moons: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """The surrogate is that of the mean over slots; the shots of a point are divided among them."""
    execute, works = FakeDevice.execute, []

    def recorded(self: FakeDevice, work: Any) -> Any:
        works.append(work)
        return execute(self, work)

    monkeypatch.setattr(FakeDevice, "execute", recorded)
    model = classifier({"method": "refit"}).fit(moons.features_NF, moons.labels_N)
    (work,) = works
    assert (work.n_points, work.shots, model.surrogate_.shots) == (9, 32, 64)
    first_PG, second_PG = np.hsplit(work.points_PG, 2)
    orders = [np.lexsort(angles_PG.T) for angles_PG in (first_PG, second_PG)]
    np.testing.assert_array_equal(first_PG[orders[0]], second_PG[orders[1]])
    assert not np.array_equal(first_PG, second_PG)  # each slot has an order of its own


@pytest.mark.parametrize(  # with SPSA trainings are killed, in test_kills.py
    "method", [pytest.param("spsa", marks=pytest.mark.trial), "parameter-shift"]
)
def test_an_interrupted_training_ends_as_an_undisturbed_one(
    method: str, moons: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted during the second step; shots of a fake follow from the step."""
    hardware = {"method": method, "max_steps": 3}
    calm = classifier(hardware).fit(moons.features_NF, moons.labels_N)
    path = tmp_path / "checkpoint"
    execute, calls = FakeDevice.execute, []

    def interrupted(self: FakeDevice, work: Any) -> Any:
        calls.append(work)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return execute(self, work)

    monkeypatch.setattr(FakeDevice, "execute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        classifier(hardware, checkpoint=path).fit(moons.features_NF, moons.labels_N)
    resumed = classifier(hardware, checkpoint=path).resume(moons.features_NF, moons.labels_N)
    assert len(calls) == 4
    assert resumed.history_ == calm.history_
    for name, tensor in calm.module_.state_dict().items():
        assert tensor.equal(resumed.module_.state_dict()[name]), name
    with pytest.raises(RunError, match="hardware_training"):
        classifier(hardware | {"classical_steps": 3}, checkpoint=path).resume(
            moons.features_NF, moons.labels_N
        )


def test_it_goes_on_with_a_simulated_model(moons: Dataset, tmp_path: Path) -> None:
    """The first step measures the weights that the simulator has found; so does a continuation."""

    def simulated() -> QMoEClassifier:
        model = QMoEClassifier(n_layers=1, max_epochs=2, random_state=5, verbose=False)
        return model.fit(moons.features_NF, moons.labels_N)

    on_fake = {
        "backend": FAKE,
        "shots": 64,
        "warm_start": True,
        "hardware_training": {"method": "refit", **ON_FAKE},
        "checkpoint": tmp_path / "checkpoint",
    }
    model = simulated()
    trained_W = model.module_.router.connector.weight.detach().numpy().copy()
    model.set_params(**on_fake).fit(moons.features_NF, moons.labels_N)
    np.testing.assert_array_equal(model.surrogate_.weights_W, trained_W)
    again = simulated().set_params(**on_fake).resume(moons.features_NF, moons.labels_N)
    np.testing.assert_array_equal(
        again.predict_proba(moons.features_NF), model.predict_proba(moons.features_NF)
    )


def no_surrogate() -> RouterCircuit:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter

    x, y, w = (Parameter(name) for name in "xyw")
    circuit = QuantumCircuit(2)
    circuit.rx(x * y, 0)
    circuit.cx(0, 1)
    circuit.ry(w, 1)
    return RouterCircuit.from_circuit(circuit, inputs=[x, y])


@pytest.mark.parametrize(
    ("settings", "hardware", "said"),
    [
        ({}, {"budget_s": 2.0}, "a budget of 2 s is smaller than the first step"),
        ({"router": "mlp:4"}, {}, "is classical"),
        ({"backend": "statevector", "shots": None}, {}, "for a device, not 'statevector'"),
        ({"backend": "noisy:fake_manila"}, {}, "for a device, not 'noisy:fake_manila'"),
        ({"backend": open_backend("statevector"), "shots": None}, {}, "for a device, not"),
        ({"callbacks": [("a", object())]}, {}, "callback"),
        ({"optimizer": "LBFGS"}, {}, "single steps"),
        ({"router": no_surrogate(), "n_layers": 3}, {}, "surrogate"),
        ({}, {"slots": 40}, "slots"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_runs(
    settings: dict[str, Any],
    hardware: dict[str, Any],
    said: str,
    moons: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FakeDevice, "execute", lambda *_: pytest.fail("it ran"))
    model = classifier(hardware, **settings)
    with pytest.raises(InputError, match=said):
        model.fit(moons.features_NF, moons.labels_N)


def test_parts_of_the_rows_are_refused(moons: Dataset) -> None:
    with pytest.raises(InputError, match="partial_fit sees some"):
        classifier().partial_fit(moons.features_NF, moons.labels_N, classes=[0, 1])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"method": "adam"}, "method"),
        ({"budget_s": 0}, "budget_s must be a number above 0"),
        ({"budget_s": float("nan")}, "budget_s must be a number above 0"),
        ({"max_steps": 0}, "max_steps"),
        ({"blocking": 1}, "blocking must be True or False"),
        ({"slots": "many"}, "slots must be"),
        ({"step": 3}, "step"),
        (7, "must be a HardwareTraining"),
    ],
)
def test_settings_that_are_not_accepted(given: Any, said: str, moons: Dataset) -> None:
    with pytest.raises(InputError, match=said):
        QMoEClassifier(backend=FAKE, hardware_training=given).fit(moons.features_NF, moons.labels_N)
