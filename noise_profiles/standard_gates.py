"""Qiskit's standard gates by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from qiskit.circuit import Instruction
from qiskit.circuit.library import get_standard_gate_name_mapping


@cache
def standard_gates() -> Mapping[str, Instruction]:
    """Return the gates, which nobody is to change: Qiskit makes all of them anew for each call."""
    return MappingProxyType(get_standard_gate_name_mapping())
