"""Explanations: every number against what computes it otherwise."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from qmoe_qiskit import QMoEClassifier, QMoERegressor
from qmoe_qiskit.data import Dataset, load_dataset
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.moe import QuantumRouter
from qmoe_qiskit.runs import Explanation, explain
from qmoe_qiskit.runs.explaining.linear_control import fit_linear_control
from qmoe_qiskit.runs.explaining.page import findings
from qmoe_qiskit.runs.explaining.specialization import measure_specialization, mutual_information

# Their routers see features, principal components and trained coordinates; two are classical.
MODELS: dict[str, dict[str, Any]] = {
    "quantum": {"n_layers": 1},
    "probabilities": {"n_layers": 1, "readout": "probabilities", "backend": "noisy:ibm_perth"},
    "re-uploads": {"n_layers": 1, "reuploads": 2, "n_experts": 3},
    "mlp": {"router": "mlp:4", "n_experts": 3},
    "linear": {"router": "linear"},
    "top-2": {"router": "mlp:4", "n_experts": 4, "top_k": 2},
}


@pytest.fixture(scope="module")
def rows() -> Dataset:
    return load_dataset("moons", n_samples=60)


@pytest.fixture(scope="module", params=list(MODELS))
def model(request: pytest.FixtureRequest, rows: Dataset) -> QMoEClassifier:
    settings = {"max_epochs": 3, "random_state": 3, **MODELS[request.param]}
    return QMoEClassifier(**settings).fit(rows.features_NF, rows.labels_N)


@pytest.fixture(scope="module")
def explanation(model: QMoEClassifier, rows: Dataset) -> Explanation:
    return explain(model, rows.features_NF, rows.labels_N, n_permutations=2, seed=5)


def test_slopes_are_those_of_finite_differences(
    model: QMoEClassifier, explanation: Explanation, rows: Dataset
) -> None:
    features, inner = model.feature_map_, rows.features_NF
    widths_F = features.maximum_F - features.minimum_F
    step = 1e-5
    for f, width in enumerate(widths_F):
        at = [features.scale(inner) for _ in range(2)]
        at[0][:, f] += step * (features.high - features.low)
        at[1][:, f] -= step * (features.high - features.low)
        with torch.no_grad():
            up_NE, down_NE = (
                model.module_.route(torch.from_numpy(one)).gates_BE.numpy() for one in at
            )
        slopes_NE = np.abs(up_NE - down_NE) / (2 * step)
        found = explanation.sensitivity
        tolerance = {"rtol": 1e-4, "atol": 1e-6}
        np.testing.assert_allclose(found.slopes_EF[:, f], slopes_NE.mean(axis=0), **tolerance)
        moving_N = slopes_NE.sum(axis=1) / 2
        np.testing.assert_allclose(found.slope_F[f], moving_N.mean(), **tolerance)
        error = 1.96 * moving_N.std(ddof=1) / np.sqrt(len(moving_N))
        np.testing.assert_allclose(found.slope_error_F[f], error, rtol=0.05, atol=1e-6)
        assert width > 0


def test_permutations_are_counted_row_by_row(
    model: QMoEClassifier, explanation: Explanation, rows: Dataset
) -> None:
    rng, x_NF = np.random.default_rng(5), rows.features_NF
    before_NE = model.routing_weights(x_NF)
    moved_RF, changed_RF = np.zeros((2, 2)), np.zeros((2, 2))
    for repeat in range(2):
        order_N = rng.permutation(len(x_NF))
        for f in range(2):
            now_NF = x_NF.copy()
            now_NF[:, f] = x_NF[order_N, f]
            now_NE = model.routing_weights(now_NF)
            for was_E, is_E in zip(before_NE, now_NE, strict=True):
                moved_RF[repeat, f] += np.maximum(is_E - was_E, 0.0).sum() / len(x_NF)
                changed_RF[repeat, f] += (is_E.argmax() != was_E.argmax()) / len(x_NF)
    found = explanation.sensitivity
    np.testing.assert_allclose(found.moved_F, moved_RF.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(found.changed_F, changed_RF.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(found.moved_error_F, moved_RF.std(axis=0, ddof=1), atol=1e-12)


def test_the_spectrum_is_that_of_a_discrete_fourier_transform(
    model: QMoEClassifier, explanation: Explanation
) -> None:
    router, spectrum = model.module_.router, explanation.spectrum
    if not isinstance(router, QuantumRouter):
        assert spectrum is None
        assert "no circuit" in explanation.no_spectrum
        return
    assert spectrum is not None
    count = 8  # more than twice the highest order
    angles = 2 * np.pi * np.arange(count) / count
    grid_PF = np.array(np.meshgrid(angles, angles, indexing="ij")).reshape(2, -1).T
    with torch.no_grad():
        values_PO = router.connector(torch.from_numpy(grid_PF))
        if router.adapter is not None:
            logits_PE = router.adapter(values_PO)
            values_PO = logits_PE - logits_PE.mean(-1, keepdim=True)
    waves = np.fft.fft2(values_PO.numpy().reshape(count, count, -1), axes=(0, 1)) / count**2
    orders = np.abs(np.fft.fftfreq(count, 1 / count)).astype(int)
    power = np.zeros((count, count))
    for (i, j), squares in np.ndenumerate((np.abs(waves) ** 2).sum(axis=-1)):
        power[orders[i], orders[j]] += squares
    power[0, 0] = 0.0
    for orders_K, share in zip(spectrum.orders_TK, spectrum.shares_T, strict=True):
        assert share == pytest.approx(power[tuple(orders_K)] / power.sum(), abs=1e-9)
    assert spectrum.shares_T.sum() == pytest.approx(1.0)
    assert all(a >= b for a, b in pairwise(spectrum.shares_T))
    together = power[1:, 1:].sum() / power.sum()
    assert spectrum.joint_share == pytest.approx(together, abs=1e-9)


def test_specialization_counts_the_rows(
    model: QMoEClassifier, explanation: Explanation, rows: Dataset
) -> None:
    experts_N = model.routing_weights(rows.features_NF).argmax(axis=1)
    counts_EC = explanation.specialization.counts_EC
    for (expert, label), count in np.ndenumerate(counts_EC):
        assert count == sum((experts_N == expert) & (rows.labels_N == label))
    expected = mutual_info_score(experts_N, rows.labels_N) / np.log(2)
    assert explanation.specialization.information == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(explanation.load_E, counts_EC.sum(axis=1) / 60)


def test_information_of_independent_classes_is_that_of_chance(rng: np.random.Generator) -> None:
    experts_N, codes_N = rng.integers(3, size=500), rng.integers(4, size=500)
    found = measure_specialization(experts_N, codes_N, (3, 4), seed=0)
    # Miller and Madow: (E - 1) (C - 1) / 2 N nat, with a standard deviation of the mean of 3 %.
    assert found.by_chance == pytest.approx(6 / 1000 / np.log(2), rel=0.15)
    assert found.p_value > 0.001
    assert found.class_entropy == pytest.approx(2.0, abs=0.02)
    dependent = measure_specialization(codes_N % 2, codes_N, (2, 4), seed=0)
    assert dependent.information == pytest.approx(1.0, abs=0.02)
    assert dependent.low <= dependent.information <= dependent.high
    assert dependent.p_value == pytest.approx(1 / 1001)
    assert mutual_information(np.array([[3, 0], [0, 0]])) == 0.0


def test_the_linear_control(rng: np.random.Generator) -> None:
    x_NF = rng.uniform(0, np.pi, size=(400, 2))
    linear = fit_linear_control(x_NF, (x_NF[:, 0] > x_NF[:, 1]).astype(int), seed=0)
    rings = fit_linear_control(x_NF, (np.cos(2 * x_NF).sum(axis=1) > 0).astype(int), seed=0)
    constant = fit_linear_control(x_NF, np.ones(400, dtype=int), seed=0)
    assert linear is not None
    assert rings is not None
    assert constant is not None
    assert linear.agreement > 0.97
    assert linear.low <= linear.agreement <= linear.high
    assert rings.agreement < rings.most_used + 0.1  # a linear router cannot follow rings
    assert (constant.agreement, constant.fitted, constant.most_used) == (1.0, 1.0, 1.0)
    assert fit_linear_control(x_NF[:9], np.ones(9, dtype=int), seed=0) is None


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text, self.sources, self.tags = "", [], set()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.sources += [value or "" for name, value in attrs if name in {"src", "href"}]


@pytest.mark.parametrize("model", ["quantum", "linear"], indirect=True)
def test_the_page_needs_no_network_and_says_what_was_found(explanation: Explanation) -> None:
    page = _Page()
    page.feed(explanation.to_html())
    assert not page.tags & {"script", "link", "iframe"}
    assert all(one.startswith(("data:image/png;base64,", "#")) for one in page.sources)
    n_figures = sum(one.startswith("data:") for one in page.sources)
    assert n_figures == (3 if explanation.spectrum is None else 4)
    for sentence in findings(explanation).values():
        assert page.text.count(sentence) == 2  # in the summary and in its section


def test_names_of_users_are_no_markup(rows: Dataset) -> None:
    model = QMoEClassifier("linear", max_epochs=1, random_state=0)
    labels_N = np.where(rows.labels_N == 0, "<b>", "$\\frac$")
    model.fit(rows.features_NF, labels_N)
    page = explain(model, Frame(rows.features_NF), labels_N).to_html()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


class Frame:
    """Rows with names of columns, as a data frame has them."""

    columns = ("<script>", "a & b")

    def __init__(self, features_NF: np.ndarray) -> None:
        self.features_NF = features_NF

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.features_NF.astype(dtype or float)

    def __len__(self) -> int:
        return len(self.features_NF)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.features_NF.shape


def test_many_features_and_their_projections(rng: np.random.Generator) -> None:
    x_NF, y_N = rng.normal(size=(40, 25)), np.arange(40) % 3
    x_NF[:, 7] += 3 * y_N
    settings: dict[str, Any] = {"n_layers": 1, "n_qubits": 2, "max_epochs": 2, "random_state": 0}
    for projection, names in {
        "pca": ("PC1", "PC2"),
        "linear": ("Z1", "Z2"),
        "groups": None,
    }.items():
        model = QMoEClassifier(projection=projection, **settings).fit(x_NF, y_N)
        found = explain(model, x_NF, y_N, n_permutations=1)
        assert np.isnan(found.sensitivity.moved_error_F).all()
        if names is None:
            assert "8.47e+11 coefficients, more than the 4096" in found.no_spectrum
            assert found.sees.startswith("The circuit takes all 25 features, 2 per upload, in 13")
            assert len(found.plot_sensitivity().axes[0].get_yticklabels()) == 20
            assert found.plot_spectrum() is None
        else:
            assert found.spectrum is not None
            assert found.spectrum.names_K == names
        assert found.sensitivity.slope_F.shape == (25,)
        document = found.document()
        assert document["sensitivity"]["features"][7]["moved_error"] is None
        assert np.isfinite(document["sensitivity"]["features"][7]["moved"])
    amplitudes = QMoEClassifier(circuit="amplitude", n_layers=1, max_epochs=1, random_state=0)
    found = explain(amplitudes.fit(x_NF[:, :4], y_N), x_NF[:, :4], y_N, n_permutations=1)
    assert "its inputs are amplitudes" in found.no_spectrum
    assert (found.sensitivity.slope_F > 0).all()


def test_a_target_that_is_a_number_is_explained_by_quarters(rng: np.random.Generator) -> None:
    x_NF = rng.normal(size=(60, 2))
    y_N = x_NF[:, 0] ** 2
    model = QMoERegressor("mlp:3", max_epochs=2, random_state=0).fit(x_NF, y_N)
    found = explain(model, x_NF, y_N, n_permutations=1)
    np.testing.assert_array_equal(found.specialization.counts_EC.sum(axis=0), [15] * 4)
    ends = np.quantile(y_N, [0, 0.25])
    assert found.classes[0] == f"1: {ends[0]:.3g} ... {ends[1]:.3g}"
    assert found.to_html()
    constant = explain(model, x_NF, np.ones(60), n_permutations=1)
    assert constant.classes == ("1",)
    assert constant.specialization.information == 0.0


def test_what_is_refused(rows: Dataset) -> None:
    x_NF, y_N = rows.features_NF, rows.labels_N
    model = QMoEClassifier("linear", max_epochs=1, random_state=0).fit(x_NF, y_N)
    with pytest.raises(InputError, match="X and y are given together"):
        explain(model)
    with pytest.raises(InputError, match="a label for each of 60 rows"):
        explain(model, x_NF, y_N[:-1])
    with pytest.raises(InputError, match="at least 2 rows"):
        explain(model, x_NF[:1], y_N[:1])
    with pytest.raises(InputError, match="n_permutations must be a whole number"):
        explain(model, x_NF, y_N, n_permutations=0)
    with pytest.raises(InputError, match="label '7' is none of the model's classes"):
        explain(model, x_NF, y_N + 7)
    sampled = QMoEClassifier(
        n_layers=1, max_epochs=1, batch_size=60, backend="noisy:ideal", shots=8, random_state=0
    ).fit(x_NF, y_N)
    with pytest.raises(InputError, match="with shots, whose noise would hide the derivatives"):
        explain(sampled, x_NF, y_N)
