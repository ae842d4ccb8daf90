"""Checks of gates, qubits and angles before a primitive gets them."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import fake_provider

from qmoe_qiskit.errors import InputError
from qmoe_qiskit.hardware.options import RuntimeOptions
from qmoe_qiskit.hardware.primitives import check_pub
from qmoe_qiskit.hardware.work import WorkUnit

ROOT = Path(__file__).parents[2]
FRACTIONAL = fake_provider.FakeFractionalBackend()
HALF = np.pi / 2


def work_of(circuit: QuantumCircuit, points_PG: Any) -> WorkUnit:
    return WorkUnit(
        key="0" * 64,
        spec="runtime:some",
        device="ibm_some",
        title="",
        circuit=circuit,
        physical_qubits=(0, 1),
        observables=(SparsePauliOp("ZZ"),),
        points_PG=np.array(points_PG, dtype=float),
        shots=10,
        options=RuntimeOptions(),
    )


def rotated() -> QuantumCircuit:
    """A circuit in the device's gates; the angle of its rzz is half the second parameter."""
    angles = ParameterVector("angle", 2)
    circuit = QuantumCircuit(FRACTIONAL.num_qubits)
    circuit.rx(angles[0], 0)
    circuit.rzz(angles[1] / 2, 0, 1)
    return circuit


def test_what_the_device_can_run() -> None:
    check_pub(work_of(rotated(), [[9.0, 0.0], [-9.0, 2 * HALF]]), FRACTIONAL.target)


@pytest.mark.parametrize("angle", [-0.01, 2 * HALF + 0.01, 7.0])
def test_fractional_gates_beyond_their_angles(angle: float) -> None:
    work = work_of(rotated(), [[0.0, 0.1], [0.0, angle]])
    with pytest.raises(InputError, match=r"ibm_some cannot run this circuit: .*rzz.*pi/2"):
        check_pub(work, FRACTIONAL.target)


@pytest.mark.parametrize("gate", ["h", "cz", "swap"])
def test_gates_and_couplings_that_the_device_has_not(gate: str) -> None:
    circuit = rotated()
    if gate == "h":
        circuit.h(0)
    elif gate == "cz":
        circuit.cz(0, FRACTIONAL.num_qubits - 1)
    else:
        circuit.swap(0, 1)
    with pytest.raises(InputError, match=rf"ibm_some cannot run this circuit: .*{gate}"):
        check_pub(work_of(circuit, [[0.0, 0.1]]), FRACTIONAL.target)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_angles_that_are_not_finite(value: float) -> None:
    good = work_of(rotated(), np.full((3, 2), 0.1))
    points_PG = good.points_PG.copy()
    points_PG[2, 0] = value
    work = dataclasses.replace(good, points_PG=points_PG)
    with pytest.raises(InputError, match=rf"angle \[2, 0\] is {value}: .*nothing was sent"):
        check_pub(work, FRACTIONAL.target)


# Deprecated since 0.50, in favour of executor_estimator.Estimator and executor_sampler.Sampler.
OLD_NAMES = {"Estimator", "EstimatorV2", "Sampler", "SamplerV2"}
OLD_MODULES = {f"qiskit_ibm_runtime{name}" for name in ("", ".estimator", ".sampler", ".options")}


def old_primitives(source: str) -> set[str]:
    """The deprecated primitives of IBM that a program imports, in any form."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module in OLD_MODULES:
                found |= {alias.name for alias in node.names} & OLD_NAMES
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in OLD_MODULES:
            found |= {node.attr} & OLD_NAMES
    return found


def test_the_deprecated_primitives_do_not_appear() -> None:
    for source in (
        "from qiskit_ibm_runtime import Batch, EstimatorV2",
        "from qiskit_ibm_runtime.sampler import SamplerV2 as Sampler",
        "import qiskit_ibm_runtime\nqiskit_ibm_runtime.Estimator(backend)",
    ):
        assert old_primitives(source)
    assert not old_primitives("from qiskit_ibm_runtime.executor_estimator import Estimator")
    files = [
        file
        for folder in ("qmoe_qiskit", "backends", "noise_profiles", "scripts")
        for file in (ROOT / folder).rglob("*.py")
    ]
    assert len(files) > 100
    sources = {str(file): file.read_text() for file in files}
    users = {file for file, source in sources.items() if "qiskit_ibm_runtime" in source}
    assert len(users) > 10
    assert [file for file in users if old_primitives(sources[file])] == []
