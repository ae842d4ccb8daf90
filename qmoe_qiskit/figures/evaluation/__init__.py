"""Figures of evaluations: routing beside the exact one, votes, QPU time."""
