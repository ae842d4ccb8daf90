"""Calibration data of real devices, and the code that reads, checks, captures and scales it.

Importing this loads neither Qiskit nor Aer nor pydantic, and opens no file.

Shapes: Q qubits of a profile; 4 the parameters that drift per qubit (T1, T2, P(1|0), P(0|1)).
"""

if __name__ != "qmoe_qiskit.noise_profiles":
    raise ImportError(
        "this package is installed as qmoe_qiskit.noise_profiles and cannot be imported as "
        f"{__name__!r}"
    )

from qmoe_qiskit.noise_profiles.bundled import list_profiles, load_profile
from qmoe_qiskit.noise_profiles.calibration import GateCalibration, QubitCalibration, Repair
from qmoe_qiskit.noise_profiles.capture import capture
from qmoe_qiskit.noise_profiles.changes.difference import Change, ProfileDiff
from qmoe_qiskit.noise_profiles.profile import NoiseProfile

__all__ = [
    "Change",
    "GateCalibration",
    "NoiseProfile",
    "ProfileDiff",
    "QubitCalibration",
    "Repair",
    "capture",
    "list_profiles",
    "load_profile",
]
