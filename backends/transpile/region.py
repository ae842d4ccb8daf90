"""The qubits of a device that a router may use: those that work, or those that the user names."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from qmoe_qiskit.circuits import RouterCircuit
    from qmoe_qiskit.noise_profiles import NoiseProfile


def usable_region(
    router: RouterCircuit, profile: NoiseProfile, qubits: Sequence[int] | None
) -> tuple[int, ...]:
    """Return the qubits of a device that a router may use.

    Args:
        router: The router.
        profile: The calibration of the device.
        qubits: What the user names; None for all qubits that work.

    Raises:
        InputError: If they are not on the device, not connected, or too few, or do not work.
    """
    device = profile.device
    _check_width(router.n_qubits, profile.n_qubits, f"{device} has {profile.n_qubits}")
    usable = tuple(qubit.qubit for qubit in profile.qubits if qubit.operational)
    if not usable:
        raise InputError(
            f"no qubit of {device} works: none can be measured and has a working gate; use another "
            "device, or another calibration of it"
        )
    region = usable if qubits is None else _checked(router, profile, qubits)
    what = f"{len(usable)} of the {profile.n_qubits} qubits of {device} work"
    _check_width(router.n_qubits, len(region), what)
    _check_couplers(router, profile, region)
    return region


def narrowed(qubits: Sequence[int], profile: NoiseProfile, size: int) -> tuple[int, ...]:
    """Drop qubits, largest readout error first, as long as the others stay connected."""
    kept = sorted(qubits, key=lambda q: -(profile.qubits[q].readout_error or 0.0))
    while len(kept) > size:
        others = ([q for q in kept if q != qubit] for qubit in kept)
        connected = (rest for rest in others if reachable(rest, profile.couplings) == set(rest))
        kept = next(connected, kept[1:])
    return tuple(sorted(kept))


def good_regions(
    profile: NoiseProfile, size: int, error: Callable[[tuple[int, ...]], float]
) -> list[tuple[int, ...]]:
    """Return connected regions with small errors, the best of each shape, the best first.

    Regions grow from every coupler, by the qubit that adds the smallest error. The shape of a
    region is how many couplers each of its qubits has.

    Args:
        profile: The device.
        size: The number of qubits of a region.
        error: Takes a qubit or a pair of qubits to its part of the error.
    """
    near: dict[int, dict[int, float]] = defaultdict(dict)
    for a, b in profile.couplings:
        for q, other in ((a, b), (b, a)):
            near[q][other] = min(error((a, b)), near[q].get(other, math.inf))
    alone = {q: error((q,)) for q in near}
    found: dict[tuple[int, ...], tuple[float, tuple[int, ...]]] = {}
    for start in {tuple(sorted(pair)) for pair in profile.couplings}:
        region, total = list(start), near[start[0]][start[1]] + sum(alone[q] for q in start)
        while len(region) < size:
            # Of several couplers into the region, the first to be used is the best.
            adds = {
                q: alone[q] + min(cost for other, cost in near[q].items() if other in region)
                for inside in region
                for q in near[inside]
                if q not in region
            }
            if not adds:
                break
            best = min(adds, key=lambda q: (adds[q], q))
            region.append(best)
            total += adds[best]
        if len(region) == size:
            shape = tuple(sorted(len(near[q].keys() & set(region)) for q in region))
            found[shape] = min(found.get(shape, (math.inf, ())), (total, tuple(sorted(region))))
    return [region for _, region in sorted(found.values())]


def reachable(region: Collection[int], couplings: Iterable[Sequence[int]]) -> set[int]:
    """Return the qubits of a region that couplers within it connect to its first."""
    reached = {next(iter(region))}
    edges = [set(pair) for pair in couplings if set(pair) <= set(region)]
    while grown := {q for e in edges if e & reached for q in e} - reached:
        reached |= grown
    return reached


def _check_width(needed: int, there: int, what: str) -> None:
    if needed > there:
        raise InputError(
            f"the router has {needed} qubits, {what}: use a smaller router (--qubits) or another "
            "device"
        )


def _check_couplers(router: RouterCircuit, profile: NoiseProfile, region: Collection[int]) -> None:
    """Refuse what the transpiler would answer with a panic, or in its own words."""
    circuit = router.standard_circuit
    pairs = [
        [circuit.find_bit(q).index for q in step.qubits]
        for step in circuit.data
        if len(step.qubits) == 2 and step.operation.name != "barrier"
    ]
    if not pairs:
        return
    inside = [pair for pair in profile.couplings if set(pair) <= set(region)]
    if not inside:
        raise InputError(
            f"{profile.device} has no two-qubit gate that works and that Aer can simulate: use "
            "another device, or a router without entangling gates"
        )
    needed = _largest_part(range(router.n_qubits), pairs)
    there = _largest_part(region, inside)
    if needed > there:
        raise InputError(
            f"the router entangles {needed} qubits, and at most {there} qubits that work are "
            f"connected on {profile.device}: use a smaller router (--qubits) or another device"
        )


def _largest_part(qubits: Iterable[int], pairs: Sequence[Sequence[int]]) -> int:
    """Return the number of qubits in the largest connected part."""
    left, largest = list(qubits), 0
    while left:
        part = reachable(left, pairs)
        largest = max(largest, len(part))
        left = [q for q in left if q not in part]
    return largest


def _checked(
    router: RouterCircuit, profile: NoiseProfile, qubits: Sequence[int]
) -> tuple[int, ...]:
    strange = [q for q in qubits if isinstance(q, bool) or not hasattr(q, "__index__")]
    if strange:
        raise InputError(f"qubits must be whole numbers, got {strange[0]!r}")
    region = tuple(int(q) for q in qubits)
    n_device = len(profile.qubits)
    outside = [q for q in region if not 0 <= q < n_device]
    if outside:
        raise InputError(
            f"qubits {outside} are not on {profile.device}: it has qubits 0 to {n_device - 1}"
        )
    if len(set(region)) < len(region):
        raise InputError(f"qubits {list(region)} name a qubit twice: name each once")
    if len(region) < router.n_qubits:
        raise InputError(
            f"qubits {list(region)} are {len(region)}, the router needs {router.n_qubits}: "
            "name at least as many"
        )
    if dead := [q for q in region if not profile.qubits[q].operational]:
        raise InputError(f"qubits {dead} of {profile.device} do not work: name others")
    if lost := set(region) - reachable(region, profile.couplings):
        raise InputError(
            f"qubits {list(region)} are not connected on {profile.device}: "
            f"{sorted(lost)} cannot be reached from {region[0]} within them"
        )
    return region
