"""Capturing the profile of a device: live, fake, or any that Qiskit can describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from qiskit.providers import BackendV2
    from qiskit.transpiler import Target
    from qiskit_ibm_runtime.models import BackendProperties

    from qmoe_qiskit.noise_profiles.profile import NoiseProfile


def capture(
    source: str | Path | BackendV2 | Target | BackendProperties,
    *,
    name: str | None = None,
    at: datetime | None = None,
) -> NoiseProfile:
    """Capture a noise profile.

    Dead gates (error of 1 or more) are dropped, and so are qubits on which a one-qubit gate is
    dead, gates that Aer cannot simulate, such as iswap, and gates whose target bounds their angles
    otherwise than IBM bounds rzz; T2 above 2 T1 becomes 2 T1; what is
    missing stays missing and is modelled as no noise, a missing duration as no time; a time that
    no device has is kept. Each of these is recorded in `repairs`. Control flow is not stored.

    Args:
        source: A live IBM backend; a fake backend or its name, such as "fake_torino"; any other
            Qiskit backend; or a target. Readout errors of the last two are symmetric unless the
            properties of the measurements have `prob_meas1_prep0` and `prob_meas0_prep1`. Or the
            properties of an IBM device, `backend.properties()`; or a file: .json with the
            properties as their `to_dict()` gives them, or .csv with the table that IBM Quantum
            Platform exports. Properties do not say the time resolution, and whether fractional
            gates are offered: then they are not, see `NoiseProfile.with_fractional_gates`.
        name: Name of the device in the profile; None for its own name.
        at: For a live IBM backend, the moment of the calibration. For other backends, targets and
            tables, the time when they were calibrated. None for now, for a table the time in the
            name that IBM gave the file, or else when it was written. A fake backend and properties
            have a date of their own. A time without a zone is local.

    Raises:
        InputError: If the fake backend does not exist, or `at` is given for what has its own date.
        ProfileError: If the source has no calibrated qubits and gates, or a file cannot be read.

    >>> capture("fake_manila").device
    'ibmq_manila'
    """
    from qmoe_qiskit.noise_profiles.capture.snapshot import profile_of
    from qmoe_qiskit.noise_profiles.profile import NoiseProfile

    return profile_of(NoiseProfile, source, name=name, at=at)
