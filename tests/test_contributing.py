"""CONTRIBUTING.md: its examples work, and its map leads to files that exist."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from scipy.stats import entropy
from typer.testing import CliRunner

from qmoe_qiskit.backends import MITIGATIONS, open_backend
from qmoe_qiskit.backends.noisy.backend import NoisyBackend
from qmoe_qiskit.backends.noisy.registry import NOISES
from qmoe_qiskit.backends.open import BACKENDS
from qmoe_qiskit.circuits import CIRCUITS, angle_router
from qmoe_qiskit.data import load_dataset
from qmoe_qiskit.data.registry import DATASETS
from qmoe_qiskit.moe import (
    BALANCE_LOSSES,
    EXPERTS,
    ROUTERS,
    LinearRouter,
    MixtureOfExperts,
    build_experts,
)
from qmoe_qiskit.noise_profiles import load_profile
from qmoe_qiskit.studies.engine.runner import run_tasks
from qmoe_qiskit.train import QMoEClassifier

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
TOP_LEVEL = {"backends", "noise_profiles", "tests", "scripts"}


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that the examples define; what they register is forgotten after the test."""
    for registry in (
        BACKENDS, BALANCE_LOSSES, CIRCUITS, DATASETS, EXPERTS, MITIGATIONS, NOISES, ROUTERS,
    ):  # fmt: skip
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    names: dict[str, Any] = {"__name__": "examples"}
    for example in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(compile(example, "CONTRIBUTING.md", "exec", dont_inherit=True), names)  # noqa: S102
    return names


@pytest.mark.usefixtures("added")
def test_router_and_data_set() -> None:
    points = load_dataset("stripes", n_samples=40, seed=1)
    model = QMoEClassifier(router="tanh:3", max_epochs=1, random_state=0, verbose=False)
    weights_NE = model.fit(points.features_NF, points.labels_N).routing_weights(points.features_NF)
    assert weights_NE.shape == (40, 2)
    phases = QMoEClassifier(circuit="phases", max_epochs=1, random_state=0, verbose=False)
    phases.fit(points.features_NF, points.labels_N)
    assert phases.n_parameters_["router"] == 2 + 2 * 2 + 2
    np.testing.assert_allclose(weights_NE.sum(axis=1), 1.0, rtol=1e-6)


@pytest.mark.usefixtures("added")
def test_expert_and_balance_loss(rng: np.random.Generator) -> None:
    mixture = MixtureOfExperts(LinearRouter(3, 4), build_experts("gelu:5", 4, 3, 2), top_k=2)
    routing = mixture.route(torch.from_numpy(rng.normal(size=(6, 3))).float())
    mean_E = routing.weights_BE.detach().mean(0).numpy()
    loss = BALANCE_LOSSES.get("entropy").loss(routing, None).detach()
    assert float(loss) == pytest.approx(-entropy(mean_E), rel=1e-5)
    assert mixture(torch.ones(6, 3)).shape == (6, 2)


@pytest.mark.usefixtures("added")
def test_noise_mitigation_and_backend(rng: np.random.Generator) -> None:
    router = angle_router(2, 1)
    x_BF, w_W = rng.uniform(0, np.pi, (3, 2)), rng.uniform(-3, 3, router.n_weights)

    def values(spec: str, **settings: Any) -> Any:
        return open_backend(spec, **settings).compile(router).expectations(x_BF, w_W).values

    exact_BO = values("statevector")
    np.testing.assert_allclose(values("judge"), exact_BO, atol=1e-12)
    assert 0 < np.abs(values("noisy:relaxation:80") - exact_BO).max() < 0.1
    # The parabola through values at noise factors 1, 3 and 5, at 0: Lagrange's weights.
    profile = load_profile("ibmq_manila")
    folded_KBO = np.array(
        [
            NoisyBackend(name="folded", noise=profile, noise_factor=factor)
            .compile(router)
            .expectations(x_BF, w_W)
            .values
            for factor in (1, 3, 5)
        ]
    )
    by_hand_BO = np.tensordot([15 / 8, -10 / 8, 3 / 8], folded_KBO, axes=1)
    mitigated_BO = values("noisy:ibmq_manila", mitigation="quadratic-zne")
    np.testing.assert_allclose(mitigated_BO, by_hand_BO, atol=1e-12)


def test_study(added: dict[str, Any], tmp_path: Path) -> None:
    study = added["STUDY"]
    results = run_tasks(study.tasks(study.quick, (0, 1)), tmp_path, lambda: ThreadPoolExecutor(1))
    (table,) = study.summarize(study.quick, (0, 1), results).tables
    assert table.rows == tuple((s, np.random.default_rng(s).normal()) for s in (0, 1))


def test_command(added: dict[str, Any], run: Path) -> None:
    app = typer.Typer()
    app.command()(added["size"])
    done = CliRunner().invoke(app, [str(run), "--json"])
    assert done.exit_code == 0, (done.stderr, done.exception)
    assert '"n_parameters_router": 12' in done.stdout


def test_the_map_leads_to_files() -> None:
    questions = re.findall(r"^\| (.*?\?) \| (.*?) \|$", TEXT, re.MULTILINE)
    assert len(questions) >= 25
    for question, answer in questions:
        first, *others = (Path(name) for name in re.findall(r"`([^`]+)`", answer))
        for path in (first, *(first.parent / other for other in others)):
            base = ROOT if path.parts[0] in TOP_LEVEL else ROOT / "qmoe_qiskit"
            assert (base / path).is_file(), question
