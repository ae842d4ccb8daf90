"""Circuits that promise too much: one sentence each, within 5 s of processor time and 1 GiB."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import ParameterVector
from qiskit.qpy import formats

from qmoe_qiskit import limits
from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def qpy_of(circuit: QuantumCircuit) -> bytes:
    buffer = io.BytesIO()
    qpy.dump(circuit, buffer)
    return buffer.getvalue()


def with_header(data: bytes, **fields: int) -> bytes:
    start = formats.FILE_HEADER_V10_SIZE + 1 + formats.CIRCUIT_TABLE_ENTRY_SIZE
    layout, end = formats.CIRCUIT_HEADER_V12_PACK, start + formats.CIRCUIT_HEADER_V12_SIZE
    header = formats.CIRCUIT_HEADER_V12._make(struct.unpack(layout, data[start:end]))
    return data[:start] + struct.pack(layout, *header._replace(**fields)) + data[end:]


def laughing() -> QuantumCircuit:
    """A circuit of a few kilobytes that unfolds into 100 000 gates."""
    circuit = QuantumCircuit(1)
    circuit.h(0)
    for level in range(5):
        gate = circuit.to_gate(label=None)
        gate.name = f"level{level}"
        circuit = QuantumCircuit(1)
        for _ in range(10):
            circuit.append(gate, [0])
    return circuit


def long_loop() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    body = QuantumCircuit(1)
    body.h(0)
    circuit.for_loop(range(10**9), None, body, [0], [])
    return circuit


@pytest.fixture
def stored(copy_of_run: Path) -> bytes:
    return (copy_of_run / "router.qpy").read_bytes()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: with_header(d, num_qubits=2**32 - 1), "2000 qubits, this one states 4294967295"),
        (lambda d: with_header(d, num_clbits=10**8), "2000 classical bits"),
        (lambda d: with_header(d, num_registers=2**32 - 1), "2000 registers"),
        (lambda d: with_header(d, num_instructions=2**63), "50000 instructions"),
        (lambda d: with_header(d, metadata_size=2**62), "it ends too early"),
        (lambda d: d[:6] + b"\x0c" + d[7:], "version 12 is too old"),
        (lambda d: d[:6] + b"\xff" + d[7:], "not a router circuit"),
        (lambda d: d[:10] + b"\xff" * 8 + d[18:], "circuits"),
        (lambda d: d + bytes(limits.CIRCUIT_BYTES), "at most 4 MiB are read"),
        (lambda _: b"", "not a router circuit"),
    ],
)
def test_circuits(
    *,
    refused_within_limits: Callable[..., None],
    copy_of_run: Path,
    forge: Callable[..., Path],
    stored: bytes,
    spoil: Callable[[bytes], bytes],
    words: str,
) -> None:
    forge(copy_of_run, files={"router.qpy": spoil(stored)})
    refused_within_limits(words, "info", "run")


def test_loops_that_never_end(
    refused_within_limits: Callable[..., None], copy_of_run: Path, forge: Callable[..., Path]
) -> None:
    circuit = long_loop()
    circuit.metadata = {
        "inputs": [[]],
        "weights": [[]],
        "degree": None,
        "observables": [[["Z", 1.0]]],
    }
    forge(copy_of_run, files={"router.qpy": qpy_of(circuit)})
    refused_within_limits("unfolds into more than 50000 operations", "info", "run")


def test_definitions_that_never_end() -> None:
    with pytest.raises(InputError, match="unfolds into more than 50000 operations"):
        RouterCircuit.from_circuit(laughing(), inputs=[])


def test_long_vectors(
    refused_within_limits: Callable[..., None], copy_of_run: Path, forge: Callable[..., Path]
) -> None:
    """Of old and of new QPY: Qiskit makes all elements of a vector when it meets one."""
    vector = ParameterVector("vector", 3)
    circuit = QuantumCircuit(1)
    circuit.rx(vector[1], 0)
    for version in (17, formats_version()):
        buffer = io.BytesIO()
        qpy.dump(circuit, buffer, version=version)
        data = buffer.getvalue().replace(struct.pack("!HQ", 6, 3), struct.pack("!HQ", 6, 10**8))
        assert data != buffer.getvalue()
        forge(copy_of_run, files={"router.qpy": data})
        refused_within_limits("10000 parameters of a vector, this one states", "info", "run")


def formats_version() -> int:
    return int(qpy.common.QPY_VERSION)
