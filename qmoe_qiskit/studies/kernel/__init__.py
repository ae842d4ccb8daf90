"""The study `kernel`.

Shapes: N training rows, M held-out rows or draws of parameters, B points, C columns, F features,
K coordinates of a router, W circuit weights, O observables, P parameters, E experts, R outputs,
S sizes.
"""
