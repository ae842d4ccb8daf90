"""The couplers of a device that a hardware-efficient circuit entangles along."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qmoe_qiskit.backends.transpile.placement import error_of
from qmoe_qiskit.backends.transpile.region import good_regions
from qmoe_qiskit.circuits.layers import ENTANGLING_GATES, Couplers
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import NoiseProfile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qmoe_qiskit.backends.protocols import Backend


def couplers_of(backend: Backend, n_qubits: int) -> Couplers:
    """Return the couplers of a backend's device, in a connected region with small errors.

    The circuit then needs no SWAP gate on the device. Without a device they are CZ gates on a line.

    Args:
        backend: An open backend; of its device qubits, those that the user names are used.
        n_qubits: Number of qubits of the circuit.

    Raises:
        InputError: If the device has too few connected qubits.

    >>> from qmoe_qiskit import open_backend
    >>> couplers_of(open_backend("noisy:ibmq_manila"), 3)
    Couplers(pairs=((0, 1), (1, 2)), gate='cx')
    """
    profile = _profile(backend)
    if profile is None or n_qubits == 1:
        return Couplers.line(n_qubits)
    return device_couplers(profile, n_qubits, qubits=getattr(backend, "qubits", None))


def device_couplers(
    profile: NoiseProfile, n_qubits: int, *, qubits: Sequence[int] | None = None
) -> Couplers:
    """Return couplers of a device by its calibration, numbered within their region.

    Args:
        profile: The calibration.
        n_qubits: Number of qubits of the region.
        qubits: Device qubits that may be used; None for all.

    Raises:
        InputError: If fewer than `n_qubits` qubits that work are connected.
    """
    two = [gate.name for gate in profile.gates if len(gate.qubits) == 2]
    native = [name for name in ENTANGLING_GATES if name in {*two} & {*profile.basis_gates}]
    gate = native[0] if native else "cz"  # which takes another gate of the device, and rotations
    if native:  # of several, one on every coupler
        others = [name for name in profile.basis_gates if name == gate or name not in two]
        profile = replace(profile, basis_gates=tuple(others))
    allowed = range(profile.n_qubits) if qubits is None else qubits
    part = profile.subset([q for q in allowed if profile.qubits[q].operational])
    target = part.to_target()

    def error(place: tuple[int, ...]) -> float:
        return error_of(target, "measure" if len(place) == 1 else gate, place)

    regions = good_regions(part, n_qubits, error)
    if not regions:
        raise InputError(
            f"{profile.device} has no {n_qubits} qubits that work and are connected by two-qubit "
            "gates: use a smaller circuit (--qubits) or another device"
        )
    place = {q: k for k, q in enumerate(regions[0])}
    pairs: dict[frozenset[int], tuple[int, int]] = {}
    for a, b in part.couplings:
        if a in place and b in place:
            pairs.setdefault(frozenset((a, b)), (place[a], place[b]))
    return Couplers(pairs=_in_rounds(list(pairs.values())), gate=gate)


def _profile(backend: Backend) -> NoiseProfile | None:
    """Return the calibration of a backend's device, if it has one."""
    device = getattr(backend, "device", None)
    if device is not None:
        found: NoiseProfile = device.profile()
        return found
    noise = getattr(backend, "noise", None)
    return noise if isinstance(noise, NoiseProfile) else None


def _in_rounds(pairs: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Order pairs so that those without a common qubit come together, and run at once."""
    ordered: list[tuple[int, int]] = []
    while pairs:
        busy: set[int] = set()
        for pair in list(pairs):
            if busy.isdisjoint(pair):
                busy.update(pair)
                ordered.append(pair)
                pairs.remove(pair)
    return tuple(ordered)
