"""Error mitigation: readout correction, gate folding and zero-noise extrapolation.

Shapes: as in `qmoe_qiskit.backends`.
"""
