"""The noisy backend: noise, circuits with noise, exact and sampled evaluation.

Shapes: as in `qmoe_qiskit.backends`.
"""
