"""What differs between two profiles, see `NoiseProfile.diff`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qmoe_qiskit.noise_profiles.profile import NoiseProfile

# (item, qubits on the device) -> value, or None if it was not reported.
_Table = dict[tuple[str, tuple[int, ...]], float | None]

SHOWN = 10
_FIELDS = {
    "T1": "t1", "T2": "t2", "frequency": "frequency", "P(1|0)": "p_meas1_prep0",
    "P(0|1)": "p_meas0_prep1", "readout length": "readout_length",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Change:
    """A parameter that has another value.

    Attributes:
        item: The parameter, such as "T1" or "cz error".
        qubits: Numbers of its qubits on the device.
        before: Value in the first profile; None if it has none.
        after: Value in the second profile; None if it has none.
    """

    item: str
    qubits: tuple[int, ...]
    before: float | None
    after: float | None

    @property
    def relative(self) -> float | None:
        """The change divided by the first value, or None if that is zero or unknown."""
        if self.before is None or self.after is None or self.before == 0:
            return None
        return (self.after - self.before) / self.before

    def __str__(self) -> str:
        before, after = ("none" if v is None else f"{v:.4g}" for v in (self.before, self.after))
        change = "" if self.relative is None else f" ({self.relative:+.1%})"
        return f"{self.item} {_place(self.qubits)}: {before} -> {after}{change}"


@dataclass(frozen=True, kw_only=True)
class ProfileDiff:
    """The differences of two profiles; false if they are equal, readable as text.

    Attributes:
        first: Device and date of the first profile.
        second: Device and date of the second.
        facts: Facts about the whole device that differ, with both values.
        changes: Parameters that differ, sorted by item and qubits.
        added: Qubits and gates that only the second has.
        removed: Qubits and gates that only the first has.
    """

    first: str
    second: str
    facts: dict[str, tuple[Any, Any]]
    changes: tuple[Change, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.facts or self.changes or self.added or self.removed)

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return asdict(self) | {
            "changes": [asdict(change) | {"relative": change.relative} for change in self.changes]
        }

    def __str__(self) -> str:
        lines = [f"{self.first} -> {self.second}"]
        if not self:
            lines.append("no difference")
        lines += [f"{name}: {before} -> {after}" for name, (before, after) in self.facts.items()]
        for what, names in (("second", self.added), ("first", self.removed)):
            if names:
                more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
                lines.append(f"only in the {what}: {', '.join(names[:SHOWN])}{more}")
        by_item: dict[str, list[Change]] = defaultdict(list)
        for change in self.changes:
            by_item[change.item].append(change)
        for item, changes in by_item.items():
            sizes = [abs(c.relative) for c in changes if c.relative is not None]
            middle = f", median change {median(sizes):.1%}" if sizes else ""
            lines.append(f"{item}: {len(changes)} changed{middle}")
        compared = [change for change in self.changes if change.relative is not None]
        largest = sorted(compared, key=lambda change: -abs(change.relative or 0.0))[:SHOWN]
        if largest:
            lines += ["largest changes:", *(f"  {change}" for change in largest)]
        return "\n".join(lines)


def difference(first: NoiseProfile, second: NoiseProfile) -> ProfileDiff:
    """Compare two profiles, see `NoiseProfile.diff`."""
    (before, had), (after, has) = _tables(first), _tables(second)
    changes = [
        Change(item=item, qubits=qubits, before=before[item, qubits], after=after[item, qubits])
        for item, qubits in sorted(before.keys() & after.keys())
        if before[item, qubits] != after[item, qubits]
    ]
    facts = {
        name: (getattr(first, name), getattr(second, name))
        for name in ("device", "family", "dt", "basis_gates")
        if getattr(first, name) != getattr(second, name)
    }
    labels = [f"{p.device} {p.captured_at:%Y-%m-%d %H:%M}" for p in (first, second)]
    return ProfileDiff(
        first=labels[0],
        second=labels[1],
        facts=facts,
        changes=tuple(changes),
        added=tuple(f"{name} {_place(qubits)}" for name, qubits in sorted(has - had)),
        removed=tuple(f"{name} {_place(qubits)}" for name, qubits in sorted(had - has)),
    )


def _tables(profile: NoiseProfile) -> tuple[_Table, set[tuple[str, tuple[int, ...]]]]:
    """Return the values of a profile, and its qubits and gates, by numbers on the device."""
    values: _Table = {}
    there: set[tuple[str, tuple[int, ...]]] = set()
    for qubit, number in zip(profile.qubits, profile.physical_qubits, strict=True):
        at: tuple[int, ...] = (number,)
        there.add(("qubit", at))
        values |= {(name, at): getattr(qubit, field) for name, field in _FIELDS.items()}
        values["operational", at] = float(qubit.operational)
    for gate in profile.gates:
        at = tuple(profile.physical_qubits[q] for q in gate.qubits)
        there.add((gate.name, at))
        values[f"{gate.name} error", at] = gate.error
        values[f"{gate.name} duration", at] = gate.duration
    return values, there


def _place(qubits: tuple[int, ...]) -> str:
    return "-".join(map(str, qubits))
