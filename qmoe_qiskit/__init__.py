"""Mixture-of-experts models whose router is a quantum circuit, from Qiskit circuit to hardware.

The public names are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations
