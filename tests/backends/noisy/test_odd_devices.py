"""Devices that lack something: they work with what is there, or are refused in one sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit.circuit import Measure, Parameter
from qiskit.circuit.library import (
    CRZGate,
    CXGate,
    CZGate,
    ECRGate,
    RZGate,
    SwapGate,
    SXGate,
    iSwapGate,
)
from qiskit.providers import QubitProperties
from qiskit.transpiler import InstructionProperties, Target

from qmoe_qiskit.backends.noisy.backend import NoisyBackend
from qmoe_qiskit.circuits import angle_router
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.noise_profiles import capture, load_profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qiskit.circuit import Gate

    from qmoe_qiskit.noise_profiles import NoiseProfile
    from qmoe_qiskit.typing import FloatArray


def line(
    n_qubits: int = 3,
    *,
    measured: Iterable[int] | None = None,
    sx_error: float = 1e-4,
    gates: Sequence[tuple[Gate, Iterable[tuple[int, int]]]] | None = None,
    durations: tuple[float | None, float | None, float | None] = (3e-8, 6e-8, 1e-6),
) -> NoiseProfile:
    """A line of qubits; durations of sx, of two-qubit gates and of measurements."""
    one, two, readout = durations
    places = [(q, q + 1) for q in range(n_qubits - 1)]
    target = Target(
        "line",
        num_qubits=n_qubits,
        dt=1e-9,
        qubit_properties=[QubitProperties(t1=1e-4, t2=8e-5)] * n_qubits,
    )
    here = [(q,) for q in range(n_qubits)]
    target.add_instruction(SXGate(), {q: InstructionProperties(one, sx_error) for q in here})
    target.add_instruction(RZGate(Parameter("t")), {q: InstructionProperties(0, 0) for q in here})
    for gate, pairs in [(CZGate(), places)] if gates is None else gates:
        target.add_instruction(gate, {p: InstructionProperties(two, 1e-3) for p in pairs})
    measured = range(n_qubits) if measured is None else measured
    target.add_instruction(
        Measure(), {(q,): InstructionProperties(readout, 0.01) for q in measured}
    )
    return capture(target)


def values(
    profile: NoiseProfile, n_qubits: int = 2, *, entanglement: str = "strong", **settings: Any
) -> tuple[FloatArray, tuple[int, ...]]:
    """The values of a router, which `compile` compares with Aer's, and its qubits."""
    router = angle_router(n_qubits, 1, entanglement=entanglement)
    backend = NoisyBackend(name="odd", noise=profile, seed=1, **settings)
    compiled = backend.compile(router)
    x_BF = np.linspace(-1, 1, n_qubits)[None]
    found = compiled.expectations(x_BF, np.linspace(1, 2, router.n_weights)).values
    return found, compiled.physical_qubits


@pytest.mark.parametrize("lacks", range(3))
def test_a_missing_duration_is_no_time(lacks: int) -> None:
    durations: list[float | None] = [3e-8, 6e-8, 1e-6]
    durations[lacks] = None
    found, qubits = values(line(durations=tuple(durations)))  # type: ignore[arg-type]
    durations[lacks] = 0.0
    expected, same = values(line(durations=tuple(durations)))  # type: ignore[arg-type]
    assert qubits == same
    np.testing.assert_array_equal(found, expected)
    whole, _ = values(line())
    # A measurement's duration changes nothing: it is the last.
    assert (np.abs(found - whole).max() > 1e-6) == (lacks < 2)


def test_durations_between_time_steps() -> None:
    """Qiskit warns of each that it rounds, and here a warning is an error."""
    found, _ = values(line(durations=(3.04e-8, 6.07e-8, 1e-6)))
    whole, _ = values(line(durations=(3e-8, 6e-8, 1e-6)))
    assert 0 < np.abs(found - whole).max() < 1e-3


def test_qubits_that_cannot_be_measured_are_not_used() -> None:
    """Also where routing would pass through them."""
    profile = line(6, measured=(0, 1, 3, 4, 5))
    _, qubits = values(profile, 3)
    assert set(qubits) == {3, 4, 5}
    _, apart = values(line(5, measured=(0, 2, 4)), 3, entanglement="none")
    assert set(apart) == {0, 2, 4}


IMPOSSIBLE = {
    "no measured pair": (line(measured=(0, 2)), "line has no two-qubit gate that works and"),
    "no measurement": (line(measured=()), "no qubit of line works"),
    "dead sx": (line(sx_error=1.0), "no qubit of line works"),
    "one qubit left": (line(measured=(1,)), "2 qubits, 1 of the 3 qubits of line work: use"),
    "iswap alone": (line(gates=[(iSwapGate(), [(0, 1)])]), "line has no two-qubit gate that works"),
    "swap alone": (
        line(gates=[(SwapGate(), [(0, 1)])]),
        "line cannot run the router's 2 qubits with its gates rz, swap, sx: it needs",
    ),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_no_router_can_run_on(case: str) -> None:
    profile, message = IMPOSSIBLE[case]
    with pytest.raises(InputError, match=message):
        values(profile)


def test_too_few_connected_qubits_that_work() -> None:
    profile = line(6, measured=(0, 1, 3, 4))
    with pytest.raises(InputError, match="the router entangles 3 qubits, and at most 2 qubits"):
        values(profile, 3)
    with pytest.raises(InputError, match=r"qubits \[2\] of line do not work: name others"):
        values(profile, qubits=(1, 2))


@pytest.mark.parametrize("gate", [iSwapGate(), CRZGate(Parameter("t"))])
def test_gates_that_aer_does_not_know_are_left_out(gate: Gate) -> None:
    """Here iswap is as good as cz, and Qiskit prefers it for some circuits."""
    pairs = [(0, 1), (1, 2)]
    found, qubits = values(line(gates=[(CZGate(), pairs), (gate, pairs)]))
    expected, same = values(line())
    assert qubits == same
    np.testing.assert_array_equal(found, expected)


def test_gates_that_aer_does_not_know_in_a_file_made_by_hand() -> None:
    lagos = load_profile("ibm_lagos")
    cx = [gate for gate in lagos.gates if gate.name == "cx"]
    both = replace(
        lagos,
        basis_gates=(*lagos.basis_gates, "iswap"),
        gates=(*lagos.gates, *(replace(gate, name="iswap", error=1e-6) for gate in cx)),
    )
    np.testing.assert_array_equal(values(both)[0], values(lagos)[0])


def test_couplers_of_two_kinds_and_one_direction() -> None:
    """Qiskit turns no cx around into an ecr: the qubits that one kind connects are enough."""
    profile = capture("fake_cairo")
    pairs = {
        name: {frozenset(gate.qubits) for gate in profile.gates if gate.name == name}
        for name in ("cx", "ecr")
    }
    assert not pairs["cx"] & pairs["ecr"]
    for n_qubits in (2, 4):
        _, qubits = values(profile, n_qubits)
        assert len(set(qubits)) == n_qubits
    _, chosen = values(profile, qubits=(21, 23))
    assert set(chosen) == {21, 23}


def test_a_mixed_line_needs_both_kinds() -> None:
    """cx and ecr both ways: nothing is turned around, and a router may use both."""
    both_ways = [(CXGate(), [(0, 1), (1, 0)]), (ECRGate(), [(1, 2), (2, 1)])]
    _, qubits = values(line(gates=both_ways), 3)
    assert set(qubits) == {0, 1, 2}
