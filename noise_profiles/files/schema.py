"""The file format, version by version. Only reading and writing files needs pydantic.

A version that was ever written stays here, with what turns it into the fields of today's profile.
"""

from datetime import UTC
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from qmoe_qiskit.noise_profiles.calibration import (
    GateCalibration,
    QubitCalibration,
    Repair,
    RepairAction,
)


class Header(BaseModel):
    """What every version has; other fields are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")

    schema_version: int


class _Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class QubitV1(_Row):
    """See `QubitCalibration`."""

    qubit: int
    t1: float | None
    t2: float | None
    frequency: float | None
    p_meas1_prep0: float | None
    p_meas0_prep1: float | None
    readout_length: float | None
    operational: bool = True


class GateV1(_Row):
    """See `GateCalibration`."""

    name: str
    qubits: tuple[int, ...]
    error: float | None
    duration: float | None
    copied: bool = False


class RepairV1(_Row):
    """See `Repair`."""

    action: RepairAction
    item: str
    qubits: tuple[int, ...]
    found: float | None
    reason: str


class ProfileV1(_Row):
    """See `NoiseProfile`. A file made by hand may leave `content_hash` out."""

    schema_version: int
    content_hash: str | None = None
    device: str
    family: str | None
    captured_at: AwareDatetime
    source: str
    dt: float | None
    basis_gates: tuple[str, ...]
    qubits: tuple[QubitV1, ...]
    gates: tuple[GateV1, ...]
    physical_qubits: tuple[int, ...]
    repairs: tuple[RepairV1, ...]
    history: tuple[str, ...]

    def profile_fields(self) -> dict[str, Any]:
        """Return the arguments of `NoiseProfile`."""
        at = self.captured_at
        content = {k: v for k, v in self if k not in {"schema_version", "content_hash"}}
        return content | {
            # The standard library's UTC where it is UTC; the profile refuses any other zone.
            "captured_at": at if at.utcoffset() else at.replace(tzinfo=UTC),
            "qubits": tuple(QubitCalibration(**vars(row)) for row in self.qubits),
            "gates": tuple(GateCalibration(**vars(row)) for row in self.gates),
            "repairs": tuple(Repair(**vars(row)) for row in self.repairs),
        }


VERSIONS = {1: ProfileV1}
