"""The study `experts`.

Shapes: N rows, B batch, F features, C classes, E experts.
"""
