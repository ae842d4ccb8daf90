"""Execution of a program: samplex, circuits, bits, and the encoded result."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from ibm_quantum_schemas.common import CompressedTensorModel
from ibm_quantum_schemas.executor.version_2_0 import (
    ItemMetadataModel,
    MetadataModel,
    QuantumProgramResultItemModel,
    QuantumProgramResultModel,
)
from numpy.typing import NDArray
from qiskit_ibm_runtime.quantum_program.converters.converters_2_0 import passthrough_data_to_2_0

from ibm_service.sampling import Bits, sample_bits

if TYPE_CHECKING:
    from qiskit.circuit import ClassicalRegister, QuantumCircuit
    from qiskit_ibm_runtime.quantum_program import QuantumProgram

    from ibm_service.devices import Device

Arrays = dict[str, NDArray[Any]]


def execute(program: QuantumProgram, device: Device, seed: int) -> str:
    """Return the result of a program as JSON; equal seeds give equal results."""
    rng = np.random.default_rng(seed)
    data = [
        QuantumProgramResultItemModel(
            results={
                name: CompressedTensorModel.from_numpy(array)
                for name, array in _run(item, program.shots, device, rng).items()
            },
            metadata=ItemMetadataModel(),
        )
        for item in program.items
    ]
    result = QuantumProgramResultModel(
        data=data,
        metadata=MetadataModel(chunk_timing=[]),
        passthrough_data=passthrough_data_to_2_0(program.passthrough_data),
        semantic_role=program._semantic_role,
    )
    return str(result.model_dump_json())


def _run(item: Any, shots: int, device: Device, rng: np.random.Generator) -> Arrays:
    """Return the arrays of one item, registers in shape (*item.shape, shots, bits)."""
    others: Arrays = {}
    if hasattr(item, "samplex"):
        others = _sampled(item, rng)
        values = others.pop("parameter_values")
    else:
        values = item.circuit_arguments
    shape = tuple(item.shape)
    n, n_parameters = math.prod(shape), values.shape[-1]
    flat_NG = np.broadcast_to(values, (*shape, n_parameters)).reshape(n, n_parameters)
    bits_NSB = sample_bits(item.circuit, flat_NG, shots, device, rng)
    registers = {
        register.name: _columns(bits_NSB, item.circuit, register).reshape(
            *shape, shots, len(register)
        )
        for register in item.circuit.cregs
    }
    return others | registers


def _columns(bits_NSB: Bits, circuit: QuantumCircuit, register: ClassicalRegister) -> Bits:
    """Return the bits of a register, without a copy if it holds all bits."""
    columns = [circuit.find_bit(bit).index for bit in register]
    if columns == list(range(bits_NSB.shape[-1])):
        return bits_NSB
    chosen: Bits = bits_NSB[..., columns]
    return chosen


def _sampled(item: Any, rng: np.random.Generator) -> Arrays:
    """Draw every randomization of an item; the arrays' shapes begin with the item's shape.

    Axes along which an argument varies are points; the others are randomizations of one point.
    """
    item.samplex.finalize()
    arguments, shape = item.samplex_arguments, tuple(item.shape)
    widths = (1,) * (len(shape) - arguments.ndim) + tuple(arguments.shape)
    swept = [axis for axis, width in enumerate(widths) if width > 1]
    drawn = [axis for axis, width in enumerate(widths) if width <= 1]
    n_drawn = math.prod(shape[axis] for axis in drawn)
    points = list(np.ndindex(*(shape[axis] for axis in swept)))
    outputs: dict[str, list[NDArray[Any]]] = {}
    for point in points:
        where = dict(zip(swept, point, strict=True))
        place = tuple(where.get(axis, 0) for axis in range(len(shape)))
        one = item.samplex.sample(
            arguments[place[len(shape) - arguments.ndim :]],
            num_randomizations=n_drawn,
            rng=rng,
            max_workers=1,  # threads cost more time than they save
        )
        for name, array in dict(one).items():
            outputs.setdefault(name, []).append(array)
    # From (points, randomizations, ...) to the item's order of axes.
    order = np.argsort(swept + drawn).tolist()
    axes = [shape[axis] for axis in swept + drawn]
    return {
        name: _reordered(np.stack(arrays), axes, order)
        for name, arrays in outputs.items()
        if points
    }


def _reordered(array: NDArray[Any], axes: list[int], order: list[int]) -> NDArray[Any]:
    rest = array.shape[2:]
    unfolded = array.reshape(*axes, *rest)
    return unfolded.transpose(*order, *range(len(order), len(order) + len(rest)))
