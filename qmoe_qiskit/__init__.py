"""Mixture-of-experts models whose router is a quantum circuit, from Qiskit circuit to hardware.

`QMoEClassifier` is an estimator of scikit-learn; `MixtureOfExperts` and `QuantumRouter` are modules
of PyTorch; `angle_router` and `RouterCircuit` are circuits; `open_backend` opens what they run on,
such as the calibration of a device, which `list_profiles` and `load_profile` find.

Further packages: `qmoe_qiskit.data` (data sets and files), `train` (training and its callbacks),
`runs` (trained models in folders: `train_run`, `load_run`, `save_run`), `figures`, `studies`.

The public names are loaded when first used, so that importing the package costs nothing.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from qmoe_qiskit.lazy import load_lazily

if TYPE_CHECKING:
    from qmoe_qiskit.backends import FourierSurrogate, open_backend
    from qmoe_qiskit.circuits import RouterCircuit, angle_router
    from qmoe_qiskit.errors import QMoEError
    from qmoe_qiskit.moe import MixtureOfExperts, QMoELayer, QuantumRouter
    from qmoe_qiskit.noise_profiles import NoiseProfile, list_profiles, load_profile
    from qmoe_qiskit.train import QMoEClassifier
    from qmoe_qiskit.train.export import export_model
    from qmoe_qiskit.version import __version__

__all__ = [
    "FourierSurrogate",
    "MixtureOfExperts",
    "NoiseProfile",
    "QMoEClassifier",
    "QMoEError",
    "QMoELayer",
    "QMoERegressor",
    "QuantumRouter",
    "RouterCircuit",
    "__version__",
    "angle_router",
    "export_model",
    "list_profiles",
    "load_profile",
    "open_backend",
]

# In a checkout, backends/ and noise_profiles/ lie beside this folder; once installed, inside it.
if not Path(__file__).with_name("backends").is_dir():
    __path__.append(str(Path(__file__).parents[1]))

__getattr__, __dir__ = load_lazily(
    "qmoe_qiskit",
    {
        "qmoe_qiskit.backends": ["FourierSurrogate", "open_backend"],
        "qmoe_qiskit.circuits": ["RouterCircuit", "angle_router"],
        "qmoe_qiskit.errors": ["QMoEError"],
        "qmoe_qiskit.moe": ["MixtureOfExperts", "QMoELayer", "QuantumRouter"],
        "qmoe_qiskit.noise_profiles": ["NoiseProfile", "list_profiles", "load_profile"],
        "qmoe_qiskit.train": ["QMoEClassifier", "QMoERegressor"],
        "qmoe_qiskit.train.export": ["export_model"],
        "qmoe_qiskit.version": ["__version__"],
    },
)
