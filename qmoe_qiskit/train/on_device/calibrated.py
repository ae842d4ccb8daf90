"""A model that was trained on a device, simulated under the device's calibration from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles import NoiseProfile
    from qmoe_qiskit.train.classifier import QMoEClassifier


def move_to_calibration(classifier: QMoEClassifier) -> None:
    """Let the circuit of a trained model run in simulation, where evaluating it costs nothing.

    It keeps its weights, the surrogate and the report.
    """
    backend = classifier.backend
    simulated: str | NoiseProfile | None
    name = backend if isinstance(backend, str) else ""
    compiled = classifier.surrogate_.measured_on
    if name.startswith("runtime:fake_"):
        simulated = name.replace("runtime:", "noisy:", 1)
    else:
        simulated = getattr(compiled, "profile", None)
        if simulated is None:
            raise InputError("the calibration of the device is unknown: save the model instead")
    trained = classifier.module_.state_dict()
    classifier.set_params(backend=simulated, shots=None, hardware_training=None, warm_start=False)
    classifier.rebuild(classifier.draw_seed())
    classifier.module_.load_state_dict(trained)
    classifier.module_.eval()
