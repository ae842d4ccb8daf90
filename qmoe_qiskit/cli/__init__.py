"""The command line `qmoe`."""

from __future__ import annotations

from qmoe_qiskit.cli.app import app, main

__all__ = ["app", "main"]
