"""The command line `qmoe`."""

from qmoe_qiskit.cli.app import app, main

__all__ = ["app", "main"]
