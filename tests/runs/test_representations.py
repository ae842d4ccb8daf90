"""What a notebook shows of every public object: one short line."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from qmoe_qiskit.backends import FourierSurrogate, open_backend
from qmoe_qiskit.circuits import RouterCircuit, angle_router
from qmoe_qiskit.data import DATASETS, FeatureTable, load_dataset, split_dataset
from qmoe_qiskit.hardware.options import RuntimeOptions
from qmoe_qiskit.moe import MixtureOfExperts, QuantumRouter, quantum_experts
from qmoe_qiskit.moe.routers.registry import ROUTERS, RouterSettings
from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile
from qmoe_qiskit.runs import (
    NoiseCase,
    NoiseComparison,
    NoiseRequest,
    SettingResult,
    TrainingRequest,
    evaluate_run,
    explain,
    load_run,
    predict_file,
    read_run,
)
from qmoe_qiskit.runs.on_hardware.evaluate import evaluate_prepared
from qmoe_qiskit.runs.on_hardware.prepare import estimate_prepared, open_device, prepare_run
from qmoe_qiskit.runs.on_hardware.request import DeviceRequest
from qmoe_qiskit.stats import Breakdown, Estimate
from qmoe_qiskit.train import HardwareTraining, QMoEClassifier, model_state

if TYPE_CHECKING:
    from pathlib import Path

MOST = 300
PACKAGES = ("backends", "circuits", "data", "moe", "noise_profiles", "runs", "train")
# Classes of which nobody holds an object in a notebook, or whose objects have a name and no more.
NOT_SHOWN = {
    "AccuracyByVotes", "VotesAccuracy", "AttackReport", "Privacy", "PrivacySpent",
    "Backend", "BackendSpec", "BatchedRouter", "Change", "CompiledRouter", "Figures", "Interval",
    "BalanceLoss", "ExpertKind", "ExpertSettings", "MLPExpert", "Routing", "RoutingStatistics",
    "LinearRouter", "FourierRouter", "MLPRouter", "ProfileDiff", "ProjectedRouter", "Pullback",
    "QuadraticRouter", "RandomFourierRouter", "Repair", "StopTraining", "RoutingLoad",
    "TrainedProjection", "CircuitFamily", "CircuitSettings", "Couplers", "Initialization",
    "GradientVariance", "QMoELayer", "QMoERegressor", "AngleProjection", "TokenRouter",
}  # fmt: skip


@pytest.fixture(scope="module")
def objects(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("shown")
    run = load_run(finished)
    evaluation = evaluate_run(load_run(finished, backend="noisy:ibm_perth", shots=50))
    np.savez(folder / "rows.npz", X=np.zeros((500, 2)))
    digits = load_dataset("digits", n_samples=200)
    model = QMoEClassifier("linear", n_qubits=6, max_epochs=1, verbose=False)
    model.partial_fit(digits.features_NF, digits.labels_N, np.unique(digits.labels_N))
    router, profile = angle_router(6, 4), load_profile("ibm_torino")
    noisy = open_backend("noisy:ibm_perth").compile(router)
    rows, weights = np.zeros((300, router.n_inputs)), np.zeros(router.n_weights)
    request = DeviceRequest(
        backend="runtime:fake_perth", options=RuntimeOptions(resilience_level=0), shots=10
    )
    prepared = prepare_run(run, open_device(request, run), samples=3)
    device = evaluate_prepared(prepared)
    assert evaluation.execution is not None
    result = SettingResult(
        setting=NoiseCase.IDEAL_NOISY,
        trained_on=evaluation.execution,
        evaluated_on=evaluation.execution,
        metrics=evaluation.metrics,
    )
    training = TrainingRequest(n_samples=60)
    found: list[Any] = [
        run, read_run(finished), run.manifest, run.manifest.data, run.model, *run.metrics.values(),
        evaluation, evaluation.execution, evaluation.execution.calibration, device, prepared,
        estimate_prepared(prepared), predict_file(run, folder / "rows.npz"), request, training,
        NoiseRequest(device="ibm_torino", training=training), result,
        NoiseComparison(data="moons", n_rows=15, seed=0, settings=(result,) * 4),
        explain(run, n_permutations=1),
        digits, split_dataset(digits), DATASETS.get("digits"), model, model.feature_map_,
        FeatureTable(features_NF=rows, labels_N=None, source="rows.npz"),
        model.optimizer_state_, model_state(model), ROUTERS.get("mlp:H"), ROUTERS,
        RouterSettings(n_inputs=2, n_experts=2), router, profile, profile.qubits[0],
        profile.gates[0], open_backend("statevector"), open_backend("noisy:ibm_torino"),
        open_backend("runtime:fake_torino"), open_backend("runtime:fake_torino").device, noisy,
        noisy.expectations(rows, weights), QuantumRouter(router, n_experts=3),
        quantum_experts(1, 2, 2)[0], Estimate(value=0.5, low=0.4, high=0.6, n=10),
        MixtureOfExperts(QuantumRouter(angle_router(2, 1), 2), [torch.nn.Linear(2, 2)] * 2),
        HardwareTraining(budget_s=60.0),
        FourierSurrogate.measure(
            open_backend("statevector").compile(angle_router(2, 1)), np.zeros(6), seed=0
        ),
        Breakdown(value=0.1, low=0.0, high=0.2, n=9, reached=1.0, first=0.0, last=0.3),
    ]  # fmt: skip
    return {f"{type(one).__name__} {index}": one for index, one in enumerate(found)}


def test_every_public_object_is_short(objects: dict[str, Any]) -> None:
    shown = {name: repr(one) for name, one in objects.items()}
    long = {name: len(text) for name, text in shown.items() if len(text) > MOST}
    assert long == {}
    assert not [text for text in shown.values() if " object at 0x" in text or "\\x" in text]


def test_no_public_class_is_missing(objects: dict[str, Any]) -> None:
    known = {type(one).__name__ for one in objects.values()} | NOT_SHOWN
    for package in PACKAGES:
        module = import_module(f"qmoe_qiskit.{package}")
        for name in module.__all__:
            one = getattr(module, name)
            if inspect.isclass(one) and not issubclass(one, str | Exception):
                assert name in known, f"{package}.{name}"


def test_they_say_what_matters(objects: dict[str, Any], finished: Path) -> None:
    text = "\n".join(map(repr, objects.values()))
    for part in (
        f"<Run {str(finished)!r}: router 'quantum' on moons (45 training rows, 15 held out), ",
        "held-out rows of moons on 'noisy:ibm_perth': accuracy 0.",
        "rows.npz: ",
        "<Dataset digits: 200 rows, ",
        "the router sees 6 combinations of them",
        "<RouterCircuit: 6 qubits, 6 inputs, 72 weights, 6 outputs, depth ",
        "<BatchedRouter on 'noisy:ibm_perth': qubits ",
        "RuntimeOptions(resilience_level=0)",
        "TrainingRequest(n_samples=60)",
        "of shape (300, 6)",
        "RouterConnector(2 inputs, 6 weights, 2 outputs, on 'statevector')",
    ):
        assert part in text, part


def test_requests_can_be_made_again_from_what_they_show() -> None:
    request = TrainingRequest(router="mlp:4", n_samples=60, seed=3, device_qubits=(1, 2))
    assert eval(repr(request)) == request  # noqa: S307 - our own text


def test_tables_of_metrics(finished: Path) -> None:
    run = load_run(finished)
    for one in (run, evaluate_run(run)):
        html = one._repr_html_()
        assert "&lt;" not in html.split("</caption>")[0]
        assert html.count("<tr") == 1 + len(one.metrics)
        assert f"{one.metrics['accuracy'].number:.3f}" in html
        assert html.count("<td>") == html.count("</td>")


def test_circuits_of_hundreds_of_gates_stay_short() -> None:
    assert len(repr(angle_router(12, 40))) < MOST
    assert isinstance(angle_router(2, 1), RouterCircuit)
    assert isinstance(load_profile("ibm_torino"), NoiseProfile)


def test_completion_offers_what_users_import() -> None:
    for package in ("qmoe_qiskit", *(f"qmoe_qiskit.{name}" for name in PACKAGES)):
        module = import_module(package)
        offered = {name for name in dir(module) if not name.startswith("_")}
        assert set(module.__all__) - {"__version__"} <= offered
        others = offered - set(module.__all__)
        assert [name for name in others if not inspect.ismodule(getattr(module, name))] == []
