"""Planning the shots of a run on a device: how often they change a decision, and what they cost.

Shapes: N rows, P points at which the circuit runs, S measured bit strings, T Pauli terms, O
observables, E experts, R repeated executions, K slots, L blocks of K points.
"""
