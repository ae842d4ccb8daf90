"""A profile in a few numbers, see `NoiseProfile.summary`."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qmoe_qiskit.noise_profiles.calibration import GateCalibration
    from qmoe_qiskit.noise_profiles.profile import NoiseProfile


def summarize(profile: NoiseProfile) -> dict[str, Any]:
    """Return a profile in a few numbers, see `NoiseProfile.summary`."""
    repaired = Counter(f"{repair.item} {repair.action}" for repair in profile.repairs)
    return {
        "device": profile.device,
        "family": profile.family,
        "captured_at": profile.captured_at.isoformat().replace("+00:00", "Z"),
        "source": profile.source,
        "schema_version": profile.schema_version,
        "content_hash": profile.content_hash,
        "dt": profile.dt,
        "n_qubits": profile.n_qubits,
        "n_operational": sum(qubit.operational for qubit in profile.qubits),
        "n_couplers": len({frozenset(pair) for pair in profile.couplings}),
        "basis_gates": list(profile.basis_gates),
        "qubits": {
            name: _spread(getattr(qubit, name) for qubit in profile.qubits)
            for name in ("t1", "t2", "readout_error", "readout_length")
        },
        "gates": {
            name: _gate_summary([gate for gate in profile.gates if gate.name == name])
            for name in sorted({gate.name for gate in profile.gates})
        },
        "repairs": dict(sorted(repaired.items())),
        "history": list(profile.history),
    }


def _gate_summary(gates: list[GateCalibration]) -> dict[str, Any]:
    return {
        "count": len(gates),
        "copied": sum(gate.copied for gate in gates),
        "error": _spread(gate.error for gate in gates),
        "duration": _spread(gate.duration for gate in gates),
    }


def _spread(values: Iterable[float | None]) -> dict[str, float] | None:
    """Return least, median and greatest of the known values, or None if no value is known."""
    known = [float(value) for value in values if value is not None]
    if not known:
        return None
    return {"min": min(known), "median": median(known), "max": max(known)}
