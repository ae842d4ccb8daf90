"""The runtime backend: IBM Quantum's primitives on a device or on a fake device.

Shapes: B batch of samples, F inputs per sample, W circuit weights, O observables, G angles of the
circuit's rotations, P points (one set of angles each).
"""
