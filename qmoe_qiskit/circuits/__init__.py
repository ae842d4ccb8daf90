"""Router circuits: what they are, and how to build the paper's.

Shapes: B batch, F inputs of the circuit (features), W weights of the circuit, S basis states.
"""

from qmoe_qiskit.circuits.amplitude import amplitude_angles, amplitude_circuit
from qmoe_qiskit.circuits.angle import ENTANGLEMENTS, ROTATIONS, angle_router
from qmoe_qiskit.circuits.router import RouterCircuit

__all__ = [
    "ENTANGLEMENTS",
    "ROTATIONS",
    "RouterCircuit",
    "amplitude_angles",
    "amplitude_circuit",
    "angle_router",
]
