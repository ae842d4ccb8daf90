"""Fitted classifiers as files that run with torch or ONNX Runtime alone.

Shapes: N rows, F features, K router coordinates or terms of a polynomial, O outputs of the circuit,
M functions of one input, L frequencies, E experts, C classes.
"""

from qmoe_qiskit.train.export.files import FORMATS, ExportedFile, export_model

__all__ = ["FORMATS", "ExportedFile", "export_model"]
