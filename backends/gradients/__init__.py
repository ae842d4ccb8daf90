"""Gradients of circuits that are sampled: the parameter-shift rule and SPSA."""
