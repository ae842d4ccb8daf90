"""Predicted shares of changed decisions against repeated executions by IBM's primitives and Aer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.backends.runtime.backend import RuntimeBackend
from qmoe_qiskit.backends.slots.request import SlotRequest
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.hardware.cost.executed_shots import executed_shots
from qmoe_qiskit.hardware.devices.fake import FakeDevice
from qmoe_qiskit.hardware.options import RuntimeOptions
from qmoe_qiskit.noise_profiles.simulated import simulated
from qmoe_qiskit.runs import TrainingRequest, read_run, train_run
from qmoe_qiskit.runs.on_hardware.prepare import Prepared, prepare_run
from qmoe_qiskit.runs.shot_plan.flips import Decider, flips
from qmoe_qiskit.runs.shot_plan.places import place_at
from qmoe_qiskit.runs.shot_plan.ways import Ways
from qmoe_qiskit.train import QMoEClassifier

if TYPE_CHECKING:
    from pathlib import Path


def prepared(path: Path, level: int, seed: int) -> Prepared:
    backend = RuntimeBackend(
        name="runtime:fake_manila",
        device=FakeDevice("fake_manila", seed=seed),
        options=RuntimeOptions(resilience_level=level),  # type: ignore[arg-type]
        shots=1,
        seed=0,
    )
    return prepare_run(read_run(path), backend)


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("direct", 1),
        ("packed", 0),
        ("surrogate", 1),
        pytest.param("surrogate packed", 0, marks=pytest.mark.trial),
        pytest.param("direct", 0, marks=pytest.mark.trial),
    ],
)
def test_repeated_executions_change_as_many_decisions(
    name: Any, level: int, finished: Path, seed: int, *, whole: bool
) -> None:
    repetitions = 15 if whole else 6
    work = prepared(finished, level, seed)
    ways = Ways(work, SlotRequest())
    assert ways.n_slots > 1
    way = ways.candidate(name)
    decider = Decider(work.run.classifier, work.rows.features_NF, "routing")
    reference_N = decider(ways.exact_NO)
    options = way.router.backend.options
    shots, calibration = executed_shots(options, 20)
    settings = {"shots": shots, "calibration": calibration}
    predicted = flips(way.measurement, decider, reference_N, **settings, seed=seed)  # type: ignore[arg-type]
    values_RNO = way.measurement.draw(np.random.default_rng(seed), 400, shots, calibration)
    scatter = (decider(values_RNO) != reference_N).mean(axis=1).std()
    assert 0.01 < predicted.expected < 0.5
    router = way.router.with_shots(shots * way.slots_per_point)
    seen = []
    for _ in range(repetitions):
        values = router.expectations(*way.batches[0]).values
        if way.measurement.mixing_NP is not None:
            values = way.measurement.mixing_NP @ values[: way.measurement.n_points]
        seen.append((decider(values) != reference_N).mean())
    error = np.hypot(scatter / np.sqrt(repetitions), predicted.std_error)
    assert abs(np.mean(seen) - predicted.expected) < 4 * error  # by chance once in 15 000 tests


@pytest.mark.parametrize("level", [0, 1])
def test_infinitely_many_shots_are_the_exact_values(level: int, rng: np.random.Generator) -> None:
    """With TREX, those without readout errors; observables of several bases."""
    router = angle_router(2, 1).with_observables(["XZ", "ZX", "YI", "ZZ"])
    options = RuntimeOptions(resilience_level=level)  # type: ignore[arg-type]
    device = FakeDevice("fake_manila")
    compiled = RuntimeBackend(
        name="runtime:fake_manila", device=device, options=options, shots=1, seed=0
    ).compile(router)
    inputs_BF, weights_W = rng.uniform(-3, 3, (7, 2)), rng.uniform(-3, 3, router.n_weights)
    place = place_at(
        router,
        compiled.placed,
        simulated(device.profile()),
        options,
        inputs_PF=inputs_BF,
        weights_W=weights_W,
    )
    assert len(place.bases) > 1
    noisy = open_backend(
        "noisy:fake_manila",
        mitigation="readout" if level else "none",
        qubits=compiled.physical_qubits,
        seed=0,
    ).compile(router)
    assert noisy.physical_qubits == compiled.physical_qubits
    exact = noisy.expectations(inputs_BF, weights_W).values
    assert np.allclose(place.exact_PO, exact, rtol=0, atol=1e-9)


def test_a_vote_is_a_bit_string(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One shot chooses an expert, which decides alone: the share follows from probabilities."""
    settings: dict[str, Any] = {"n_samples": 60, "n_layers": 1, "max_epochs": 2, "seed": 3}
    every = {"readout": "probabilities", "n_experts": 4}  # each of four bit strings is a choice
    train_run(TrainingRequest(**settings, **every), tmp_path / "run")
    work = prepared(tmp_path / "run", 1, 0)
    classifier = work.run.classifier
    monkeypatch.setattr(classifier, "routing", "sampled", raising=False)
    way = Ways(work, SlotRequest(count=1)).candidate("one-shot")
    (place,) = way.measurement.places_K
    decider = Decider(classifier, work.rows.features_NF, "class")
    reference_N = decider(place.exact_PO)
    experts = np.eye(classifier.n_experts)
    of_expert_EN = np.stack([decider(np.tile(one, (work.rows.n_rows, 1))) for one in experts])
    shares_NE = place.bases[0].probabilities_PS
    exact = float((shares_NE.T * (of_expert_EN != reference_N)).sum(axis=0).mean())
    found = flips(way.measurement, decider, reference_N, shots=1, seed=0)
    assert abs(found.expected - exact) < 4 * found.std_error


@pytest.mark.parametrize("top_k", [1, 2, None])
def test_decisions_are_those_of_the_model(top_k: int | None, rng: np.random.Generator) -> None:
    """Also where experts are chosen, and where a bias has a part in the choice."""
    features_NF, labels_N = rng.normal(size=(200, 2)), np.arange(200) % 3
    model = QMoEClassifier(n_experts=4, top_k=top_k, n_layers=1, max_epochs=1, random_state=0)
    model.fit(features_NF, labels_N)
    with torch.no_grad():
        for parameter in model.module_.experts.parameters():  # experts that disagree
            parameter.copy_(torch.from_numpy(rng.normal(size=parameter.shape)))
        if top_k is not None:
            model.module_.expert_bias_E[:] = torch.tensor([0.0, 0.1, -0.1, 0.3])
    ((inputs_BF, weights_W),) = model.circuit_arguments(features_NF)
    assert model.compiled_router is not None
    values = model.compiled_router.expectations(inputs_BF, weights_W).values
    codes_N = Decider(model, features_NF, "class")(values)
    experts_N = Decider(model, features_NF, "routing")(values)
    assert len(set(codes_N)) > 1
    assert np.array_equal(model.classes_[codes_N], model.predict(features_NF))
    assert np.array_equal(experts_N, model.routing_weights(features_NF).argmax(axis=1))
