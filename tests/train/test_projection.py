"""What the router sees: principal components, a trained projection, groups of features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA

from qmoe_qiskit import QMoEClassifier, angle_router, open_backend
from qmoe_qiskit.backends.surrogate import Spectrum, SurrogatePlan
from qmoe_qiskit.backends.surrogate.fourier import FourierSurrogate
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import LinearRouter, QuantumRouter, TrainedProjection
from qmoe_qiskit.train.export import export_model
from qmoe_qiskit.train.model import circuit_of

if TYPE_CHECKING:
    from pathlib import Path

Rows = tuple[np.ndarray, np.ndarray]
SMALL = {"n_layers": 1, "max_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def wine() -> Rows:
    features_NF, labels_N = load_wine(return_X_y=True)
    return features_NF[::3, :5], labels_N[::3]


@pytest.mark.parametrize("backend", ["statevector", "noisy:depolarizing:0.05"])
def test_gradients_reach_the_projection_through_the_circuit(
    backend: str, rng: np.random.Generator
) -> None:
    router = QuantumRouter(angle_router(2, 1), 2, open_backend(backend))
    matrix_FK, offset_K = (torch.tensor(rng.normal(size=s)) for s in ((4, 2), (2,)))
    projected = TrainedProjection(router, matrix_FK, offset_K, 0.0, np.pi).double()
    inputs_BF = torch.tensor(rng.normal(size=(3, 4)))

    def weight(matrix_FK: torch.Tensor, offset_K: torch.Tensor) -> torch.Tensor:
        given = {"matrix_FK": matrix_FK, "offset_K": offset_K}
        weights_BE: torch.Tensor = torch.func.functional_call(projected, given, (inputs_BF,))
        return weights_BE[:, 0]

    given = [projected.matrix_FK.detach().clone(), projected.offset_K.detach().clone()]
    assert torch.autograd.gradcheck(weight, [one.requires_grad_() for one in given])


def test_a_trained_projection_is_bounded_and_begins_at_the_given_one() -> None:
    projected = TrainedProjection(LinearRouter(1, 2), torch.eye(1), torch.zeros(1), 1.0, 3.0)
    seen = projected.router_inputs(torch.tensor([[-1e6], [2.0], [2.001], [1e6]]))
    expected = torch.tensor([[1.0], [2.0], [2.001], [3.0]])
    torch.testing.assert_close(seen, expected, rtol=0, atol=1e-6)
    assert projected.half().matrix_FK.dtype is torch.float16


def test_a_fit_changes_the_projection_and_counts_it(wine: Rows) -> None:
    model = QMoEClassifier(projection="linear", n_qubits=2, **SMALL).fit(*wine)
    fixed = QMoEClassifier(projection="pca", n_qubits=2, **SMALL).fit(*wine)
    router = model.module_.router
    assert isinstance(router, TrainedProjection)
    start_FK = model.feature_map_.matrix_FK
    np.testing.assert_array_equal(start_FK, fixed.feature_map_.matrix_FK)
    assert np.abs(router.matrix_FK.detach().numpy() - start_FK).max() > 0.01
    assert model.n_parameters_["router"] == fixed.n_parameters_["router"] + 5 * 2 + 2


def test_pca_rotates_as_many_coordinates_as_features(wine: Rows) -> None:
    model = QMoEClassifier("linear", projection="pca", **SMALL).fit(*wine)
    features = model.feature_map_
    assert features.projects
    seen_NK = features.scale(wine[0]) @ features.matrix_FK + features.offset_K
    scores_NK = PCA().fit_transform(features.scale(wine[0]))
    correlations_K = [np.corrcoef(*pair)[0, 1] for pair in zip(seen_NK.T, scores_NK.T, strict=True)]
    np.testing.assert_allclose(np.abs(correlations_K), 1.0, atol=1e-9)


def test_groups_enter_the_uploads_in_order() -> None:
    router = angle_router(5, 1, n_qubits=2, rotation="y", reuploads=2)
    uploads = [
        (str(step.operation.params[0]), router.circuit.find_bit(step.qubits[0]).index)
        for step in router.circuit.data
        if step.operation.name == "ry" and "x" in str(step.operation.params[0])
    ]
    once = [("x[0]", 0), ("x[1]", 1), ("x[2]", 0), ("x[3]", 1), ("x[4]", 0)]
    assert uploads == 2 * once
    assert router.n_weights == 3 * 6 * 2
    assert Spectrum.of(router).degrees_F == (2,) * 5
    with pytest.raises(InputError, match=r"n_qubits=3 are more than the 2 feature\(s\)"):
        angle_router(2, 1, n_qubits=3)


def test_one_group_is_the_circuit_without_groups() -> None:
    assert angle_router(3, 2, n_qubits=3).content_hash == angle_router(3, 2).content_hash


def test_a_surrogate_of_groups_is_the_circuit(rng: np.random.Generator) -> None:
    compiled = open_backend("statevector").compile(angle_router(4, 1, n_qubits=2))
    weights_W = rng.uniform(-3, 3, size=compiled.router.n_weights)
    plan = SurrogatePlan.make(compiled.router)
    assert plan.grid.n_points == 3**4
    surrogate = FourierSurrogate.from_plan(plan, compiled, weights_W)
    inputs_BF = rng.uniform(-3, 3, size=(7, 4))
    np.testing.assert_allclose(
        surrogate.expectations(inputs_BF, weights_W).values,
        compiled.expectations(inputs_BF, weights_W).values,
        atol=1e-9,
    )


@pytest.mark.parametrize("projection", ["pca", "linear", "groups"])
def test_saved_and_exported(projection: str, wine: Rows, tmp_path: Path) -> None:
    model = QMoEClassifier(projection=projection, n_qubits=3, **SMALL).fit(*wine)
    expected_NC = model.predict_proba(wine[0])
    model.save(tmp_path / "model")
    loaded = QMoEClassifier.load(tmp_path / "model")
    assert loaded.projection == projection
    np.testing.assert_array_equal(loaded.predict_proba(wine[0]), expected_NC)
    export_model(model, tmp_path / "model.pt2", format="torch")
    program = torch.export.load(tmp_path / "model.pt2").module()
    exported_NC = program(torch.from_numpy(wine[0]))[0].detach().numpy()
    np.testing.assert_allclose(exported_NC, expected_NC, atol=1e-9)


@pytest.mark.parametrize("settings", [{"circuit": "hardware-efficient"}, {"input_scaling": True}])
def test_groups_go_with_other_settings_of_the_circuit(settings: dict[str, Any], wine: Rows) -> None:
    model = QMoEClassifier(projection="groups", n_qubits=2, **settings, **SMALL).fit(*wine)
    circuit = circuit_of(model.module_)
    assert circuit is not None
    assert (circuit.n_inputs, circuit.n_qubits) == (5, 2)
    n_scalings = 5 if "input_scaling" in settings else 0
    assert circuit.n_weights == 3 * 3 * 2 + n_scalings
    assert np.isfinite(model.predict_proba(wine[0])).all()


def test_groups_let_every_feature_in_and_classical_routers_too(wine: Rows) -> None:
    model = QMoEClassifier(projection="groups", n_qubits=2, **SMALL).fit(*wine)
    circuit = circuit_of(model.module_)
    assert circuit is not None
    assert (circuit.n_inputs, circuit.n_qubits) == (5, 2)
    control = QMoEClassifier("linear", projection="groups", n_qubits=2, **SMALL).fit(*wine)
    assert control.n_parameters_["router"] == 2 * 5 + 2


def test_what_is_refused(wine: Rows) -> None:
    def fit(**settings: object) -> None:
        QMoEClassifier(**{**SMALL, **settings}).fit(*wine)

    with pytest.raises(InputError, match="unknown projection 'ica'"):
        fit(projection="ica")
    with pytest.raises(InputError, match="'groups' spreads the features over the uploads of our"):
        fit(router=angle_router(2, 1), projection="groups", n_layers=3)
    with pytest.raises(InputError, match="for circuit 'angle' or 'hardware-efficient', not 'zz'"):
        fit(projection="groups", circuit="zz")
    for projection in ("groups", "linear"):
        with pytest.raises(InputError, match="n_qubits is 6, but the data has 5"):
            fit(projection=projection, n_qubits=6)
    with pytest.raises(InputError, match="'linear' is not trained on a device"):
        fit(projection="linear", backend="runtime:fake_torino", hardware_training={})


def test_a_fit_that_goes_on_keeps_its_projection(wine: Rows) -> None:
    model = QMoEClassifier("linear", warm_start=True, **SMALL).fit(*wine)
    with pytest.raises(InputError, match="its projection is 'auto'"):
        model.set_params(projection="pca").fit(*wine)
