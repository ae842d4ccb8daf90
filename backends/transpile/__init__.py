"""From a router circuit to an ISA circuit: transpiled, placed, scheduled.

Shapes: as in `qmoe_qiskit.backends`.
"""
