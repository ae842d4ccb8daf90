"""The sizes that QPY states, looked at before Qiskit makes room for them.

Qiskit's reader believes them: a file of a kilobyte can ask for gigabytes. The layout is that of
`qiskit.qpy`: per circuit a header, registers, tables, and the circuits of custom gates within.
"""

import re
import struct
from typing import Any

from qiskit.qpy import formats

from qmoe_qiskit import limits
from qmoe_qiskit.errors import InputError

_OLDEST_VERSION = 13  # of Qiskit 1.3: the first that Qiskit reads without evaluating text
_TABLE_VERSION = 18  # of Qiskit 2.6: vectors of parameters stand in a table
# Before, each element states its vector: a letter and the size of what follows; the lengths of name
# and vector, an identity, and the index.
_ELEMENT = re.compile(rb"v(?=(\0{5}.{3})(..)(.{8}).{16})", re.DOTALL)
_ELEMENT_SIZE = struct.calcsize("!HQ16sQ")


def check_sizes(data: bytes) -> None:
    """Refuse QPY that states more of something than is accepted.

    Raises:
        InputError: If a size is too large, or the version is too old.
        ValueError: If the bytes are no QPY.
        struct.error: If they end too early.
    """
    if len(data) > limits.CIRCUIT_BYTES:
        raise InputError(
            f"a circuit in QPY may take {limits.shown('CIRCUIT_BYTES')}, got {len(data):,} bytes"
        )
    reader = _Reader(data)
    file = formats.FILE_HEADER_V10._make(reader.take(formats.FILE_HEADER_V10_PACK))
    if file.preface != b"QISKIT":
        raise ValueError("it does not begin with QISKIT")
    if file.qpy_version < _OLDEST_VERSION:
        raise InputError(
            f"QPY of version {file.qpy_version} is too old: write the circuit again with Qiskit "
            "1.3 or newer"
        )
    if file.num_programs != 1:
        raise ValueError(f"it holds {file.num_programs} circuits")
    reader.take("!c")  # the type of the programs
    if file.qpy_version >= 16:
        (reader.at,) = reader.take(formats.CIRCUIT_TABLE_ENTRY_PACK)
    _check_circuit(reader, file.qpy_version, 0)
    if file.qpy_version < _TABLE_VERSION:
        _check_elements(data)


class _Reader:
    """Bytes, and a place in them."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return values

    def bytes(self, size: int) -> bytes:
        self.at += size
        if self.at > len(self.data):
            raise ValueError("it ends too early")
        return self.data[self.at - size : self.at]


def _check_circuit(reader: _Reader, version: int, depth: int) -> None:
    _at_most("levels of definitions", depth, limits.NESTING)
    header = formats.CIRCUIT_HEADER_V12._make(reader.take(formats.CIRCUIT_HEADER_V12_PACK))
    _at_most("qubits", header.num_qubits, limits.QUBITS)
    _at_most("classical bits", header.num_clbits, limits.QUBITS)
    _at_most("registers", header.num_registers, limits.QUBITS)
    _at_most("instructions", header.num_instructions, limits.INSTRUCTIONS)
    reader.bytes(header.name_size + header.global_phase_size + header.metadata_size)
    if version < _TABLE_VERSION:
        return
    for _ in range(header.num_registers):
        _, _, size, name_size, _, is_range = reader.take("!c?IH??")
        _at_most("bits of a register", size, limits.QUBITS)
        reader.bytes(name_size + 4 * (1 if is_range else size))
    (n_namespaces,) = reader.take("!I")
    if header.num_vars or n_namespaces:
        raise InputError("a router circuit in QPY has no variables and no annotations")
    (n_vectors,) = reader.take("!H")
    for _ in range(n_vectors):
        name_size, length, _ = reader.take("!HQ16s")
        _at_most("parameters of a vector", length, limits.COLUMNS)
        reader.bytes(name_size)
    (n_definitions,) = reader.take(formats.CUSTOM_CIRCUIT_DEF_HEADER_PACK)
    for _ in range(n_definitions):
        gate = formats.CUSTOM_CIRCUIT_INST_DEF_V2._make(
            reader.take(formats.CUSTOM_CIRCUIT_INST_DEF_V2_PACK)
        )
        _at_most("qubits", gate.num_qubits + gate.num_ctrl_qubits, limits.QUBITS)
        name = reader.bytes(gate.gate_name_size)
        if gate.custom_definition:
            definition = reader.bytes(gate.size)
            if not name.startswith(b"###PauliEvolutionGate_"):
                _check_circuit(_Reader(definition), version, depth + 1)
        reader.bytes(gate.base_gate_size)


def _check_elements(data: bytes) -> None:
    for found in _ELEMENT.finditer(data):
        size, name_size, length = (int.from_bytes(part, "big") for part in found.groups())
        if size == _ELEMENT_SIZE + name_size:
            _at_most("parameters of a vector", length, limits.COLUMNS)


def _at_most(what: str, stated: int, limit: int) -> None:
    if stated > limit:
        raise InputError(f"a circuit in QPY may have {limit} {what}, this one states {stated}")
