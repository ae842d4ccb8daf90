"""Measuring the surrogate of a run's circuit."""
