"""Trainings that several studies share.

Shapes: N rows, B points, F features, W circuit weights, E experts, P parameters.
"""
