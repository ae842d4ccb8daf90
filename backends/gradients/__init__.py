"""Gradients of sampled circuits: the parameter-shift rule and SPSA.

Shapes: B batch of samples, F inputs per sample, W circuit weights, O observables, G angles of the
circuit's rotations, S signs of a shift (+ and -), D random directions, P points.
"""
