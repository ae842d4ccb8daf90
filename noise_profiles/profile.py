"""The noise profile of a device: immutable, checked when made, addressed by its content."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

from qmoe_qiskit.errors import ProfileError
from qmoe_qiskit.noise_profiles.calibration import FRACTIONAL_GATES
from qmoe_qiskit.noise_profiles.changes.scaling import scaled
from qmoe_qiskit.noise_profiles.files.checks import check_profile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    import numpy as np
    from qiskit.providers import BackendV2
    from qiskit.transpiler import Target
    from qiskit_aer.noise import NoiseModel

    from qmoe_qiskit.noise_profiles.calibration import GateCalibration, QubitCalibration, Repair
    from qmoe_qiskit.noise_profiles.changes.difference import ProfileDiff


@dataclass(frozen=True, kw_only=True, repr=False)
class NoiseProfile:
    """One calibration of a device: what a simulation needs to behave like it.

    Qubits are numbered 0 to n - 1 within the profile, also where it is a part of a device.

    Attributes:
        device: Name of the device, such as "ibm_torino".
        family: Processor family with revision, such as "Heron r1", or None if it is unknown.
        captured_at: When the calibration was current, in UTC.
        source: Where the data come from, with the attribution that their licence asks for.
        dt: Time resolution of the control system in s, or None if it is unknown.
        basis_gates: Names of the gates that the device offers, sorted. A profile may have rows for
            other gates, such as fractional ones that a backend offers on request only.
        qubits: Calibration of every qubit, sorted by number.
        gates: Calibration of every gate and reset, sorted by name and qubits.
        physical_qubits: Number of each qubit on the device.
        repairs: What was dropped, changed or assumed when the calibration was captured.
        history: What was done to the calibration since, in words, oldest first.

    Raises:
        ProfileError: If a number is impossible or a qubit unknown; names the field and the value.

    >>> from qmoe_qiskit import load_profile
    >>> profile = load_profile("ibmq_manila")
    >>> profile.n_qubits, profile.basis_gates
    (5, ('cx', 'id', 'rz', 'sx', 'x'))
    >>> profile.qubits[0].t1 > 1e-5  # seconds
    True
    """

    schema_version: ClassVar[int] = 1

    device: str
    family: str | None = None
    captured_at: datetime
    source: str
    dt: float | None
    basis_gates: tuple[str, ...]
    qubits: tuple[QubitCalibration, ...]
    gates: tuple[GateCalibration, ...]
    physical_qubits: tuple[int, ...]
    repairs: tuple[Repair, ...] = ()
    history: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # One order, so that equal calibrations are equal objects with equal hashes.
        for name, ordered in (
            ("basis_gates", sorted(self.basis_gates)),
            ("qubits", sorted(self.qubits, key=lambda qubit: qubit.qubit)),
            ("gates", sorted(self.gates, key=lambda gate: (gate.name, gate.qubits))),
        ):
            object.__setattr__(self, name, tuple(ordered))
        check_profile(self)

    def __repr__(self) -> str:
        return (
            f"<NoiseProfile {self.device}, {self.n_qubits} qubits, {self.captured_at:%Y-%m-%d}, "
            f"hash {self.content_hash[:12]}>"
        )

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return len(self.qubits)

    @cached_property
    def couplings(self) -> tuple[tuple[int, int], ...]:
        """Ordered pairs of qubits that a two-qubit gate of the basis acts on, sorted."""
        basis = set(self.basis_gates)
        pairs = {g.qubits for g in self.gates if len(g.qubits) == 2 and g.name in basis}
        return tuple(sorted((a, b) for a, b in pairs))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256, in hex, of the canonical form; equal on every machine for equal content."""
        from qmoe_qiskit.noise_profiles.files import json_file

        return json_file.content_hash(self)

    def gate(self, name: str, qubits: Sequence[int]) -> GateCalibration | None:
        """Return the calibration of a gate on qubits in this order, or None if there is none."""
        return self._gate_table.get((name, tuple(qubits)))

    @cached_property
    def _gate_table(self) -> dict[tuple[str, tuple[int, ...]], GateCalibration]:
        return {(gate.name, gate.qubits): gate for gate in self.gates}

    def subset(self, qubits: Sequence[int]) -> NoiseProfile:
        """Return the profile of some qubits only, renumbered 0 to k - 1 in the order given.

        `physical_qubits` of the result are their numbers on the device. Gates and repairs that
        involve other qubits are left out; the noise of the rest is the same as in the whole.

        Args:
            qubits: Numbers within this profile, each once.

        Raises:
            ProfileError: If none is given, one is given twice or one does not exist.
        """
        known = range(self.n_qubits)
        strange = [q for q in qubits if not hasattr(q, "__index__") or int(q) not in known]
        if strange or not len(qubits):
            what = f"qubit {strange[0]!r} does not exist" if strange else "no qubits were given"
            raise ProfileError(f"{what}: {self.device} has qubits 0 to {self.n_qubits - 1}")
        new = {int(old): number for number, old in enumerate(qubits)}
        if len(new) < len(qubits):
            raise ProfileError(f"a qubit is given twice in {[int(q) for q in qubits]}")
        gates, repairs = (
            tuple(
                replace(row, qubits=tuple(new[q] for q in row.qubits))
                for row in rows
                if new.keys() >= set(row.qubits)
            )
            for rows in cast("tuple[Any, Any]", (self.gates, self.repairs))
        )
        return replace(
            self,
            qubits=tuple(replace(self.qubits[old], qubit=number) for old, number in new.items()),
            gates=gates,
            repairs=repairs,
            physical_qubits=tuple(self.physical_qubits[old] for old in new),
        )

    def scale(
        self,
        factor: float | None = None,
        *,
        gates: float | None = None,
        relaxation: float | None = None,
        readout: float | None = None,
    ) -> NoiseProfile:
        """Return the profile with its noise weakened or amplified, mechanism by mechanism.

        0 is ideal, 1 as measured, above 1 amplified. What each factor multiplies:

        - `gates`: the depolarizing probability of each gate, which is what its error has beyond
          the relaxation during its duration. It saturates at 1, a fully depolarizing gate.
        - `relaxation`: the rates 1/T1 and 1/T2, so it acts in gates and in idle times. Gate errors
          follow: their relaxation part is computed anew, their depolarizing part stays.
        - `readout`: both probabilities of a wrong outcome. They saturate at 1/2, a coin toss.

        A measured value beyond the point of saturation stays. Errors, probabilities and T2 <= 2 T1
        remain physical for any factor; durations and frequencies do not change. With factor 0
        there is no T1 or T2 (None).

        Args:
            factor: Factor of the mechanisms that are not named.
            gates: Factor of gate errors.
            relaxation: Factor of the rates of T1 and T2.
            readout: Factor of measurement errors.

        Raises:
            InputError: If no factor is given, or one is negative or not finite.

        >>> from qmoe_qiskit import load_profile
        >>> load_profile("ibmq_manila").scale(2, readout=0).history
        ('scaled: gates 2.0, relaxation 2.0, readout 0.0',)
        """
        return scaled(self, factor, gates=gates, relaxation=relaxation, readout=readout)

    def with_fractional_gates(self) -> NoiseProfile:
        """Return the profile of a device that offers its fractional gates too: rx, and rzz.

        A router's rotations then take one pulse instead of two. `rzz` is used for angles that are
        fixed, where that lowers the expected error; its angle must be from 0 to pi/2, and of a free
        angle nobody can say that it is. IBM reports for `rx` the error of `sx`.

        Raises:
            ProfileError: If the calibration has neither gate.

        >>> from qmoe_qiskit import load_profile
        >>> load_profile("ibm_boston").with_fractional_gates().basis_gates
        ('cz', 'id', 'rx', 'rz', 'rzz', 'sx', 'x')
        """
        there = {gate.name for gate in self.gates}.intersection(FRACTIONAL_GATES)
        if not there:
            raise ProfileError(
                f"the calibration of {self.device} has no fractional gates: Heron devices have rx "
                "and rzz, others have none"
            )
        if there <= set(self.basis_gates):
            return self
        return replace(
            self,
            basis_gates=tuple(there.union(self.basis_gates)),
            history=(*self.history, f"fractional gates offered: {', '.join(sorted(there))}"),
        )

    def drift(
        self, rng: np.random.Generator | int, *, hours: float = 24.0, strength: float = 1.0
    ) -> NoiseProfile:
        """Return a plausible later calibration of the same device.

        Every parameter is multiplied by a log-normal factor of median 1. See
        `noise_profiles.changes.drifting` for the sizes and the data that they come from. One drift
        is the whole change between two calibrations: a drift of a drift changes too much. Use
        `stream` for calibrations day by day.

        Args:
            rng: Source of randomness, or a seed; the same state gives the same profile.
            hours: Time between the calibrations in hours. The spread grows with
                sqrt(1 - exp(-hours / 24)).
            strength: Factor of the spread; 0 only moves the date, 1 is what was measured.

        Raises:
            InputError: If `hours` or `strength` is negative or not finite.

        Warns:
            DriftWarning: If the profile has drifted already.

        >>> from qmoe_qiskit import load_profile
        >>> today = load_profile("ibmq_manila")
        >>> today.drift(7, hours=12).captured_at - today.captured_at
        datetime.timedelta(seconds=43200)
        """
        from qmoe_qiskit.noise_profiles.changes.drifting import drifted

        return drifted(self, rng, hours=hours, strength=strength)

    def stream(
        self,
        rng: np.random.Generator | int,
        *,
        days: float,
        every_hours: float = 24.0,
        strength: float = 1.0,
    ) -> Iterator[NoiseProfile]:
        """Yield plausible calibrations of the days to come, each after the one before.

        Parameters fluctuate around a mean, with the memory and the spread of `drift`, however many
        days pass: the calibration after 30 days differs from this one as `drift(hours=720)` does.

        Args:
            rng: Source of randomness, or a seed; the same state gives the same stream.
            days: Length of the stream in days.
            every_hours: Time between calibrations in hours.
            strength: Factor of the spread, as of `drift`.

        Raises:
            InputError: If a number is negative or not finite, or every_hours is 0.

        >>> from qmoe_qiskit import load_profile
        >>> today = load_profile("ibmq_manila")
        >>> [(day.captured_at - today.captured_at).days for day in today.stream(7, days=3)]
        [1, 2, 3]
        """
        from qmoe_qiskit.noise_profiles.changes.drifting import stream

        return stream(self, rng, days=days, every_hours=every_hours, strength=strength)

    def diff(self, other: NoiseProfile) -> ProfileDiff:
        """Compare with another profile, qubit by qubit by their numbers on the device.

        >>> from qmoe_qiskit import load_profile
        >>> today = load_profile("ibmq_manila")
        >>> print(today.diff(today))
        ibmq_manila 2024-05-27 18:27 -> ibmq_manila 2024-05-27 18:27
        no difference
        """
        from qmoe_qiskit.noise_profiles.changes.difference import difference

        return difference(self, other)

    def to_target(self) -> Target:
        """Return what Qiskit's transpiler and Aer need to know about the device.

        Offers the gates of the basis, and measure, reset and delay, on the operational qubits. The
        properties of each measurement carry `prob_meas1_prep0` and `prob_meas0_prep1`, from which
        Aer takes an asymmetric readout error. The angle of rzz is bounded as on IBM's devices, from
        0 to pi/2. Control flow is not part of a profile: compile for the device itself with the
        device's own target.

        Raises:
            ProfileError: If a gate is not one of Qiskit's standard gates.
        """
        from qmoe_qiskit.noise_profiles.qiskit_models import build_target

        return build_target(self)

    def to_noise_model(self) -> NoiseModel:
        """Return Aer's noise model, as `NoiseModel.from_backend` makes it for the device.

        On a gate: depolarization and relaxation that together have the gate's error. On a delay:
        relaxation. On a measurement: readout error, asymmetric as calibrated. Building takes
        seconds on more than a hundred qubits; take a `subset` first.

        Raises:
            ProfileError: If a gate is not one of Qiskit's standard gates.
        """
        from qmoe_qiskit.noise_profiles.qiskit_models import build_noise_model

        return build_noise_model(self)

    def summary(self) -> dict[str, Any]:
        """Return the profile in a few numbers, ready for JSON: medians, ranges and repairs."""
        from qmoe_qiskit.noise_profiles.summaries import summarize

        return summarize(self)

    def notes(self) -> list[str]:
        """Return sentences on what no device of IBM has, and on gates that are not used.

        >>> from qmoe_qiskit import load_profile
        >>> load_profile("ibmq_manila").notes()
        []
        """
        from qmoe_qiskit.noise_profiles.plausibility import notes_on

        return notes_on(self)

    def dumps(self) -> str:
        """Return the canonical JSON: one qubit, gate or repair per line."""
        from qmoe_qiskit.noise_profiles.files import json_file

        return json_file.dumps(self)

    @classmethod
    def loads(cls, text: str | bytes, *, name: str = "the given text") -> NoiseProfile:
        """Read a profile from JSON.

        Args:
            text: The JSON.
            name: What messages call it.

        Raises:
            ProfileError: If it is damaged, of a newer schema, impossible, or was changed.
        """
        from qmoe_qiskit.noise_profiles.files import json_file

        return json_file.loads(text, name, cls)

    def save(self, path: str | Path) -> None:
        """Write the canonical JSON; a reader sees the old file or the new one, never a part.

        Raises:
            ProfileError: If the file cannot be written.
        """
        from qmoe_qiskit.noise_profiles.files import json_file

        json_file.save(self, path)

    @classmethod
    def from_backend(cls, backend: BackendV2 | Target) -> NoiseProfile:
        """Capture the profile of a backend of Qiskit, such as a fake, or of a target.

        Raises:
            ProfileError: If it has no calibrated qubits and gates, see `capture`.
        """
        from qmoe_qiskit.noise_profiles.capture.snapshot import profile_of

        return profile_of(cls, backend, name=None, at=None)

    @classmethod
    def load(cls, path: str | Path) -> NoiseProfile:
        """Read a profile from a file.

        Raises:
            ProfileError: If it cannot be read, or as in `loads`; names the file.
        """
        from qmoe_qiskit.noise_profiles.files import json_file

        return json_file.loads(*json_file.read_file(path), cls)
