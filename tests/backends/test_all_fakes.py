"""Every fake device of qiskit-ibm-runtime: captured, simulated, and run by IBM's primitives.

Each value fails for a correct program with a probability below 1e-6. Seeds are fixed, so it fails
always or never.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import fake_provider
from qiskit_ibm_runtime.fake_provider.fake_backend import FakeBackendV2

from qmoe_qiskit.backends import open_backend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import NoiseProfile, capture
from qmoe_qiskit.train import QMoEClassifier

if TYPE_CHECKING:
    from pathlib import Path

FAKES = {
    vars(kind)["backend_name"]: kind
    for kind in vars(fake_provider).values()
    if isinstance(kind, type) and issubclass(kind, FakeBackendV2) and "backend_name" in vars(kind)
}
# One of each generation, and the odd ones: one qubit, u1, u2, u3 and no readout length, no dt, a dt
# of attoseconds, couplers of two kinds, fractional gates, no two-qubit gate that works.
SAMPLE = {
    "fake_armonk",
    "fake_boeblingen",
    "fake_cairo",
    "fake_essex",
    "fake_fez",
    "fake_fractional",
    "fake_kyoto",
    "fake_manila",
    "fake_poughkeepsie",
}
REFUSED = {
    "fake_armonk": r"the router has 2 qubits, \w+_armonk has 1: use a smaller router",
    "fake_kyoto": r"\w+_kyoto has no two-qubit gate that works and that Aer can simulate: use",
}
SHOTS = 256
# Of the mean of that many shots, each between -1 and 1.
STD_ERROR = 1 / np.sqrt(SHOTS)
SIGMAS = 5.5
RUNTIME: dict[str, dict[str, Any]] = {
    "sampler": {"primitive": "sampler"},
    **{f"level {level}": {"resilience_level": level} for level in (0, 1, 2)},
}


def has_working_pair(fake: FakeBackendV2) -> bool:
    target = fake.target
    errors = [
        properties.error
        for name in target.operation_names
        for place, properties in (target[name].items() if name != "measure" else ())
        if place is not None and len(place) == 2
    ]
    return any(error < 1 for error in errors)


def test_there_are_many() -> None:
    assert len(FAKES) >= 60
    assert set(FAKES) >= SAMPLE


def each(kept: set[str]) -> pytest.MarkDecorator:
    """All fakes, in the plain suite some of them."""
    return pytest.mark.parametrize(
        "name",
        [pytest.param(n, marks=() if n in kept else pytest.mark.trial) for n in sorted(FAKES)],
    )


@pytest.mark.filterwarnings("ignore:Properties of fake_nighthawk")
@each(SAMPLE)
def test_every_fake(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    profile = capture(name)
    file = tmp_path / "profile.json"
    profile.save(file)
    assert NoiseProfile.load(file) == profile
    router = angle_router(2, 1)
    x_BF, w_W = rng.uniform(-4, 4, (2, 2)), rng.uniform(-4, 4, router.n_weights)

    def values(spec: str, **settings: Any) -> Any:
        compiled = open_backend(spec, seed=1, **settings).compile(router)
        return compiled.expectations(x_BF, w_W).values

    noisy = f"noisy:{file}"
    runtime = {what: {"shots": SHOTS, "options": options} for what, options in RUNTIME.items()}
    if not has_working_pair(FAKES[name]()):
        for spec, settings in ((noisy, {}), *((f"runtime:{name}", s) for s in runtime.values())):
            with pytest.raises(InputError, match=REFUSED[name]):
                values(spec, **settings)
        return
    ideal, exact = values("statevector"), values(noisy)
    mitigated = values(noisy, mitigation="readout")
    assert np.abs(exact).max() < 1
    assert np.abs(mitigated - ideal).max() < np.abs(exact - ideal).max() + 0.02
    near = SIGMAS * STD_ERROR
    assert np.abs(values(noisy, shots=SHOTS) - exact).max() < near
    found = {what: values(f"runtime:{name}", **settings) for what, settings in runtime.items()}
    assert np.abs(found["sampler"] - exact).max() < near
    # The estimator measures with two pulses more, see test_fakes.py; that is less than this.
    pulses = 0.03
    assert np.abs(found["level 0"] - exact).max() < near + pulses
    # Dividing by the readout's contrast amplifies the shots' noise, and so does extrapolation.
    contrast = min(
        1 - 2 * (qubit.readout_error or 0) for qubit in profile.qubits if qubit.operational
    )
    amplified = 3 * near / max(contrast, 0.5)
    assert np.abs(found["level 1"] - mitigated).max() < amplified + pulses
    assert np.abs(found["level 2"] - ideal).max() < 3 * amplified + np.abs(mitigated - ideal).max()


@pytest.mark.filterwarnings("ignore:Properties of fake_nighthawk")
@each({"fake_essex", "fake_fractional", "fake_kyoto", "fake_manila"})
def test_a_model_trains_under_the_noise_of_every_fake(name: str, rng: np.random.Generator) -> None:
    features_NF = rng.uniform(-1, 1, (8, 2))
    labels_N = (features_NF[:, 0] > 0).astype(int)
    model = QMoEClassifier(
        n_layers=1, backend=f"noisy:{name}", max_epochs=1, batch_size=8, verbose=False,
        random_state=0,
    )  # fmt: skip
    if not has_working_pair(FAKES[name]()):
        with pytest.raises(InputError, match=REFUSED[name]):
            model.fit(features_NF, labels_N)
        return
    model.fit(features_NF, labels_N)
    (epoch,) = model.history_
    assert np.isfinite(epoch["train_loss"])
    np.testing.assert_allclose(model.predict_proba(features_NF).sum(axis=1), 1, atol=1e-9)


@pytest.mark.filterwarnings("ignore:Properties of fake_nighthawk")
@each({"fake_boeblingen", "fake_cairo", "fake_fractional"})
def test_x_and_y_are_measured_in_gates_of_every_fake(name: str, rng: np.random.Generator) -> None:
    if not has_working_pair(FAKES[name]()):
        return
    labels = ("XI", "IY", "XY", "YX")
    router = replace(
        angle_router(2, 1), observables=tuple(SparsePauliOp(label) for label in labels)
    )
    at = rng.uniform(-4, 4, (2, 2)), rng.uniform(-4, 4, router.n_weights)
    exact = open_backend(f"noisy:{name}", seed=1).compile(router).expectations(*at).values
    for options in (RUNTIME["sampler"], RUNTIME["level 0"]):
        backend = open_backend(f"runtime:{name}", seed=1, shots=SHOTS, options=options)
        found = backend.compile(router).expectations(*at).values
        # The change of basis is one pulse more than the exact circuit has at most.
        assert np.abs(found - exact).max() < SIGMAS * STD_ERROR + 0.03
