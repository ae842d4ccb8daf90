"""Packed execution: one router on many disjoint regions ("slots") of a device at once.

Shapes: P points, Q groups of points, M points per group, K slots, R rows of a packed work, G angles
per slot, O observables, N qubits of a device.
"""
