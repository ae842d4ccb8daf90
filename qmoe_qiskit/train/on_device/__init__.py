"""Training on a device within a budget: surrogates are measured, and the loss follows from them.

Names of arrays end in their shape. Shapes: N rows, F features, V sets of weights, W circuit
weights, P points of the surrogate's grid, O observables, E experts, C classes, D directions.
"""
