"""The couplers of a device, sorted from the best to the worst."""

from dataclasses import dataclass

from qmoe_qiskit.noise_profiles import NoiseProfile


@dataclass(frozen=True, kw_only=True)
class Coupler:
    """Two coupled qubits.

    Attributes:
        qubits: Numbers of the qubits, the lower one first.
        gate: Name of the two-qubit gate with the smallest error.
        gate_error: Error of the gate; None if it was not reported.
        readout_errors: Readout errors of the two qubits; None if not reported.
        expected_error: Probability that one such gate or a measurement of either qubit goes wrong;
            errors that were not reported count as zero.
    """

    qubits: tuple[int, int]
    gate: str
    gate_error: float | None
    readout_errors: tuple[float | None, float | None]
    expected_error: float


def couplers_of(profile: NoiseProfile) -> list[Coupler]:
    """Return the couplers of a device by expected error; gates of unknown error come last."""
    best: dict[tuple[int, int], tuple[float, str, float | None]] = {}
    for gate in profile.gates:
        if len(gate.qubits) != 2 or gate.name not in profile.basis_gates:
            continue
        low, high = sorted(gate.qubits)
        found = (2.0 if gate.error is None else gate.error, gate.name, gate.error)
        best[low, high] = min(best.get((low, high), found), found, key=lambda one: one[:2])
    couplers = []
    for (low, high), (_, name, error) in best.items():
        first, second = (profile.qubits[q].readout_error for q in (low, high))
        faultless = (1 - (error or 0)) * (1 - (first or 0)) * (1 - (second or 0))
        couplers.append(
            Coupler(
                qubits=(low, high),
                gate=name,
                gate_error=error,
                readout_errors=(first, second),
                expected_error=1 - faultless,
            )
        )
    return sorted(couplers, key=lambda c: (c.gate_error is None, c.expected_error, c.qubits))


def broken_couplers(profile: NoiseProfile) -> list[tuple[int, int]]:
    """Return the pairs of qubits whose two-qubit gate the capture of the profile dropped."""
    alive = {frozenset(pair) for pair in profile.couplings}
    dropped = {
        (min(repair.qubits), max(repair.qubits))
        for repair in profile.repairs
        if repair.action == "dropped" and len(set(repair.qubits)) == 2
    }
    return sorted(pair for pair in dropped if frozenset(pair) not in alive)
