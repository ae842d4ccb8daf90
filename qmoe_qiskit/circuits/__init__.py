"""Router circuits: what they are, and how to build them.

Shapes: B batch, F inputs of the circuit (features), W weights of the circuit, S basis states.

The public names are loaded when first used: help texts read the table of families without Qiskit.
"""

from typing import TYPE_CHECKING

from qmoe_qiskit.lazy import load_lazily

if TYPE_CHECKING:
    from qmoe_qiskit.circuits.amplitude import amplitude_angles, amplitude_circuit
    from qmoe_qiskit.circuits.angle import ROTATIONS, angle_router
    from qmoe_qiskit.circuits.families import (
        CIRCUITS,
        CircuitFamily,
        CircuitSettings,
        build_circuit,
    )
    from qmoe_qiskit.circuits.layers import ENTANGLEMENTS, Couplers
    from qmoe_qiskit.circuits.router import RouterCircuit
    from qmoe_qiskit.circuits.zz import zz_router

__all__ = [
    "CIRCUITS",
    "ENTANGLEMENTS",
    "ROTATIONS",
    "CircuitFamily",
    "CircuitSettings",
    "Couplers",
    "RouterCircuit",
    "amplitude_angles",
    "amplitude_circuit",
    "angle_router",
    "build_circuit",
    "zz_router",
]

__getattr__, __dir__ = load_lazily(
    "qmoe_qiskit.circuits",
    {
        ".amplitude": ["amplitude_angles", "amplitude_circuit"],
        ".angle": ["ROTATIONS", "angle_router"],
        ".families": ["CIRCUITS", "CircuitFamily", "CircuitSettings", "build_circuit"],
        ".layers": ["ENTANGLEMENTS", "Couplers"],
        ".router": ["RouterCircuit"],
        ".zz": ["zz_router"],
    },
)
