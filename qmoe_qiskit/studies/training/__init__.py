"""Trainings that several studies share."""
