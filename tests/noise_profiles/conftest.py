from __future__ import annotations

import pytest

from qmoe_qiskit.noise_profiles import NoiseProfile, load_profile


@pytest.fixture(scope="session")
def lagos() -> NoiseProfile:
    """Seven qubits, nothing to repair."""
    return load_profile("ibm_lagos")


@pytest.fixture(scope="session")
def torino() -> NoiseProfile:
    """133 qubits, with dead couplers and T2 that were above 2 T1."""
    return load_profile("ibm_torino")


@pytest.fixture(scope="session")
def kingston() -> NoiseProfile:
    """156 qubits, five of them not operational, one without T1 and T2."""
    return load_profile("ibm_kingston")
