"""Profiles made from profiles: scaled, drifted, restricted, compared.

Shapes: as in `qmoe_qiskit.noise_profiles`.
"""
