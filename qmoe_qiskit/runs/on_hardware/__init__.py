"""Evaluating a run on quantum hardware."""
