"""Exported models, run by a Python that cannot import Qiskit or this library."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest
import torch
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from qmoe_qiskit import FourierSurrogate, QMoEClassifier, RouterCircuit, export_model, open_backend
from qmoe_qiskit.backends.surrogate import SurrogateBackend
from qmoe_qiskit.data import load_dataset
from qmoe_qiskit.errors import InputError, RunError
from qmoe_qiskit.moe import MixtureOfExperts, quantum_experts
from qmoe_qiskit.train.export import ExportedFile
from qmoe_qiskit.train.export.classical_model import classical_model
from qmoe_qiskit.train.export.fourier_layer import FourierLayer
from qmoe_qiskit.train.model import circuit_weights

if TYPE_CHECKING:
    from pathlib import Path

    from qmoe_qiskit.typing import FloatArray

MOONS = load_dataset("moons", n_samples=80)
DIGITS = load_dataset("digits", n_samples=120)

# Without what the model needed: every import of these names fails.
BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise ImportError(f"{{name}} is not installed here")

sys.meta_path.insert(0, Blocked())
import json
import numpy as np
features, out, model = sys.argv[1:]
X = np.load(features)
"""
BY_TORCH = """
import torch
extra = {"qmoe": ""}
program = torch.export.load(model, extra_files=extra)
probabilities, places = (t.detach().numpy() for t in program.module()(torch.from_numpy(X)))
facts = extra["qmoe"]
"""
BY_ONNX = """
import onnxruntime
session = onnxruntime.InferenceSession(model)
probabilities, places = session.run(["probabilities", "class_index"], {"features": X})
facts = session.get_modelmeta().custom_metadata_map["qmoe"]
"""
FINISH = """
assert not {"qiskit", "qiskit_aer", "qmoe_qiskit"} & set(sys.modules)
np.savez(out, probabilities=probabilities, places=places, facts=np.array(facts))
"""
QUANTUM = {"qiskit", "qiskit_aer", "qiskit_ibm_runtime", "qiskit_machine_learning", "qmoe_qiskit"}


def fitted(data: Any = MOONS, **settings: Any) -> QMoEClassifier:
    model = QMoEClassifier(max_epochs=2, random_state=0, **settings)
    return model.fit(data.features_NF, data.labels_N)


def own_circuit() -> RouterCircuit:
    """Half angles, an observable in X, two outputs."""
    x, w = ParameterVector("x", 2), ParameterVector("w", 2)
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.crx(x[0], 0, 1)
    circuit.ry(x[1] / 2 + w[0], 0)
    circuit.rz(-2 * x[0] + w[1], 1)
    return RouterCircuit.from_circuit(circuit, inputs=x, weights=w, observables=["XI", "IZ", "YX"])


def by_onnx(path: Path, rows: FloatArray) -> tuple[FloatArray, Any]:
    session = onnxruntime.InferenceSession(path)
    probabilities, places = session.run(["probabilities", "class_index"], {"features": rows})
    return probabilities, places


def by_torch(path: Path, rows: FloatArray) -> tuple[FloatArray, Any]:
    probabilities, places = torch.export.load(path).module()(torch.from_numpy(rows))
    return probabilities.detach().numpy(), places.numpy()


@pytest.fixture(scope="module")
def model() -> QMoEClassifier:
    """With principal components, and several classes."""
    return fitted(DIGITS, n_qubits=2)


@pytest.fixture(scope="module")
def files(
    model: QMoEClassifier, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, ExportedFile]:
    folder = tmp_path_factory.mktemp("exported")
    return {
        file_format: export_model(model, folder / file_format, format=file_format)
        for file_format in ("onnx", "torch")
    }


@pytest.mark.process
@pytest.mark.parametrize("file_format", ["onnx", "torch"])
def test_without_qiskit(
    file_format: str, model: QMoEClassifier, files: dict[str, ExportedFile], tmp_path: Path
) -> None:
    exported = files[file_format]
    np.save(tmp_path / "rows.npy", DIGITS.features_NF)
    # torch looks for onnxruntime by itself, whatever is loaded.
    blocked = QUANTUM | {"torch"} if file_format == "onnx" else QUANTUM
    code = BLOCKED.format(blocked=blocked) + (BY_ONNX if file_format == "onnx" else BY_TORCH)
    arguments = ["rows.npy", "out.npz", exported.path]
    subprocess.run(
        [sys.executable, "-c", code + FINISH, *arguments], check=True, cwd=tmp_path, text=True
    )
    found = np.load(tmp_path / "out.npz")
    expected_NC = model.predict_proba(DIGITS.features_NF)
    np.testing.assert_allclose(found["probabilities"], expected_NC, atol=1e-12)
    facts = json.loads(str(found["facts"]))
    assert facts == exported.facts
    labels_N = np.array(facts["classes"])[found["places"]]
    np.testing.assert_array_equal(labels_N, model.predict(DIGITS.features_NF))
    assert (facts["circuit"]["backend"], facts["circuit"]["points"]) == ("statevector", 9)
    content = exported.path.read_bytes()
    assert b"qmoe_qiskit/train" not in content  # where our source lies on this machine
    assert exported.n_bytes == len(content)


SETTINGS: dict[str, dict[str, Any]] = {
    "noise": {"backend": "noisy:ibm_torino", "readout": "probabilities"},
    "own circuit": {"router": own_circuit()},
    "uploads": {"reuploads": 2, "rotation": "y"},
    "one qubit": {"n_qubits": 1},
    "linear": {"router": "linear"},
    "mlp": {"router": "mlp:3"},
    "quadratic": {"router": "quadratic"},
    "fourier": {"router": "fourier"},
    "waves": {"router": "rff:5"},
    "two of four experts": {"n_experts": 4, "top_k": 2, "expert": "mlp:3", "bias_rate": 0.05},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_any_router(settings: dict[str, Any], tmp_path: Path, *, whole: bool) -> None:
    model = fitted(**settings)
    rows = np.vstack([MOONS.features_NF, [[1e9, -1e9], [0.0, 0.0]]])
    far = pytest.warns(UserWarning, match="outside the range")
    with far:
        expected_NC, labels_N = model.predict_proba(rows), model.predict(rows)
    # A sine of an angle of 1e9 keeps 16 - 9 of its digits.
    tolerance_N1 = np.where(np.abs(rows).max(axis=1, keepdims=True) > 1e6, 1e-5, 1e-12)
    runs = {"torch": by_torch}
    if whole and settings.get("router") not in {"linear", "quadratic", "fourier", None}:
        runs["onnx"] = by_onnx  # it takes seconds
    for file_format, run in runs.items():
        if file_format == "onnx" and settings["router"] == "rff:5":
            tolerance_N1 = tolerance_N1 + 1e-7  # torch writes numbers of Python in float32
        export_model(model, tmp_path / file_format, format=file_format)
        probabilities, places = run(tmp_path / file_format, rows)
        assert np.all(np.abs(probabilities - expected_NC) <= tolerance_N1)
        np.testing.assert_array_equal(model.classes_[places], labels_N)


@pytest.mark.parametrize("n_rows", [1, 3, 500])
def test_any_number_of_rows(
    model: QMoEClassifier, files: dict[str, ExportedFile], n_rows: int
) -> None:
    rows = np.resize(DIGITS.features_NF, (n_rows, DIGITS.features_NF.shape[1]))
    expected_NC = model.predict_proba(rows)
    for probabilities, _ in (
        by_onnx(files["onnx"].path, rows),
        by_torch(files["torch"].path, rows),
    ):
        np.testing.assert_allclose(probabilities, expected_NC, atol=1e-12)


def test_float32(model: QMoEClassifier, tmp_path: Path, *, whole: bool) -> None:
    rows = DIGITS.features_NF
    file_format, run = ("onnx", by_onnx) if whole else ("torch", by_torch)
    export_model(model, tmp_path / "m", format=file_format, dtype="float32")
    probabilities, _ = run(tmp_path / "m", rows.astype(np.float32))
    assert probabilities.dtype == np.float32
    # Some ten operations with 2^-24 each, on numbers up to 4 pi.
    np.testing.assert_allclose(probabilities, model.predict_proba(rows), atol=1e-5)


def test_a_surrogate_of_shots(model: QMoEClassifier, tmp_path: Path) -> None:
    """The file says what was measured, and predicts with it."""
    weights_W = circuit_weights(model.module_)
    assert model.compiled_router is not None
    noisy = open_backend("noisy:ibm_torino", shots=500, seed=1)
    surrogate = FourierSurrogate.measure(noisy.compile(model.compiled_router.router), weights_W)
    exported = export_model(model, tmp_path / "m", format="torch", surrogate=surrogate)
    assert exported.facts["circuit"]["shots"] == 500
    model.save(tmp_path / "saved")
    there = QMoEClassifier.load(tmp_path / "saved", backend=SurrogateBackend(surrogate))
    probabilities, _ = by_torch(tmp_path / "m", DIGITS.features_NF)
    np.testing.assert_allclose(probabilities, there.predict_proba(DIGITS.features_NF), atol=1e-12)
    again = export_model(there, tmp_path / "m", format="torch", overwrite=True)
    assert again.facts == exported.facts


def test_layer_is_the_surrogate(rng: np.random.Generator) -> None:
    compiled = open_backend("statevector").compile(own_circuit())
    surrogate = FourierSurrogate.measure(compiled, rng.uniform(-3, 3, 2), points=[30, 11])
    inputs_BF = rng.uniform(-20, 20, (50, 2))
    values = FourierLayer(surrogate)(torch.from_numpy(inputs_BF)).numpy()
    np.testing.assert_allclose(values, surrogate.expectations(inputs_BF).values, atol=1e-12)


class TestRefused:
    @pytest.mark.parametrize(
        ("settings", "reason"),
        [
            ({"format": "onxx"}, "unknown format 'onxx'.* did you mean 'onnx'"),
            ({"dtype": "float16"}, "unknown dtype"),
        ],
        ids=str,
    )
    def test_settings(
        self, model: QMoEClassifier, tmp_path: Path, settings: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(InputError, match=reason):
            export_model(model, tmp_path / "m", **settings)
        assert not (tmp_path / "m").exists()

    def test_files(self, model: QMoEClassifier, tmp_path: Path) -> None:
        (tmp_path / "m").write_text("mine")
        with pytest.raises(RunError, match="exists"):
            export_model(model, tmp_path / "m", format="torch")
        with pytest.raises(RunError, match="cannot be written"):
            export_model(model, tmp_path / "none" / "m", format="torch")

    @pytest.mark.parametrize("package", ["onnx", "onnxscript"])
    def test_without_the_packages(
        self,
        model: QMoEClassifier,
        tmp_path: Path,
        package: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(InputError, match=r"pip install 'qmoe-qiskit\[onnx\]'"):
            export_model(model, tmp_path / "m")

    def test_surrogates_that_do_not_fit(self, model: QMoEClassifier, tmp_path: Path) -> None:
        compiled, weights_W = model.compiled_router, circuit_weights(model.module_)
        assert compiled is not None
        other = FourierSurrogate.measure(compiled, weights_W + 1)
        with pytest.raises(InputError, match="other weights"):
            export_model(model, tmp_path / "m", surrogate=other)
        with pytest.raises(InputError, match="another circuit"):
            export_model(fitted(rotation="y"), tmp_path / "m", surrogate=other)
        with pytest.raises(InputError, match="classical and has no circuit"):
            export_model(fitted(router="linear"), tmp_path / "m", surrogate=other)

    def test_amplitudes(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="as amplitudes"):
            export_model(fitted(circuit="amplitude"), tmp_path / "m")

    def test_a_circuit_without_a_surrogate(self, tmp_path: Path) -> None:
        x, w = ParameterVector("x", 2), ParameterVector("w", 1)
        circuit = QuantumCircuit(1)
        circuit.ry(x[0] * x[1] + w[0], 0)
        model = fitted(router=RouterCircuit.from_circuit(circuit, inputs=x, weights=w))
        with pytest.raises(InputError, match="slope in input"):
            export_model(model, tmp_path / "m")

    def test_quantum_experts(self, model: QMoEClassifier) -> None:
        mixture = MixtureOfExperts(model.module_.router, quantum_experts(2, 2, 2))
        changed = QMoEClassifier()
        changed.module_, changed.feature_map_ = mixture, model.feature_map_
        compiled = model.compiled_router
        assert compiled is not None
        surrogate = FourierSurrogate.measure(compiled, circuit_weights(model.module_))
        with pytest.raises(InputError, match=r"experts\.0\.connector is a circuit"):
            classical_model(changed, surrogate, torch.float64)
