"""Figures of models and runs; see `qmoe_qiskit.report.figures`. Nothing is loaded here."""
